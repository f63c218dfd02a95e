"""What is kept, and who gets it."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from edge.config.opcua import OpcUaPlc
from edge.config.section import Name, Port, Positive, Section


class Ledger(Section):
    """The event log."""

    path: Path
    event_buffer_s: Positive = 10.0
    """How long the writer may fall behind before inspection waits."""
    keep_days: Annotated[int, Field(ge=1)] = 30
    """So many day files are kept beside the newest; a day without events has none."""
    max_evidence_mb: Annotated[int, Field(ge=1)] = 2000


class Record(Section):
    """A recording of the run, for `stripsight-edge replay`."""

    path: Path
    """Folder of its files, this camera's alone; on another disk than the ledger where there is one.
    """
    max_gb: Annotated[float, Field(ge=0.1, allow_inf_nan=False)] = 50.0
    """The oldest file gives way when all together would be more (10^9 bytes; 115 MB/s fill 50 in
    seven minutes).
    """


class Mqtt(Section):
    """A broker to deliver to."""

    name: Name = "mqtt"
    """Names the delivery cursor: a renamed receiver starts from the oldest event."""
    host: str
    """A host name, or `embedded` for a broker in Python that the supervisor starts (demonstration
    only).
    """
    port: Port = 1883
    protocol: Annotated[Literal["5", "3.1.1"], BeforeValidator(str)] = "5"
    """MQTT version. 3.1.1 cannot tell that nobody has subscribed or that the broker's rules refused
    an event. The embedded broker knows 3.1.1 only and is always spoken to in it.
    """
    client_id: str | None = None
    """Null: made from site, line, camera and the receiver's name."""
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    """Certificate authority: turns TLS on."""
    cert_file: Path | None = None
    key_file: Path | None = None
    in_flight: Annotated[int, Field(ge=1, le=65535)] = 64
    """Events sent and not yet acknowledged, at most."""
    timeout_s: Positive = 5.0
    """How long the broker may take to connect or to acknowledge before it counts as away."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.password_file and self.username is None:
            raise ValueError("password_file needs username")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.cert_file and self.ca_file is None:
            raise ValueError("cert_file needs ca_file, which turns TLS on")
        return self


Code = Annotated[int, Field(ge=1, le=65535)]


class PlcBlock(Section):
    """The flat block for PLCs, the same in our OPC UA server and in a PLC's own."""

    ring: Annotated[int, Field(ge=1, le=99)] = 16
    """How many defects it holds."""
    class_codes: dict[str, Code] = Field(default_factory=dict)
    """Class name -> number for the PLC, 0 for what is not listed. Given here and not taken from
    the bundle, whose order of classes may change when it is trained again.
    """
    severity_codes: dict[str, Code] = Field(default_factory=dict)
    """Severity of the grading rules -> number for the PLC."""


NAMESPACE = r"^\S{1,255}$"
Policy = Literal["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", "None"]


class OpcUaServer(Section):
    """A server that PLCs and SCADA systems read: `docs/opcua.md`."""

    name: Name = "opcua"
    host: str = "127.0.0.1"
    """Address of this PC to listen on; 0.0.0.0 for all of them."""
    port: Port = 4840
    policies: Annotated[tuple[Policy, ...], Field(min_length=1)] = (
        "Basic256Sha256",
        "Aes128_Sha256_RsaOaep",
        "Aes256_Sha256_RsaPss",
    )
    """All of them sign and encrypt. `None` does neither: then passwords can be read on the network
    and any program gets in that knows one.
    """
    certificate: Path | None = None
    """Ours, in DER; `stripsight-edge opcua certificate` makes it and the key."""
    key: Path | None = None
    trusted: Path | None = None
    """Folder of the certificates of clients that may connect."""
    users: Path | None = None
    """File of names and hashed passwords, made by `stripsight-edge opcua user`."""
    anonymous: bool = False
    """Let clients in without a name. They can read and not write."""
    namespace: Annotated[str, Field(pattern=NAMESPACE)] = "urn:stripsight:plc-block"
    """URI of the block's nodes, the same on every line, so that a PLC's project can be copied."""
    nodeset: Path | None = None
    """`Opc.Ua.MachineVision.NodeSet2.xml`, installed by deploy/setup/nodeset.sh: with it the line
    is shown after OPC 40100-1 too. Null, or where it cannot be read: the flat block alone.
    """
    max_sessions: Annotated[int, Field(ge=1, le=100)] = 20
    session_timeout_s: Annotated[float, Field(ge=5, le=600)] = 30.0
    """A client that is silent for so long has lost its session; shorter where it asks for less."""
    connections_per_s: Annotated[int, Field(ge=1, le=1000)] = 20
    """New connections from one address; more are hung up at once (bursts of 5 s are let pass)."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        secure = any(policy != "None" for policy in self.policies)
        if secure and not (self.certificate and self.key and self.trusted):
            raise ValueError(
                "certificate, key and trusted are needed for secure connections; `stripsight-edge"
                " opcua certificate` makes them where they are named"
            )
        if self.users is None and not self.anonymous:
            raise ValueError("nobody could log in: name a file of users, or set anonymous: true")
        return self


class Deliver(Section):
    """Who gets the events."""

    mqtt: tuple[Mqtt, ...] = ()
    plc_block: PlcBlock = PlcBlock()
    opcua_server: OpcUaServer | None = None
    """Null: none."""
    opcua_client: tuple[OpcUaPlc, ...] = ()
    """PLCs that are servers themselves: docs/plc-client.md."""

    @model_validator(mode="after")
    def _one_cursor_each(self) -> Self:
        names = [*(broker.name for broker in self.mqtt), *(plc.name for plc in self.opcua_client)]
        if self.opcua_server is not None:
            names.append(self.opcua_server.name)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(
                f"two receivers are named {twice!r} and would share one delivery cursor; give each"
                " its own name"
            )
        return self


class Console(Section):
    """The operator's page."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8080


class Metrics(Section):
    """Where Prometheus finds the two processes (`/metrics`, `/livez`, `/readyz`)."""

    host: str = "127.0.0.1"
    inspect_port: Port = 9464
    courier_port: Port = 9465
