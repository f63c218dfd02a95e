"""What every process of the line does around its work: signals, logs, standard output, priority,
parent's death.
"""

import ctypes
import io
import logging
import os
import signal
import sys
import threading
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING

from edge.errors import ConfigError
from edge.text import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

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


class _Output(io.FileIO):
    """Standard output without a buffer. What Python has there of its own forgets the rest where the
    disk takes a part only (unbuffered), or is still full when the interpreter ends.
    """

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of it; to a reader that has gone, as any file does.

        Raises:
            ConfigError: it cannot be written.
        """
        left = whole = memoryview(data).cast("B")
        try:
            while left:
                left = left[super().write(left) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ConfigError(f"standard output: cannot be written ({error.strerror})") from error
        return whole.nbytes


def write_output_whole() -> None:
    """From here on, whatever is printed is written whole or ends this program with an error."""
    if isinstance(before := sys.stdout, io.TextIOWrapper):  # None where it was closed
        sys.stdout = io.TextIOWrapper(
            _Output(before.fileno(), "wb", closefd=False),
            before.encoding,
            before.errors,
            line_buffering=before.line_buffering,
            write_through=before.write_through,
        )


def write_output(data: bytes) -> None:
    """Bytes to standard output, behind what was printed before.

    Raises:
        ConfigError: it is closed, or cannot be written.
    """
    if sys.stdout is None:
        raise ConfigError("standard output: cannot be written (it is closed)")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


class _OneLine(logging.Formatter):
    """Escapes control characters: a stranger's words in a message begin no line of their own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return printable(super().formatMessage(record))


def log_to_stderr(name: str) -> None:
    """One line per message, with the process's name; the journal adds the time itself."""
    handler = logging.StreamHandler()
    text = f"%(asctime)s {name:<8} %(levelname)-7s %(message)s"
    handler.setFormatter(_OneLine(text, datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
