"""A connection to somebody's OPC UA server."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.config.section import Name, Positive, Section

ENDPOINT = r"^opc\.tcp://[^\s/@]+(/[^\s@]*)?$"
NodeId = Annotated[str, Field(min_length=3, max_length=512)]
"""As in `ns=2;s=StripSight.Heartbeat`."""


class OpcUaConnection(Section):
    """Where the server is, and how both sides know each other."""

    endpoint: Annotated[str, Field(pattern=ENDPOINT)]
    """`opc.tcp://host:4840`, with a path where the server has one."""
    security_policy: Literal[
        "None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"
    ] = "Basic256Sha256"
    """`None`: anybody on the network can read and forge what is sent; without a user then."""
    security_mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    certificate: Path | None = None
    """Our certificate (PEM or DER), to be trusted in the server. Its subjectAltName names our
    application URI.
    """
    key: Path | None = None
    """Its RSA key (PEM, without a passphrase)."""
    server_certificate: Path | None = None
    """The server's own certificate (PEM or DER): the only one that is trusted, expired or not."""
    username: str | None = None
    """Null: anonymous."""
    password_file: Path | None = None
    timeout_s: Positive = 2.0
    """How long the server may take for one answer before it counts as away."""
    session_timeout_s: Annotated[float, Field(ge=5, le=600)] = 20.0
    """After so long without a word the server drops our session. Where a connection breaks, the
    session is taken up again; where that fails, it holds one of the server's places for so long.
    """

    @model_validator(mode="after")
    def _complete(self) -> Self:
        files = {
            "certificate": self.certificate,
            "key": self.key,
            "server_certificate": self.server_certificate,
        }
        secure = self.security_policy != "None"
        wrong = [name for name, path in files.items() if (path is None) == secure]
        if wrong and secure:
            raise ValueError(
                f"security_policy {self.security_policy} needs {', '.join(wrong)};"
                " docs/plc-client.md says how they are made"
            )
        if wrong:
            raise ValueError(f"security_policy None has no use for {', '.join(wrong)}")
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file belong together")
        if self.username is not None and not secure:
            raise ValueError("a password would go over the network readable: set a security_policy")
        return self


class OpcUaPlc(OpcUaConnection):
    """A PLC with an OPC UA server of its own, into which the PLC block is written."""

    name: Name = "plc"
    """Names the delivery cursor: a renamed receiver starts from the oldest event."""
    node: NodeId = "ns=2;s=StripSight.{name}"
    """Node id of a word of the block's head, with its `{name}`."""
    ring_node: NodeId = "ns=2;s=StripSight.Ring[{slot}].{name}"
    """Node id of a word of the ring, with its `{slot}`, counted from 1, and its `{name}`."""
    nodes: dict[str, NodeId | None] = Field(default_factory=dict)
    """Word (`Speed`; `Ring.Severity` in all slots) -> its node id where it breaks the pattern, with
    `{slot}` in the ring; null where the PLC has no such word.
    """
    when_full: Literal["wait", "overwrite"] = "wait"
    """While every defect of the ring is unread: wait for the PLC's `Acknowledge`, or overwrite the
    oldest and count it in `Overwritten`, for a PLC that acknowledges nothing.
    """
