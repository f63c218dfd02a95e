"""The simulated mill as a camera: frames drawn before the start, then offered on a clock.

They are drawn beforehand because drawing takes many times longer than a frame may. After the last
one the first follows again: texture and coil border jump there, positions and coil ids do not.
"""

import logging

import numpy as np

from edge.acquire.by_speed import SpeedFeed
from edge.acquire.framing import Framing
from edge.acquire.pacing import OVERRUN, AsRead, Pace, make_pace
from edge.acquire.travel import TravelPace, counts_of, shots
from edge.clock import Clock
from edge.config import Coils, Config, EncoderPosition, Optics
from edge.config import SimulatedSource as SimulatedSection
from edge.errors import ConfigError, SourceLostError
from edge.ports import LinePosition
from edge.simulator.mill import Mill, MillConfig
from edge.simulator.speed import SpeedProfile
from edge.types import U8, Frame, SourceReport

log = logging.getLogger(__name__)

MAX_BYTES = 2 << 30
_WANDER_SHARE = 0.004
"""The strip wanders by this share of what the camera sees, but leaves its own width room."""


class SimulatedSource:
    """Plays the frames of one mill for ever, open loop at a rate or as fast as it is read.

    Raises:
        ConfigError: pixels that are not square, a strip wider than the picture, or more frames than
        memory should hold.
    """

    def __init__(
        self,
        section: SimulatedSection,
        config: Config,
        position: LinePosition,
        clock: Clock,
        speed: SpeedFeed,
    ) -> None:
        self._section = section
        self._config = config
        self._mill = mill_config(section, config.optics, config.coils)
        self._ride = _ride(section, config)
        self._framing = Framing(position)
        self._strip: U8 = np.empty((0, section.width_px), np.uint8)
        self._pace: Pace = AsRead(0, clock)
        self._clock = clock
        self._speed = speed

    def open(self) -> None:
        """Draw the frames the first time, and start the clock."""
        if not len(self._strip):
            log.info("drawing %d frames of the simulated mill", self._section.frames)
            self._strip = self._draw()
            self._pace = self._make_pace()
        self._framing.away()
        self._pace.start()

    def read(self, timeout_s: float) -> Frame:
        """The next frame."""
        if not len(self._strip):
            raise SourceLostError("the simulated mill is not open")
        if isinstance(self._pace, TravelPace):
            return self._read_ride(self._pace, timeout_s)
        due = self._pace.take(timeout_s)
        self._framing.lost(OVERRUN, due.missed)
        first = due.number % self._section.frames * self._section.rows
        pixels = self._strip[first : first + self._section.rows]
        return self._framing.frame(pixels, due.exposed, due.grabbed)

    def report(self) -> SourceReport:
        """Nothing: no device, no statistics."""
        return SourceReport()

    def close(self) -> None:
        """Nothing to give back; the frames stay for the next opening."""

    def _read_ride(self, travel: TravelPace, timeout_s: float) -> Frame:
        """A block of the ride; the speed is told also while none comes."""
        try:
            due = travel.take(timeout_s)
        finally:
            self._speed.tell(travel.m_per_s(), self._clock.now().monotonic_ns)
        self._framing.lost(OVERRUN, due.missed)
        pixels = self._strip.take(travel.shot.lines, axis=0, mode="wrap")
        counts, position = None, self._config.position
        if isinstance(position, EncoderPosition):
            counts = counts_of(travel.shot, self._mill.m_per_row, position)
        return self._framing.frame(pixels, due.exposed, due.grabbed, counts)

    def _draw(self) -> U8:
        """All frames below each other."""
        mill, rows = Mill(self._mill), self._section.rows
        strip = np.empty((self._section.frames * rows, self._section.width_px), np.uint8)
        for number in range(self._section.frames):
            strip[number * rows : (number + 1) * rows] = mill.frame(number).pixels
        return strip

    def _make_pace(self) -> Pace:
        section, ride = self._section, self._ride
        if ride is None:
            return make_pace(section.frames_per_s, None, self._clock)
        blocks = shots(ride, self._mill.m_per_row, section.rows, section.flush_s)
        return TravelPace(ride, blocks, self._clock)


def _ride(section: SimulatedSection, config: Config) -> SpeedProfile | None:
    """Where an encoder counts and the config gives no ride, it is one at the frames' rate."""
    if section.speed is not None:
        return SpeedProfile(section.speed)
    if not isinstance(config.position, EncoderPosition):
        return None
    if section.frames_per_s is None:
        raise ConfigError("position.kind encoder: give source.speed, or source.frames_per_s")
    block_m = section.rows * config.optics.mm_per_px_along / 1000
    return SpeedProfile(((0.0, section.frames_per_s * block_m),))


def mill_config(config: SimulatedSection, optics: Optics, coils: Coils) -> MillConfig:
    """The mill whose strip is as wide as the coils and is seen through these optics.

    Raises:
        ConfigError: see `SimulatedSource`.
    """
    mm_per_px = optics.mm_per_px_along
    if mm_per_px != optics.mm_per_px_across:
        raise ConfigError(
            "source.kind simulated draws square pixels: give optics.mm_per_px_along and"
            " mm_per_px_across the same value"
        )
    if config.frames * config.rows * config.width_px > MAX_BYTES:
        raise ConfigError(f"source.frames: more than {MAX_BYTES >> 30} GiB of pictures; draw fewer")
    seen_mm = config.width_px * mm_per_px
    return MillConfig(
        seed=config.seed,
        width_px=config.width_px,
        rows=config.rows,
        mm_per_px=mm_per_px,
        strip_mm=(coils.width_mm, coils.width_mm),
        coil_m=coils.length_m or config.frames * config.rows * mm_per_px / 1000,
        wander_mm=max(0.0, min(seen_mm * _WANDER_SHARE, (seen_mm - coils.width_mm) / 4)),
    )
