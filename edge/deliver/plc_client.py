"""The PLC block, written into a PLC that is itself the OPC UA server.

    the lane's thread   events -> block -> what has changed in it -> the PLC; once a second at least
    main thread         `tell`: the line's state and the heartbeat, for the next write

"Acknowledged" towards the ledger means that the PLC's server took the write. What the PLC's program
has taken it says in `Acknowledge`, which only it writes: a defect that it has not taken is not
overwritten (`when_full: wait`), and delivery waits in the ledger meanwhile. After a connection was
lost, and after a start, all of the block is written anew: it may be another PLC's memory.

`LastSeq` is the seal: 0 while all slots are rewritten, else written with `Heartbeat` once the PLC
has taken all the rest. So where it refuses a word, its program sees no beat and no new seal.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping, Sequence

from asyncua import ua
from pydantic import JsonValue

from edge.clock import Clock
from edge.config import Config, OpcUaPlc
from edge.deliver.mirror import refill
from edge.deliver.plc_block import LineState, PlcBlock, line_state
from edge.deliver.plc_nodes import PlcNode, misfits, plc_nodes
from edge.deliver.plc_words import Value
from edge.deliver.waited import Waited
from edge.errors import ReceiverError
from edge.ledger.reader import EventReader
from edge.metrics import CourierMetrics
from edge.opcua.session import OpcUaSession
from edge.types import Recorded

AT_ONCE = 64
"""Events between two writes."""
TURN_S = 0.5
"""How long a turn may wait for the PLC's program; then the lane looks after its own things."""
POLL_S = 0.05
SILENT_S = 10.0
"""A PLC that takes nothing for so long is told of."""
_VOUCH = {"LastSeq", "Heartbeat"}
"""They tell the PLC's program that the rest is there, and how it is now."""
_log = logging.getLogger(__name__)


