"""Our OPC UA server as a receiver of events.

Its lane calls `deliver`, the courier's main thread `tell`; both hand over to the server's own
thread, which runs an event loop and owns the block and all connections. A client can keep that
thread busy, but neither of the other two: `tell` does not wait, and the lane is the server's own.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from edge.clock import Clock
from edge.config import Config, OpcUaServer
from edge.deliver.opcua.door import Door
from edge.deliver.opcua.showing import Showing, server_uri
from edge.deliver.opcua.users import Users
from edge.errors import ReceiverError
from edge.metrics import CourierMetrics
from edge.opcua.certificates import Trusted
from edge.stage import Stage
from edge.types import Recorded

START_S, ANSWER_S, STOP_S = 120.0, 10.0, 5.0
"""The types of OPC 40100-1 take two seconds to read, many more on a PC that is busy."""
TICK_S = 0.5
_log = logging.getLogger(__name__)


class OpcUaReceiver:
    """The server. `deliver` and `close` belong to one thread, `tell` to another.

    Args:
        section: The server's part of the config.
        config: The whole of it.
        metrics: The courier's.
        clock: For latencies, limits of rates and certificates.

    Raises:
        ConfigError: a file that the config names cannot be used.
    """

    def __init__(
        self, section: OpcUaServer, config: Config, metrics: CourierMetrics, clock: Clock
    ) -> None:
        self.name = section.name
        self._metrics = metrics
        trusted = Trusted(section.trusted, clock) if section.trusted else None
        users = Users(section.users, clock) if section.users else None
        door = Door(section, trusted, users, metrics, clock)
        server_uri(section, config)
        self._new_showing = lambda: Showing(section, config, door, metrics, clock)
        self._stage: Stage | None = None
        self._stop = threading.Event()
        self._up = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, Showing] | None = None
        metrics.receiver_up.labels(self.name).set(0)
        metrics.opcua_sessions.labels(self.name)
        metrics.opcua_connections.labels(self.name)

    @property
    def connected(self) -> bool:
        """Whether it listens."""
        return self._running is not None

    def deliver(self, events: Sequence[Recorded]) -> int:
        """Show the events; return the last one's `seq` (0: none to show).

        Raises:
            ReceiverError: the server cannot run, and why.
            LedgerError: the event log, from which it is filled at first, cannot be read.
        """
        loop, showing = self._running or self._start()
        shown = asyncio.run_coroutine_threadsafe(showing.show(events), loop)
        try:
            return shown.result(ANSWER_S)
        except (TimeoutError, concurrent.futures.CancelledError) as error:
            shown.cancel()
            raise ReceiverError(
                f"deliver.opcua_server {self.name!r}: does not answer; its clients ask too much of"
                " it, or it has ended"
            ) from error

    def tell(self, status: Mapping[str, JsonValue] | None) -> None:
        """Show the line's state; never waits."""
        if self._running is not None:
            loop, showing = self._running
            beat = showing.beat(status)
            try:
                asyncio.run_coroutine_threadsafe(beat, loop)
            except RuntimeError:  # the loop has just ended
                beat.close()

    def close(self) -> None:
        """Say to clients that the server shuts down, and end."""
        self._stop.set()
        if self._stage is not None and not self._stage.join(STOP_S):
            _log.warning("deliver.opcua_server %r: hangs and is left behind", self.name)

    def _start(self) -> tuple[asyncio.AbstractEventLoop, Showing]:
        """Start the thread, and wait until it listens."""
        self._stop.clear()
        self._up.clear()
        stage = self._stage = Stage(f"opcua {self.name}", self._serve, self._up)
        stage.start()
        self._up.wait(START_S)
        if self._running is None:
            self._stop.set()
            raise ReceiverError(str(stage.error or f"{stage.name}: did not start in time"))
        return self._running

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        showing = self._new_showing()
        await showing.open()
        self._running = asyncio.get_running_loop(), showing
        self._metrics.receiver_up.labels(self.name).set(1)
        self._up.set()
        try:
            while not self._stop.is_set():
                await showing.sweep()
                await asyncio.sleep(TICK_S)
        finally:
            self._running = None
            self._metrics.receiver_up.labels(self.name).set(0)
            with contextlib.suppress(asyncio.CancelledError):
                await showing.close()
