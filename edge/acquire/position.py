"""Where the strip is under the camera, in metres of the line's own count.

Every position starts at `start_m`, so that after a restart the count can go on where it stopped. A
position never knows of pixels beyond a block's height: lost blocks are as high as the next one.
"""

from edge.acquire.by_encoder import EncoderPosition, Resume
from edge.acquire.by_speed import SpeedFeed, SpeedPosition, SteadySpeed
from edge.config import Config, Mounting
from edge.config import EncoderPosition as EncoderSection
from edge.config import LinesPosition as LinesSection
from edge.config import SpeedPosition as SpeedSection
from edge.ports import LinePosition, SpeedSignal
from edge.types import Block, Placed, RowMap, Start, Watermark


class LinesPosition:
    """An encoder triggers every line: position is the number of lines times their pitch.

    Lines that the camera did not count (it was away) are unknown here: the count then simply goes
    on, and every later position of that coil is short by the stretch that passed.
    """

    def __init__(self, m_per_row: float, start_m: float = 0.0) -> None:
        self._m_per_row = m_per_row
        self._start_m = start_m
        self._row = 0  # an integer, so that millions of blocks add no rounding error

    def advance(self, block: Block) -> Placed:
        """The next block, `block.lost` blocks further on; its stamps tell nothing new."""
        self._row += block.lost * block.rows
        first_m = self._start_m + self._row * self._m_per_row
        self._row += block.rows
        return Placed(RowMap(first_m, self._m_per_row, block.rows))


class MountedPosition:
    """The same place as seen by a camera that hangs elsewhere or the other way round."""

    def __init__(self, position: LinePosition, mounting: Mounting) -> None:
        self._position = position
        self._mounting = mounting

    def advance(self, block: Block) -> Placed:
        """What is under the camera now passed the reference `offset_m` ago."""
        placed, mounting = self._position.advance(block), self._mounting
        return placed._replace(
            rows=placed.rows._replace(first_m=placed.rows.first_m - mounting.offset_m),
            backwards=placed.backwards != mounting.rows_backwards,
            mirrored=mounting.mirrored,
        )


def make_position(
    config: Config, speed: SpeedSignal | None = None, end: Watermark | None = None
) -> LinePosition:
    """The position that the config asks for, under the camera as it is mounted.

    Args:
        config: the whole of it.
        speed: who tells the strip's speed, for `speed_signal`.
        end: where an earlier run's strip ended; see `resumed_m`.
    """
    position = _position(config, speed, end)
    return position if config.mounting == Mounting() else MountedPosition(position, config.mounting)


def start_of(config: Config, end: Watermark | None) -> Start:
    """Where inspection begins after an earlier run that ended there: from 0 where nobody counted
    the strip that passed meanwhile.
    """
    at_m = resumed_m(config, end)
    return Start() if at_m is None else Start(at_m, "restart")


def resumed_m(config: Config, end: Watermark | None) -> float | None:
    """Where the line's count goes on; None where it begins at 0."""
    section = config.position
    goes_on = isinstance(section, EncoderSection) and section.absolute
    return end.line_m if goes_on and end is not None and end.count is not None else None


def _position(config: Config, speed: SpeedSignal | None, end: Watermark | None) -> LinePosition:
    m_per_row, section = config.optics.mm_per_px_along / 1000, config.position
    if isinstance(section, LinesSection):
        return LinesPosition(m_per_row)
    if isinstance(section, SpeedSection):
        return SpeedPosition(SteadySpeed(section.m_per_s), m_per_row)
    if isinstance(section, EncoderSection):
        at_m = resumed_m(config, end)
        resume = None
        if at_m is not None and end is not None and end.count is not None:
            resume = Resume(end.count, at_m + config.mounting.offset_m)
        return EncoderPosition(section, m_per_row, resume=resume)
    return SpeedPosition(
        speed or SpeedFeed(), m_per_row,
        pitch_at_m_per_s=section.pitch_at_m_per_s, max_age_s=section.max_age_s,
    )  # fmt: skip