class PlcReceiver:
    """One PLC. `deliver` and `close` belong to one thread; `tell` to another.

    Args:
        section: The PLC's part of the config.
        config: The whole of it.
        cursor: How far the PLC was shown the ledger, at least.
        metrics: The courier's.
        clock: For latencies.

    Raises:
        ConfigError: a file or a node id that the config names cannot be used.
    """

    def __init__(
        self, section: OpcUaPlc, config: Config, cursor: int, metrics: CourierMetrics, clock: Clock
    ) -> None:
        self.name = section.name
        self._where = f"deliver.opcua_client {section.name!r}"
        self._section, self._config = section, config
        block = config.deliver.plc_block
        self._nodes = plc_nodes(self._where, section, block.ring)
        self._session = OpcUaSession(self._where, section, config.topic.replace("/", "-"))
        self._block = PlcBlock(block.ring, block.class_codes, block.severity_codes)
        self._begins, self._begun = cursor, False
        self._metrics, self._waited = metrics, Waited(clock)
        self._runner: asyncio.Runner | None = None
        self._line: LineState | None = None
        self._whole = True
        self._taken: set[str] = set()
        self._believed = True
        self._waits_since_s: float | None = None
        self._silent = False
        for gauge in (metrics.receiver_up, metrics.plc_unread):
            gauge.labels(self.name).set(0)
        metrics.plc_false_acknowledgements.labels(self.name)

    @property
    def connected(self) -> bool:
        """Whether a session stands, as far as is known."""
        return self._session.connected

    def deliver(self, events: Sequence[Recorded]) -> int:
        """Write events in order; return the last `seq` that the PLC's server took (0: none of
        these, since the PLC has no room).

        Raises:
            ReceiverError: not one more was taken, and why.
        """
        self._runner = self._runner or asyncio.Runner()
        up = self._metrics.receiver_up.labels(self.name)
        try:
            shown = self._runner.run(self._deliver(events))
        except ReceiverError:
            up.set(0)  # also where a session stands, and the PLC refuses a word
            raise
        up.set(self.connected)
        return shown

    def tell(self, status: Mapping[str, JsonValue] | None) -> None:
        """The line's state, each second, for the next write; never waits."""
        self._line = line_state(status)

    def close(self) -> None:
        """End the session in order."""
        if self._runner is not None:
            self._runner.run(self._session.close())
            self._runner.close()
            self._runner = None
        self._metrics.receiver_up.labels(self.name).set(0)

    async def _deliver(self, events: Sequence[Recorded]) -> int:
        if await self._session.connect():
            _log.info("%s: connected to %s", self._where, self._section.endpoint)
            self._whole = True
        if not self._begun:
            await self._begin()
        rest, shown = deque(events), 0
        end_s = asyncio.get_running_loop().time() + TURN_S
        try:
            while True:
                await self._hear()
                some = self._take_some(rest)
                await self._write()
                shown = self._settle(some) or shown
                self._tell_if_silent(waits=bool(rest) and not some)
                if not rest or asyncio.get_running_loop().time() >= end_s:
                    return shown
                if not some:
                    await asyncio.sleep(POLL_S)
        except ReceiverError as error:
            if shown == 0:
                raise
            _log.warning("%s; event %d and before are written", error, shown)
            return shown

    async def _begin(self) -> None:
        """Show what was shown before. The PLC may be ahead of the cursor, which is saved later; but
        only as far as its own `LastSeq`, and not where that is of another ledger.
        """
        told, sealed = await self._said("Acknowledge"), await self._said("LastSeq")
        ledger, taken = self._config.ledger.path, 0
        with contextlib.closing(EventReader(ledger)) as reader:
            if (told or 0) <= (sealed or 0) <= reader.last_seq():
                taken = told or 0
        self._begins = max(self._begins, taken)
        ring = self._config.deliver.plc_block.ring
        refill(self._block, ledger, self._begins + 1, ring, taken)
        self._begun = True

    async def _said(self, name: str) -> int | None:
        """A number that stands in the PLC; None where the PLC does not have that word."""
        node = self._nodes.get(name)
        if node is None:
            return None
        (found,) = await self._session.read([node.id])
        value = None if found.Value is None else found.Value.Value
        if not isinstance(value, int) or isinstance(value, bool):
            status = found.StatusCode or ua.StatusCode()
            raise ReceiverError(f"{self._where}: {await self._misfits({node: status})}")
        return value

    async def _hear(self) -> None:
        """What the PLC's program has taken, and what the line's state is."""
        told = await self._said("Acknowledge")
        if told is not None:
            self._acknowledge(told)
        line, self._line = self._line, None
        if line is not None:
            self._block.beat(line)

    def _acknowledge(self, seq: int) -> None:
        last = int(self._block.values()["LastSeq"])
        # After a start the block may not show the very last event that was shown.
        believed = self._block.acknowledge(min(seq, last) if seq <= self._begins else seq)
        if not believed and self._believed:
            self._metrics.plc_false_acknowledgements.labels(self.name).inc()
            _log.warning(
                "%s: the PLC acknowledges %d, which it was never shown (LastSeq is %d); that does"
                " not count, and nothing is overwritten. Set Acknowledge in the PLC to 0",
                self._where, seq, last,
            )  # fmt: skip
        self._believed = believed

    def _take_some(self, rest: deque[Recorded]) -> list[Recorded]:
        """As many of the events as the ring has room for."""
        some: list[Recorded] = []
        while rest and len(some) < AT_ONCE and not self._held_back(rest[0]):
            some.append(rest.popleft())
            self._take(some[-1])
        return some

    def _held_back(self, recorded: Recorded) -> bool:
        if recorded.event.kind != "defect" or self._section.when_full == "overwrite":
            return False
        return self._block.full

    def _take(self, recorded: Recorded) -> None:
        event = recorded.event
        if event.seq <= self._begins:
            return  # shown before the start, by a courier that was killed before it saved that
        self._begins = 0  # from here on; a ledger that begins anew counts from 1 again
        if event.id not in self._taken:  # else the write failed, and the lane brings it again
            self._taken.add(event.id)
            try:
                self._block.take(event)
            except ValueError as error:
                _log.warning("%s: event %d is not shown: %s", self._where, event.seq, error)

    def _settle(self, some: Sequence[Recorded]) -> int:
        self._taken.clear()
        for recorded in some:
            self._metrics.committed_to_acknowledged.labels(self.name).observe(
                self._waited.since_s(recorded.committed)
            )
            if recorded.event.kind == "defect":
                self._metrics.grabbed_to_acknowledged.labels(self.name).observe(
                    self._waited.since_s(recorded.grabbed)
                )
        return some[-1].event.seq if some else 0

    async def _write(self) -> None:
        """Write what has changed, and only then what vouches for it: a refusal raises before."""
        values = self._block.changes()
        if self._whole:
            values = self._block.values()
            await self._put({"LastSeq": 0})
        self._metrics.plc_unread.labels(self.name).set(int(self._block.values()["Unread"]))
        self._whole = True  # until all of it is there
        await self._put({path: v for path, v in values.items() if path not in _VOUCH})
        await self._put({path: v for path, v in values.items() if path in _VOUCH})
        self._whole = False

    async def _put(self, values: Mapping[str, Value]) -> None:
        there = [(self._nodes[path], v) for path, v in values.items() if path in self._nodes]
        if not there:
            return
        answers = await self._session.write([(node.id, node.variant(v)) for node, v in there])
        refused = {
            node: status
            for (node, _), status in zip(there, answers, strict=True)
            if not status.is_good()
        }
        if refused:
            raise ReceiverError(f"{self._where}: {await self._misfits(refused)}")

    async def _misfits(self, refused: Mapping[PlcNode, ua.StatusCode]) -> str:
        """What the PLC has in these places; it may refuse a write without saying why."""
        found = await self._session.read([node.id for node in refused])
        types, why = dict[PlcNode, str](), dict(refused)
        for node, data in zip(refused, found, strict=True):
            held = data.Value
            types[node] = "" if held is None or held.Value is None else held.VariantType.name
            if data.StatusCode is not None and not data.StatusCode.is_good():
                why[node] = data.StatusCode
        return misfits(why, types)

    def _tell_if_silent(self, *, waits: bool) -> None:
        now_s = asyncio.get_running_loop().time()
        if not waits:
            if self._silent:
                _log.info("%s: the PLC takes defects again", self._where)
            self._waits_since_s, self._silent = None, False
        elif self._waits_since_s is None:
            self._waits_since_s = now_s
        elif not self._silent and now_s - self._waits_since_s > SILENT_S:
            self._silent = True
            _log.warning(
                "%s: all %d defects of the ring are unread since %.0f s; the others wait in the"
                " ledger. Does the PLC's program set Acknowledge (docs/plc-client.md)?",
                self._where, self._config.deliver.plc_block.ring, SILENT_S,
            )  # fmt: skip
