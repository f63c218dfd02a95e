"""`stripsight-edge run`: the processes of one line under one small supervisor.

    inspect    the strip; real time
    courier    delivery            } niced
    console    the operator's page }
    broker     an MQTT broker in Python, where a receiver's host is `embedded`

Each is this program again (`subprocess`, never fork), in a process group of its own, and dies with
its parent. A process that ends by itself is started again, after a pause that grows while it keeps
ending. Two ends are ours instead, with their exit code: inspect that never got ready, since its
bundle, camera or ledger is wrong, and a mistake in the config that the first start of any of them
found (a port in use), which trying again cannot mend.
The stop goes along the strip: inspect empties into the ledger, courier empties the ledger into the
receivers, then the rest.
"""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.clock import Clock, SystemClock
from edge.config import Config
from edge.control import Request, ask
from edge.errors import ConfigError, ReceiverError, StripSightError

log = logging.getLogger(__name__)

STOP_S = {"inspect": 60.0, "courier": 20.0, "console": 10.0, "broker": 5.0}
ORDER = ("broker", "inspect", "courier", "console")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
LASTING_NS = 60_000_000_000
"""A process that worked for so long is started again without the pauses of its earlier ends."""
POLL_S = 0.2
BROKER_S = 10.0


class ChildError(StripSightError):
    """A process that the line cannot do without has ended; carries its exit code."""

    def __init__(self, name: str, exit_code: int) -> None:
        super().__init__(f"{name} ended with exit code {exit_code}; its last lines say why")
        self.exit_code = exit_code if exit_code > 0 else 1


@dataclass(slots=True)
class Child:
    """One process and its starts. `command` is started again and again."""

    name: str
    command: list[str]
    clock: Clock
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = FIRST_PAUSE_S
    waiting_s: float = field(default=0.0)
    starts: int = 0
    started_ns: int = 0

    def start(self) -> None:
        """Start it, in a process group of its own."""
        self.starts += 1
        self.started_ns = self.clock.now().monotonic_ns
        self.process = subprocess.Popen(self.command, start_new_session=True)

    def ended(self) -> int | None:
        """Its exit code; None while it runs or before its first start."""
        return None if self.process is None else self.process.poll()

    def next_pause_s(self) -> float:
        """The pause before it is started again; twice as long each time that it did not last."""
        if self.clock.now().monotonic_ns - self.started_ns > LASTING_NS:
            self.pause_s = FIRST_PAUSE_S
        pause_s, self.pause_s = self.pause_s, min(LONGEST_PAUSE_S, self.pause_s * 2)
        return pause_s

    def stop(self, patience_s: float) -> int:
        """SIGTERM, and SIGKILL when that was not enough; returns how it ended, 0 where it had ended
        before.
        """
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop within %.0f s and is killed", self.name, patience_s)
            self.process.kill()
            return self.process.wait()


class Supervisor:
    """Starts, watches and stops the processes. Used from the main thread."""

    def __init__(self, config: Config, config_path: Path) -> None:
        self._config = config
        names = ["inspect", "courier"]
        if config.console.enabled:
            names.append("console")
        if any(receiver.host == "embedded" for receiver in config.deliver.mqtt):
            names.append("broker")
        self._children = {
            name: Child(name, _command(name, config_path), SystemClock())
            for name in ORDER
            if name in names
        }
        self._inspected = False

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        """Run until `stop` is set or a source that has an end reached it.

        `ready` is called once, when the strip is being inspected.

        Raises:
            ChildError: inspect ended before it was ever ready, a process found a mistake in the
            config at its first start, or one could not bring its work to an end at the stop.
        """
        ends: dict[str, int] = {}
        try:
            for child in self._children.values():
                child.start()
                if child.name == "broker":
                    self._wait_for_broker(stop)
            while not stop.wait(POLL_S):
                self._watch_start(ready)
                if self._children["inspect"].ended() == 0:
                    break
                for child in self._children.values():
                    self._revive(child)
        finally:
            for name in ("inspect", "courier", "console", "broker"):
                if name in self._children:
                    ends[name] = self._children[name].stop(STOP_S[name])
        for name, code in ends.items():
            if code:
                raise ChildError(name, code)

    def _wait_for_broker(self, stop: threading.Event) -> None:
        """Give the embedded broker its moment to listen, so that the courier finds it."""
        port = next(r.port for r in self._config.deliver.mqtt if r.host == "embedded")
        for _ in range(int(BROKER_S / POLL_S)):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                return
            if stop.wait(POLL_S):
                return

    def _watch_start(self, ready: Callable[[], None]) -> None:
        if self._inspected:
            return
        try:
            request = Request(action="status", by="supervisor")
            reply = ask(self._config.run_path, request, timeout_s=1.0)
        except ReceiverError:
            return
        inspect = self._children["inspect"].process
        mine = inspect is not None and reply.result.get("pid") == inspect.pid
        if mine and reply.result.get("source_opened"):
            self._inspected = True
            ready()

    def _revive(self, child: Child) -> None:
        code = child.ended()
        if code is None:
            return
        if child.waiting_s <= 0:
            if self._is_final(child, code):
                raise ChildError(child.name, code)
            child.waiting_s = child.next_pause_s()
            log.error("%s ended with %d; again in %.0f s", child.name, code, child.waiting_s)
        child.waiting_s -= POLL_S
        if child.waiting_s <= 0:
            child.start()

    def _is_final(self, child: Child, code: int) -> bool:
        if child.name == "inspect" and not self._inspected:
            return True
        return child.starts == 1 and code == ConfigError.exit_code


def _command(name: str, config_path: Path) -> list[str]:
    program = [sys.executable, "-m", "edge.cli", name, "--config", str(config_path)]
    return [*program, "--supervised", str(os.getpid())]
