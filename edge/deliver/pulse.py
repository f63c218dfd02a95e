"""What the receivers are told beside the events: defects at once, and the state each second."""

import logging
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from contract.status import State
from edge.clock import Clock
from edge.config import Config
from edge.control import Request, ask
from edge.deliver.mirror import Mirror
from edge.deliver.mqtt import MqttReceiver
from edge.errors import LedgerError, ReceiverError
from edge.ledger.reader import EventReader

BEAT_NS = 1_000_000_000
STATUS_TIMEOUT_S = 0.5
LIVE = ("defect", "roll_repeat")
"""What somebody may want to act on at once."""
_AT_ONCE = 1000
_STATES: dict[JsonValue, State] = {
    "running": "online",
    "degraded": "degraded",
    "no_source": "degraded",
    "stopping": "degraded",
}
_log = logging.getLogger(__name__)


class Pulse:
    """Owned by the courier's main thread. Begins with the events that come after its start."""

    def __init__(
        self,
        config: Config,
        receivers: Sequence[MqttReceiver],
        mirrors: Sequence[Mirror],
        clock: Clock,
    ) -> None:
        self._config = config
        self._receivers = receivers
        self._mirrors = mirrors
        self._clock = clock
        self._reader: EventReader | None = None
        self._seq = 0
        self._beat_ns = clock.now().monotonic_ns
        self._trouble: str | None = None

    def tick(self) -> bool:
        """Do what is due; whether there is something to deliver, events or a beat."""
        try:
            fresh = self._announce()
        except LedgerError as error:
            if str(error) != self._trouble:
                _log.warning("%s", error)
            self._trouble, fresh = str(error), False
        else:
            self._trouble = None
        now_ns = self._clock.now().monotonic_ns
        if now_ns >= self._beat_ns:
            is_late = now_ns >= self._beat_ns + BEAT_NS
            self._beat_ns = (now_ns if is_late else self._beat_ns) + BEAT_NS
            self._beat()
            return True
        return fresh

    def close(self) -> None:
        """Close the event log's files."""
        if self._reader is not None:
            self._reader.close()

    def _announce(self) -> bool:
        if self._reader is None:
            self._reader = EventReader(self._config.ledger.path)
            self._seq = self._reader.last_seq()
        self._seq = min(self._seq, self._reader.last_seq())  # where the log has begun anew
        fresh = self._reader.after(self._seq, _AT_ONCE)
        for recorded in fresh:
            self._seq = recorded.event.seq
            if recorded.event.kind in LIVE:
                for receiver in self._receivers:
                    receiver.announce(recorded)
        return bool(fresh)

    def _beat(self) -> None:
        details: dict[str, JsonValue] = {"inspection": "not_running", "seq": self._seq}
        state: State = "offline"
        status: Mapping[str, JsonValue] | None = None
        try:
            question = Request(action="status", by="courier")
            reply = ask(self._config.run_path, question, STATUS_TIMEOUT_S)
        except ReceiverError:
            pass
        else:
            found = reply.result.get("state")
            details["inspection"] = found
            status = reply.result if reply.ok else {}
            state = _STATES.get(found, "degraded") if reply.ok else "degraded"
        for receiver in self._receivers:
            receiver.beat(state, details)
        for mirror in self._mirrors:
            mirror.tell(status)
