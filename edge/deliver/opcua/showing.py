"""What the OPC UA server shows: the block, filled from the ledger, and the line's state."""

import logging
from collections.abc import Mapping, Sequence

from asyncua import ua
from pydantic import JsonValue

from edge.clock import Clock
from edge.config import (
    Config,
    FolderSource,
    OpcUaServer,
    PylonSource,
    SimulatedSource,
    Source,
)
from edge.deliver.mirror import refill
from edge.deliver.opcua.door import Door
from edge.deliver.opcua.listening import GuardedServer
from edge.deliver.opcua.nodes import BlockNodes, Writes
from edge.deliver.opcua.vision import Vision
from edge.deliver.plc_block import PlcBlock, line_state
from edge.deliver.waited import Waited
from edge.errors import ConfigError, ReceiverError
from edge.metrics import CourierMetrics
from edge.opcua.certificates import application_uri, read_certificate
from edge.types import Recorded

POLICIES = {
    "None": ua.SecurityPolicyType.NoSecurity,
    "Basic256Sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    "Aes128_Sha256_RsaOaep": ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    "Aes256_Sha256_RsaPss": ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
}
PRODUCT = "urn:stripsight:edge"
_log = logging.getLogger(__name__)
logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # each stranger's doing; the door tells it


def server_uri(section: OpcUaServer, config: Config) -> str:
    """The server's application URI, as its certificate has it.

    Raises:
        ConfigError: the certificate cannot be read.
    """
    if section.certificate is None:
        return f"urn:stripsight:{config.site}:{config.line}:{config.camera}"
    return application_uri(read_certificate(section.certificate), section.certificate)


def is_simulated(source: Source) -> bool:
    """Whether its pictures are of no strip that runs here."""
    if isinstance(source, PylonSource):
        return source.emulation is not None
    return isinstance(source, SimulatedSource | FolderSource)


