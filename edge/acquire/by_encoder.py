"""An encoder's counter tells where each block began and ended, also over stops and reversals.

Counters are narrow and wrap; what is meant is the count nearest to where the block is expected. A
block that was taken while the strip ran backwards has falling counts; it is turned round and lies
where its strip lies. Where the encoder triggers the lines, one that was taken while the strip
turned has more lines than metres: it is cut to its forward part, since the other part shows strip
that went by forwards just before or will just after.
"""

import logging
import math
from typing import NamedTuple

from edge.config import EncoderPosition as EncoderSection
from edge.types import Block, Counts, Placed, RowMap

log = logging.getLogger(__name__)

TURN_SHARE = 0.02
"""Share of a block's lines that may lack metres before the strip counts as having turned in it: a
turn closer to the block's end shifts its rows by less than that share of it (6 mm of 300).
"""
JOINED_COUNTS = 2
"""Two readings of one place differ by one count each."""
MOST_PASSED_M = 20_000.0
"""More strip than a line makes in twenty minutes at its fastest: a wide counter that was reset."""
LEAST_PITCH = 1e-3
"""Share of the nominal pitch that rows keep while the strip is at rest, so that they have order."""


class Resume(NamedTuple):
    """The count at which an earlier run's strip ended, of a counter that went on counting."""

    counter: int
    end_m: float


