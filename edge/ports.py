"""The interfaces between the rooms; one file per adapter, none imports another's."""

from collections.abc import Sequence
from typing import Protocol

from edge.clock import Stamp
from edge.types import Coil, Frame, Recorded, RowMap


class FrameSource(Protocol):
    """A camera, or what stands for it. Owned by one thread.

    The source numbers its frames and positions them by the `LinePosition` that it was given.
    """

    def open(self) -> None:
        """Take the device.

        Raises:
            SourceError: not there, in use, or a parameter it refuses; the text names it.
        """
        ...

    def read(self, timeout_s: float) -> Frame:
        """The next frame.

        Raises:
            SourceTimeoutError: none came in time.
            SourceLostError: the source is gone; close and open again.
            SourceEndedError: there will be no more.
        """
        ...

    def close(self) -> None:
        """Give the device back; allowed at any time, also twice."""
        ...


class LinePosition(Protocol):
    """Where the strip is under the camera. Owned by the source's thread."""

    def advance(self, rows: int, frames_lost: int, grabbed: Stamp) -> RowMap:
        """Place the next block of `rows` lines, `frames_lost` blocks of the same height after the
        one before.
        """
        ...


class CoilSource(Protocol):
    """Which coil lies where. Owned by the inspecting thread."""

    def coils(self, first_m: float, end_m: float) -> Sequence[Coil]:
        """The coils that a stretch of strip belongs to, in order, without holes."""
        ...


class Receiver(Protocol):
    """Somebody who wants the events. Owned by the courier."""

    name: str

    def deliver(self, events: Sequence[Recorded]) -> int:
        """Hand over events in order; return the last `seq` that the receiver has acknowledged.

        None to hand over (then 0 is returned) is still a call to stay connected.

        Raises:
            ReceiverError: not reachable or refusing; the courier tries again later.
        """
        ...

    def close(self) -> None:
        """Say good-bye in the receiver's own way."""
        ...