class Showing:
    """One run of the server. All but the constructor belongs to the server's thread."""

    def __init__(
        self,
        section: OpcUaServer,
        config: Config,
        door: Door,
        metrics: CourierMetrics,
        clock: Clock,
    ) -> None:
        self._section = section
        self._config = config
        self._door = door
        self._metrics = metrics
        self._clock = clock
        self._waited = Waited(clock)
        self._server = GuardedServer(door)
        self._nodes: BlockNodes | None = None
        self._vision: Vision | None = None
        self._block: PlcBlock | None = None
        self._seq = 0

    async def open(self) -> None:
        """Build the address space and listen.

        Raises:
            ConfigError: certificate and key cannot be read or do not belong together.
            ReceiverError: the address or port cannot be used.
        """
        section, server = self._section, self._server
        await server.init()
        server.set_endpoint(f"opc.tcp://{section.host}:{section.port}/stripsight")
        server.set_server_name(f"StripSight {self._config.event_source}")
        server.product_uri = PRODUCT
        await server.set_application_uri(server_uri(section, self._config))
        await self._load_key()
        server.set_security_policy([POLICIES[policy] for policy in section.policies])
        index = await server.register_namespace(section.namespace)
        self._nodes = BlockNodes(server, index, self._config.deliver.plc_block.ring)
        await self._nodes.add()
        server.iserver.attribute_service = Writes(
            server, self._door, self._nodes.acknowledge, self._acknowledge
        )
        self._vision = await self._with_vision(index)
        try:
            await server.start()
        except OSError as error:
            raise ReceiverError(
                f"deliver.opcua_server {section.name!r}: cannot listen on"
                f" {section.host}:{section.port} ({error}); choose another port"
            ) from error
        self._tell_where()

    async def show(self, events: Sequence[Recorded]) -> int:
        """Show events; the last one's `seq`.

        Raises:
            LedgerError: the event log, from which the block is filled at first, cannot be read.
        """
        if self._block is None or (events and events[0].event.seq <= self._seq):
            self._block = await self._filled(events[0].event.seq if events else None)
        for recorded in events:
            try:
                self._block.take(recorded.event)
                await self._tell(self._block, recorded)
            except ValueError as error:
                _log.warning("event %d is not shown to PLCs: %s", recorded.event.seq, error)
        await self._write(self._block)
        for recorded in events:
            self._observe(recorded)
        self._seq = events[-1].event.seq if events else self._seq
        return self._seq if events else 0

    async def beat(self, status: Mapping[str, JsonValue] | None) -> None:
        """Count a second and show the line's state."""
        if self._block is not None:
            self._block.beat(line_state(status))
            await self._write(self._block)
        if self._vision is not None:
            await self._vision.tell(status)

    async def sweep(self) -> None:
        """Look after connections and sessions."""
        await self._server.sweep()
        name = self._section.name
        self._metrics.opcua_sessions.labels(name).set(len(self._server.iserver.sessions))
        self._metrics.opcua_connections.labels(name).set(self._server.connections)

    async def close(self) -> None:
        """Hang up on all clients and stop listening."""
        await self._server.stop()

    async def _filled(self, before: int | None) -> PlcBlock:
        rules = self._config.deliver.plc_block
        block = PlcBlock(rules.ring, rules.class_codes, rules.severity_codes)
        for recorded in refill(block, self._config.ledger.path, before, rules.ring):
            await self._tell(block, recorded, again=True)
        if self._block is not None:
            block.acknowledge(self._block.acknowledged)
        return block

    async def _tell(self, block: PlcBlock, recorded: Recorded, *, again: bool = False) -> None:
        if self._vision is not None:
            coil = block.coil_id(recorded.event.subject or "")
            await self._vision.result(recorded, coil, again=again)

    async def _write(self, block: PlcBlock) -> None:
        if self._nodes is not None:
            await self._nodes.write(block.changes(), self._clock.now().utc())

    def _acknowledge(self, seq: int) -> bool:
        return self._block is not None and self._block.acknowledge(seq)

    def _observe(self, recorded: Recorded) -> None:
        name = self._section.name
        committed_s = self._waited.since_s(recorded.committed)
        self._metrics.committed_to_acknowledged.labels(name).observe(committed_s)
        if recorded.event.kind == "defect":
            grabbed_s = self._waited.since_s(recorded.grabbed)
            self._metrics.grabbed_to_acknowledged.labels(name).observe(grabbed_s)

    async def _with_vision(self, index: int) -> Vision | None:
        nodeset, name = self._section.nodeset, self._section.name
        if nodeset is None:
            _log.info("deliver.opcua_server %r: no nodeset, so the flat block alone", name)
            return None
        vision = Vision(self._server, index, simulated=is_simulated(self._config.source))
        try:
            await vision.add(nodeset)
        except ConfigError as error:
            _log.warning("%s; the server shows the flat block alone", error)
            return None
        return vision

    async def _load_key(self) -> None:
        section = self._section
        if section.certificate is None or section.key is None:
            return
        try:
            await self._server.load_certificate(section.certificate.read_bytes())
            await self._server.load_private_key(section.key.read_bytes(), format="pem")
        except PermissionError as error:
            raise ConfigError(
                f"deliver.opcua_server: {error.filename} belongs to another user than the one that"
                " the line runs as; give it to that one (chown)"
            ) from error
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"deliver.opcua_server: certificate {section.certificate} and key {section.key}"
                f" cannot be used ({error}); make them with `stripsight-edge opcua certificate`"
            ) from error

    def _tell_where(self) -> None:
        section = self._section
        how = ", ".join(section.policies)
        _log.info("deliver.opcua_server %r: listens on %s:%d, security %s", section.name,
                  section.host, section.port, how)  # fmt: skip
        if "None" in section.policies:
            _log.warning("deliver.opcua_server %r: policy None: passwords and values can be read"
                         " and changed on the network", section.name)  # fmt: skip
