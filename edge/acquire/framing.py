"""Numbers and places the frames of any source, and accounts for those that never came.

Every source tells here what it lost and why; the next frame then carries the stretches in
`Frame.losses` and skips the lost ones in `Frame.seq`. Nothing that passed the camera unseen can be
forgotten on the way, not even over a reopening of the source.
"""

import logging

import cv2
import numpy as np

from edge.clock import Stamp
from edge.ports import LinePosition
from edge.types import U8, Block, Counts, Frame, Loss, Placed

log = logging.getLogger(__name__)

LOST = "camera"
"""Sent, by the camera's own count, and never seen here."""
INCOMPLETE = "incomplete_frame"
AWAY = "camera_away"
BETWEEN_FRAMES = "between_frames"


class Framing:
    """Owned by one source and its thread; lives as long as the source object, over reopenings."""

    def __init__(self, position: LinePosition) -> None:
        self._position = position
        self._seq = 0
        self._end_m: float | None = None
        self._lost: list[tuple[str, int]] = []
        self._away = False
        self._known = True

    @property
    def frames_missing(self) -> int:
        """Lost frames that no frame has carried yet."""
        return sum(count for _, count in self._lost)

    def lost(self, reason: str, frames: int = 1) -> None:
        """Frames were produced that cannot be delivered."""
        if frames > 0 and self._lost and self._lost[-1][0] == reason:
            self._lost[-1] = reason, self._lost[-1][1] + frames
        elif frames > 0:
            self._lost.append((reason, frames))

    def away(self) -> None:
        """The source was opened again: strip passed that it never saw.

        By stamps its length is known. By lines it is not, since nobody counted them: the loss then
        has no length, but it is said, and logged.
        """
        self._away = self._end_m is not None

    def frame(
        self, pixels: U8, exposed: Stamp | None, grabbed: Stamp, counts: Counts | None = None
    ) -> Frame:
        """The next frame; takes the pixels over and makes them read-only. Turned round where the
        strip or the camera runs the other way, they are a copy.
        """
        lost, height = self.frames_missing, pixels.shape[0]
        block = Block(height, lost, grabbed, exposed, counts, self._away)
        placed = self._position.advance(block)
        self._tell(placed.known)
        rows = placed.rows
        pixels = _turned(pixels, placed)
        pixels.flags.writeable = False
        block_m = height * rows.m_per_row
        if self._end_m is None:
            self._end_m = rows.first_m - self.frames_missing * block_m
        seq = self._seq + self.frames_missing
        losses = self._stretches(self._end_m, placed, block_m)
        if rows.first_m - self._end_m > rows.m_per_row / 2 and not losses:
            losses = (Loss(self._end_m, rows.first_m, BETWEEN_FRAMES),)
        self._seq, self._end_m, self._lost, self._away = seq + 1, rows.end_m, [], False
        # After a turn the last line's count is not that of the block's end.
        ran_on = counts is not None and not placed.backwards and placed.keep == slice(None)
        count = counts.last if counts is not None and ran_on else None
        return Frame(seq, pixels, rows, exposed, grabbed, losses, count, placed.known)

    def _tell(self, known: bool) -> None:  # noqa: FBT001 - the one thing it is told
        if known != self._known:
            self._known = known
            state = "is known again" if known else "is a guess: its signal is missing or stale"
            log.warning("where the strip is %s", state)

    def _stretches(self, first_m: float, placed: Placed, block_m: float) -> tuple[Loss, ...]:
        """Share the way from one frame to the next among the reasons, in order.

        Counted frames take a block each (less where blocks overlap); being away takes the rest.
        Where the strip is known to have run back meanwhile there is no rest, and nothing is lost
        where it is known to have come no further.
        """
        end_m, frames = placed.rows.first_m, self.frames_missing
        slack_m = placed.rows.m_per_row / 2
        ran_back = placed.known and end_m - first_m < frames * block_m - slack_m
        way_m = max(0.0, end_m - first_m)
        share_m = way_m / frames if frames else 0.0
        each_m = min(block_m, share_m) if self._away else share_m
        losses = []
        for reason, count in self._lost if each_m or not placed.known else ():
            losses.append(Loss(first_m, first_m + count * each_m, reason))
            first_m = losses[-1].end_m
        if self._away and not ran_back:
            counted = end_m - first_m > slack_m
            losses.append(Loss(first_m, end_m if counted else first_m, AWAY))
            log.warning("the source was away for %.3f m of strip (0: unknown)", way_m)
        return tuple(losses)


def _turned(pixels: U8, placed: Placed) -> U8:
    """The kept rows by rising metres, the operator side at the left."""
    kept = pixels[placed.keep]
    if placed.backwards or placed.mirrored:
        axis = -1 if placed.backwards and placed.mirrored else int(placed.mirrored)
        kept = np.asarray(cv2.flip(kept, axis), np.uint8)
    return kept
