"""Asks a camera for the time on its clock.

The nodes are the standard's (SFNC 2: TimestampLatch), or those of older GigE cameras, which count
ticks of a frequency of their own. Many cameras have neither, and the SDK's emulation has none.
"""

from typing import Protocol

_LATCHES = (
    ("TimestampLatch", "TimestampLatchValue"),
    ("GevTimestampControlLatch", "GevTimestampValue"),
)
_FREQUENCY = "GevTimestampTickFrequency"


class LatchNodes(Protocol):
    """What is needed of a camera's node map."""

    def run(self, name: str) -> bool:
        """Run a command; False where it is not there or fails."""
        ...

    def count(self, name: str) -> int | None:
        """An integer; None where it is not there or cannot be read."""
        ...


def ticks_per_s(nodes: LatchNodes) -> int:
    """What a stamp of this camera counts: nanoseconds unless it says otherwise."""
    return nodes.count(_FREQUENCY) or 1_000_000_000


def ask_ticks(nodes: LatchNodes) -> int | None:
    """The camera's clock at a moment of this call; None where it cannot be asked."""
    for command, value in _LATCHES:
        if nodes.run(command):
            return nodes.count(value)
    return None
