"""What every process of the line does around its work: signals, logs, priority, parent's death."""

import ctypes
import logging
import os
import signal
import threading
from queue import SimpleQueue
from types import FrameType

PR_SET_PDEATHSIG = 1
COURIER_NICE = 5
"""Courier and console give way to inspect."""


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set (main thread only).

    Not in their handler: it may interrupt the main thread within `stop.wait`, whose lock `set`
    needs, and would wait for itself for ever. `SimpleQueue.put` is made for such places.
    """
    stop = threading.Event()
    asked: SimpleQueue[int] = SimpleQueue()

    def handle(number: int, _frame: FrameType | None) -> None:
        asked.put(number)

    def set_when_asked() -> None:
        asked.get()
        stop.set()

    threading.Thread(target=set_when_asked, name="signals", daemon=True).start()
    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def die_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM when the process `parent` dies (prctl(2), Linux).

    One that died before this call, while Python was starting, is told by who our parent is now.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def give_way() -> None:
    """Lower this process's priority."""
    os.nice(COURIER_NICE)


class _OneLine(logging.Formatter):
    """Escapes control characters: a stranger's words in a message begin no line of their own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        line = super().formatMessage(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def log_to_stderr(name: str) -> None:
    """One line per message, with the process's name; the journal adds the time itself."""
    handler = logging.StreamHandler()
    text = f"%(asctime)s {name:<8} %(levelname)-7s %(message)s"
    handler.setFormatter(_OneLine(text, datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