class EncoderPosition:
    """Blocks placed by counts. The first one, or the lost ones before it, begins at `start_m`;
    after `resume` it begins where the counter says.
    """

    def __init__(
        self,
        encoder: EncoderSection,
        m_per_row: float,
        start_m: float = 0.0,
        resume: Resume | None = None,
    ) -> None:
        self._encoder = encoder
        self._m_per_row = m_per_row
        self._span = 1 << encoder.bits
        self._last: int | None = None  # raw count of the newest line
        self._total = 0  # counts from the origin to that line, forward
        self._origin_m = self._end_m = start_m if resume is None else resume.end_m
        self._direction = 1
        self._resume = resume

    def advance(self, block: Block) -> Placed:
        """Where the counts say; without counts, after the one before, which is a guess."""
        began_anew = False
        if block.counts is not None:
            if self._resume is not None:
                self._go_on(self._resume, block.counts)
            elif block.away:
                began_anew = self._began_anew(block.counts, block.rows)
        first_m = self._end_m + block.lost * block.rows * self._m_per_row
        if block.counts is None:
            placed = Placed(RowMap(first_m, self._m_per_row, block.rows), known=False)
        elif block.counts.first is None or self._encoder.trigger == "frame":
            placed = self._whole(block, block.counts)
        else:
            placed = self._lines(block, block.counts.first, block.counts.last)
        if abs(placed.rows.first_m - first_m) <= self._joined_m:
            placed = placed._replace(rows=placed.rows._replace(first_m=first_m))
        self._end_m = placed.rows.end_m
        return placed._replace(known=False) if began_anew else placed

    @property
    def _sign(self) -> int:
        return -1 if self._encoder.falling else 1

    @property
    def _joined_m(self) -> float:
        return max(JOINED_COUNTS / self._encoder.counts_per_m, self._m_per_row / 2)

    def _go_on(self, resume: Resume, counts: Counts) -> None:
        """Start at the count where the earlier run ended, unless the counter began anew since."""
        self._resume = None
        if not self._plausible(self._passed(resume.counter, counts), least_m=0.0):
            log.warning(
                "the encoder does not go on from where the earlier run ended: it began anew, or the"
                " strip ran back; how much strip passed meanwhile is not known"
            )
            return
        self._last, self._origin_m = resume.counter, resume.end_m - self._m_per_row

    def _began_anew(self, counts: Counts, rows: int) -> bool:
        """Whether the counter was reset while the camera was away, as by its power: then its strip
        goes on where the last block ended, which is a guess. Read as a reversal it would lie on
        strip that is done with, and nobody would look at it.
        """
        if self._last is None:
            return False
        least_m = -rows * self._m_per_row
        if self._plausible(self._passed(self._last, counts), least_m):
            return False
        log.warning("the encoder began anew while the camera was away: its strip goes on behind")
        self._last, self._origin_m, self._direction = None, self._end_m, 1
        return True

    def _passed(self, before: int, counts: Counts) -> int:
        newest = counts.last if counts.first is None else counts.first
        return _nearest(self._sign * (newest - before), 0, self._span)

    def _plausible(self, passed: int, least_m: float) -> bool:
        return least_m <= passed / self._encoder.counts_per_m <= MOST_PASSED_M

    def _whole(self, block: Block, counts: Counts) -> Placed:
        """One count a block: that of its last line."""
        block_m = block.rows * self._m_per_row
        way_m = (block.lost + 1) * block_m
        before_m = self._at(self._total)
        fresh = self._last is None
        last_m = self._count(counts.last, way_m)
        if last_m < before_m and self._encoder.trigger == "lines" and not fresh:
            rows = RowMap(last_m - self._m_per_row, self._m_per_row, block.rows)
            return Placed(rows, backwards=True)
        return Placed(RowMap(last_m + self._m_per_row - block_m, self._m_per_row, block.rows))

    def _lines(self, block: Block, first: int, last: int) -> Placed:
        """Counts of the first and the last line."""
        block_m = block.rows * self._m_per_row
        first_m = self._count(first, block.lost * block_m + self._m_per_row)
        last_m = self._count(last, self._direction * block_m)
        way_m, steps = last_m - first_m, max(1, block.rows - 1)
        nominal_m = steps * self._m_per_row
        pitch_m = max(abs(way_m) / steps, LEAST_PITCH * self._m_per_row)
        if self._encoder.trigger == "lines":
            missing_m = nominal_m - abs(way_m)
            if missing_m > max(TURN_SHARE * nominal_m, 2 * self._joined_m):
                return self._turned(block.rows, first_m, last_m)
            if abs(missing_m) <= JOINED_COUNTS / self._encoder.counts_per_m:
                pitch_m = self._m_per_row
        if way_m < 0:
            self._direction = -1
            return Placed(RowMap(last_m - pitch_m, pitch_m, block.rows), backwards=True)
        self._direction = 1
        return Placed(RowMap(first_m, pitch_m, block.rows))

    def _turned(self, rows: int, first_m: float, last_m: float) -> Placed:
        """Lines of both directions: only the forward ones, which come first if it ran forward."""
        half = (rows + (last_m - first_m) / self._m_per_row) / 2
        forward = math.floor(half + 0.25) if self._direction > 0 else math.ceil(half - 0.25)
        forward = min(rows, max(1, forward))
        log.info("the strip turned within a block, %d of whose %d lines ran forward", forward, rows)
        self._direction = -self._direction
        if self._direction < 0:
            kept = RowMap(first_m, self._m_per_row, forward)
            return Placed(kept, keep=slice(0, forward))
        start_m = last_m - (forward - 1) * self._m_per_row
        return Placed(RowMap(start_m, self._m_per_row, forward), keep=slice(rows - forward, None))

    def _count(self, raw: int, expected_m: float) -> float:
        """The place of a count, the nearest one to `expected_m` after the count before."""
        expected = round(expected_m * self._encoder.counts_per_m)
        if self._last is None:
            self._total = 0
            self._origin_m += expected_m - self._m_per_row
        else:
            self._total += _nearest(self._sign * (raw - self._last), expected, self._span)
        self._last = raw
        return self._at(self._total)

    def _at(self, total: int) -> float:
        return self._origin_m + total / self._encoder.counts_per_m


def _nearest(step: int, expected: int, span: int) -> int:
    """The step that is `step` modulo `span` and lies nearest to the expected one."""
    return expected + (step - expected + span // 2) % span - span // 2
