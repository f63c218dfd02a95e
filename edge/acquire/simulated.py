"""The simulated mill as a camera: frames drawn before the start, then offered on a clock.

They are drawn beforehand because drawing takes many times longer than a frame may. After the last
one the first follows again: texture and coil border jump there, positions and coil ids do not.
"""

import logging

from edge.acquire.framing import Framing
from edge.acquire.pacing import OVERRUN, AsRead, Pace, make_pace
from edge.clock import Clock
from edge.config import Coils, Optics
from edge.config import SimulatedSource as SimulatedSection
from edge.errors import ConfigError, SourceLostError
from edge.ports import LinePosition
from edge.simulator.mill import Mill, MillConfig
from edge.types import U8, Frame

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
        config: SimulatedSection,
        optics: Optics,
        coils: Coils,
        position: LinePosition,
        clock: Clock,
    ) -> None:
        self._config = config
        self._mill = mill_config(config, optics, coils)
        self._framing = Framing(position)
        self._frames: tuple[U8, ...] = ()
        self._pace: Pace = AsRead(0, clock)
        self._clock = clock

    def open(self) -> None:
        """Draw the frames the first time, and start the clock."""
        if not self._frames:
            log.info("drawing %d frames of the simulated mill", self._config.frames)
            mill = Mill(self._mill)
            self._frames = tuple(mill.frame(n).pixels for n in range(self._config.frames))
        self._framing.away()
        self._pace = make_pace(self._config.frames_per_s, None, self._clock)
        self._pace.start()

    def read(self, timeout_s: float) -> Frame:
        """The next frame."""
        if not self._frames:
            raise SourceLostError("the simulated mill is not open")
        due = self._pace.take(timeout_s)
        self._framing.lost(OVERRUN, due.missed)
        pixels = self._frames[due.number % len(self._frames)]
        return self._framing.frame(pixels, due.exposed, due.grabbed)

    def close(self) -> None:
        """Nothing to give back; the frames stay for the next opening."""


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
