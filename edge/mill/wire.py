"""From the courier, which speaks with the mill, to the inspecting process: JSON datagrams.

An adapter calls `SignalSender.put`, and `linked` each second while it is connected; the courier's
loop calls `turn`. Nothing here waits: what cannot be sent now (the inspecting process starts again)
is kept and follows in order, and to a process that is new what holds is told once more, in order
and as `retained`: the newest head with the announcement that it used up, the announcements of coils
to come, and the newest corrections. What a broker has retained and told before is not handed on.
"""

import contextlib
import logging
import socket
import threading
from collections import deque
from pathlib import Path

from pydantic import ValidationError

from edge.clock import Clock
from edge.ledger.wake import listen_at
from edge.metrics import CourierMetrics
from edge.mill.heard import Heard, LinkSignal
from edge.mill.holds import Holds
from edge.mill.repeats import Repeats
from edge.mill.signals import Signal

SOCKET_NAME = "mill.sock"
MAX_DATAGRAM = 16_384
KEPT = 1000
"""Messages that wait for the inspecting process; speeds and positions do not."""
_ONLY_NEWEST = frozenset({"speed", "position", "link"})
_log = logging.getLogger(__name__)


class SignalSender:
    """The courier's side. Any thread may call it; it never waits and never fails.

    Args:
        run_path: the folder of the socket.
        clock: for the moments at which messages come.
        metrics: the courier's.
        late_id_s: the config's `mill.late_id_s`.
    """

    def __init__(
        self,
        run_path: Path,
        clock: Clock,
        metrics: CourierMetrics | None = None,
        late_id_s: float = 60.0,
    ) -> None:
        self._path = run_path / SOCKET_NAME
        self._clock = clock
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._lock = threading.Lock()
        self._waiting: deque[Heard] = deque()
        self._repeats = Repeats()
        self._holds = Holds(late_id_s)
        self._peer: tuple[int, int] | None = None
        self._metrics = metrics

    def put(self, source: str, signal: Signal, *, retained: bool = False) -> None:
        """The mill said this, now."""
        self._put(Heard(source=source, stamp=self._clock.now(), signal=signal, retained=retained))

    def linked(self, source: str, *, up: bool, why: str = "") -> None:
        """The adapter is connected, or why it is not. To be called each second and at each change:
        what was not heard of for three seconds counts as away.
        """
        signal = LinkSignal(up=up, why=why)
        self._put(Heard(source=source, stamp=self._clock.now(), signal=signal))

    def turn(self) -> None:
        """Send what waits; call it a few times a second."""
        with self._lock:
            self._send()

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _put(self, heard: Heard) -> None:
        with self._lock:
            if self._repeats.told(heard.source, heard.signal, retained=heard.retained):
                return
            self._holds.hear(heard)
            if len(self._waiting) >= KEPT:
                gone = self._waiting.popleft()
                if self._metrics is not None:
                    self._metrics.mill_refused.labels(gone.source, "no_room").inc()
                _log.warning("no room for the mill's %s: inspect is away", gone.signal.signal)
            self._waiting.append(heard)
            self._send()

    def _send(self) -> None:
        self._greet()
        while self._waiting:
            heard = self._waiting[0]
            try:
                self._socket.sendto(heard.model_dump_json().encode(), str(self._path))
            except OSError:
                self._keep_what_matters()
                return
            self._waiting.popleft()

    def _greet(self) -> None:
        """To a process that is new, tell what one that was there would know."""
        try:
            found = self._path.stat()
        except OSError:
            return
        peer = found.st_ino, found.st_ctime_ns
        if peer != self._peer:
            known = self._peer is not None
            self._peer = peer
            told = self._holds.all() if known else []
            again = [h for h in told if not any(h.stamp is w.stamp for w in self._waiting)]
            self._waiting.extendleft(
                heard.model_copy(update={"retained": True}) for heard in reversed(again)
            )

    def _keep_what_matters(self) -> None:
        """Of an old speed or position nobody learns anything."""
        kept = (heard for heard in self._waiting if heard.signal.signal not in _ONLY_NEWEST)
        self._waiting = deque(kept)


class SignalReceiver:
    """The inspecting process's side. Owned by one thread.

    Raises:
        ConfigError: the socket cannot be made in the run folder.
    """

    def __init__(self, run_path: Path) -> None:
        self._path = run_path / SOCKET_NAME
        self._socket = listen_at(self._path)

    def take(self, timeout_s: float) -> Heard | None:
        """The next message; None when none came in time, or one that is not of this version."""
        self._socket.settimeout(timeout_s)
        try:
            body = self._socket.recv(MAX_DATAGRAM)
            return Heard.model_validate_json(body)
        except TimeoutError:
            return None
        except ValidationError as error:
            _log.warning("%s: not a message: %s", SOCKET_NAME, error.errors()[0]["msg"])
            return None

    def close(self) -> None:
        """Give the socket back and remove its name."""
        self._socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink()
