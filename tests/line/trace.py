"""System calls of a real process and its children, in one order: strace's.

strace stops a process at each call that it is asked for and lets it go on after it has written the
line down. So what a call has caused, in whatever process, stands behind it in the file.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.conftest import require_program

CALLS = "openat,write,pwrite64,ftruncate,fdatasync,fsync,rename,unlink,mkdir,sendto"
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>)?(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|\?)(?:<([^>]*)>)?.*")
_TEXT = re.compile(r"(?:\\x[0-9a-f]{2})+")


class Call(NamedTuple):
    """One call that succeeded; `begun` and `ended` are its places in the trace."""

    pid: int
    name: str
    arguments: str
    result: int
    made: str
    """The path behind a file descriptor that it returned."""
    begun: int
    ended: int

    @property
    def path(self) -> str:
        """Of the first argument, a descriptor or a name."""
        match = _TEXT.search(self.arguments)
        return "" if match is None else _name(match[0])

    @property
    def paths(self) -> list[str]:
        """All names in it, in their order."""
        return [_name(match[0]) for match in _TEXT.finditer(self.arguments)]

    @property
    def data(self) -> bytes:
        """What is written: the text behind the descriptor."""
        begin = self.arguments.index('"') + 1
        return unhex(self.arguments[begin : self.arguments.index('"', begin)])

    @property
    def last(self) -> int:
        """The last argument as a number: an offset or a length."""
        return int(self.arguments.rpartition(", ")[2])


def strace(trace: Path, inject: str | None = None) -> tuple[str, ...]:
    """What stands before a command line so that it is traced into a file; the command stays the
    process that was started. `inject` tampers with calls, as strace's option does.
    """
    # strace 6.1 injects nothing where a seccomp filter chooses the calls.
    way = ("--seccomp-bpf",) if inject is None else ("-e", f"inject={inject}")
    return (
        require_program("strace"), "-DD", "-f", *way, "-y", "-xx", "-s", "1000000",
        "-e", "signal=none", "-e", f"trace={CALLS}", "-o", str(trace),
    )  # fmt: skip


def read_calls(trace: Path) -> list[Call]:
    """The successful calls of a trace that is complete, by where they began."""
    return sorted(_calls(trace.read_text().splitlines()), key=lambda call: call.begun)


def tracer_of(pid: int) -> int:
    """The process that traces this one; 0 for none."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("TracerPid:")[2].split()[0])


def unhex(text: str) -> bytes:
    """Bytes as `-xx` prints them."""
    return bytes.fromhex(text.replace("\\x", ""))


def _calls(lines: Sequence[str]) -> Iterator[Call]:
    waiting: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        pid, resumed, text = match.groups()
        if text.endswith("<unfinished ...>"):
            waiting[pid] = number, text.removesuffix("<unfinished ...>").rstrip()
            continue
        begun, before = waiting.pop(pid, (number, "")) if resumed else (number, "")
        call = _CALL.fullmatch(before + text)
        if call and call[3] != "?" and int(call[3]) >= 0:
            made = unhex(call[4]).decode() if call[4] and call[4].startswith("\\x") else ""
            yield Call(int(pid), call[1], call[2], int(call[3]), made, begun, number)


def _name(text: str) -> str:
    return unhex(text).decode("utf-8", "replace")
