"""The interfaces between the rooms; one file per adapter, none imports another's."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from edge.types import Block, Coil, Correction, Frame, Placed, Recorded, SourceReport


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

    def report(self) -> SourceReport:
        """What the device counted since it was opened, and its clock; empty while it is closed.

        Asked once a second by the source's own thread; never raises and never waits for a device.
        """
        ...

    def close(self) -> None:
        """Give the device back; allowed at any time, also twice."""
        ...


class LinePosition(Protocol):
    """Where the strip is under the camera. Owned by the source's thread."""

    def advance(self, block: Block) -> Placed:
        """Place the next block."""
        ...


class Speed(NamedTuple):
    """How fast the strip runs (negative: backwards), and how old that knowledge is."""

    m_per_s: float
    age_s: float


class SpeedSignal(Protocol):
    """Who tells the strip's speed. Asked by the source's thread, told by another one."""

    def newest(self, at_ns: int) -> Speed:
        """The speed known last at that moment of the monotonic clock."""
        ...


class CoilSource(Protocol):
    """Which coil lies where. Owned by the inspecting thread.

    What was answered once is not taken back: a coil keeps its id, head and width. That it was told
    wrongly is a correction.
    """

    def coils(self, first_m: float, end_m: float) -> Sequence[Coil]:
        """The coils that a stretch of strip belongs to, in order, without holes."""
        ...

    def corrections(self) -> Sequence[Correction]:
        """What has turned out to be otherwise since the last call."""
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
