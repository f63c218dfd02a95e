"""From the stamps of a camera's frames to the host's time; asks the camera for its own.

The nodes to ask are the standard's (SFNC 2: TimestampLatch), or those of older GigE cameras, which
count ticks of a frequency of their own. Many cameras have neither, and no emulation has.
"""

from edge.acquire.camera_clock import CameraClock
from edge.acquire.nodes import NodeMap
from edge.clock import Clock, Stamp
from edge.types import CameraTime

ASK_PERIOD_S = 1.0
_NS = 1_000_000_000
_LATCHES = (
    ("TimestampLatch", "TimestampLatchValue"),
    ("GevTimestampControlLatch", "GevTimestampValue"),
)
_FREQUENCY = "GevTimestampTickFrequency"


class CameraStamps:
    """Owned by one source and its thread, over all openings of its camera."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._camera_clock = CameraClock()
        self._nodes: NodeMap | None = None
        self._ticks_per_s = _NS
        self._asked_ns = 0

    def opened(self, nodes: NodeMap) -> None:
        """Stamps come from this camera now; its clock counts nanoseconds unless it says otherwise.

        To be called after its parameters are set: PTP changes the frequency.
        """
        self._nodes = nodes
        self._ticks_per_s = nodes.count(_FREQUENCY) or _NS

    def closed(self) -> None:
        """The camera is given back."""
        self._nodes = None

    def ask(self) -> None:
        """Ask the camera for its time, once a second; nothing where it cannot be asked."""
        now_ns = self._clock.now().monotonic_ns
        if self._nodes is None or now_ns - self._asked_ns < ASK_PERIOD_S * _NS:
            return
        self._asked_ns = now_ns
        if (ticks := _ask(self._nodes)) is not None:
            self._camera_clock.asked(self.ns(ticks), self._clock.now())

    def ns(self, ticks: int) -> int:
        """A count of the camera's clock in nanoseconds."""
        return ticks * _NS // self._ticks_per_s

    def exposed(self, camera_ns: int, grabbed: Stamp) -> Stamp | None:
        """When a frame was exposed; None for a camera that stamps with 0, and until its clock has
        settled.
        """
        if not camera_ns:
            return None
        exposed = self._camera_clock.exposed(camera_ns, grabbed)
        return exposed if self._camera_clock.settled else None

    def state(self) -> CameraTime | None:
        """How the camera's clock stands; None before it is known."""
        return self._camera_clock.state(self._clock.now())


def _ask(nodes: NodeMap) -> int | None:
    for command, value in _LATCHES:
        if nodes.run(command):
            return nodes.count(value)
    return None
