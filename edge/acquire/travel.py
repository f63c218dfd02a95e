"""The simulated camera's lines: an encoder triggers one per pitch of strip, in either direction.

A block is complete after so many lines. One that the strip leaves unfinished at rest is flushed.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge.acquire.pacing import Due
from edge.clock import Clock, Stamp
from edge.config import EncoderPosition as EncoderSection
from edge.errors import SourceTimeoutError
from edge.simulator.speed import Leg, SpeedProfile
from edge.types import Counts


class Shot(NamedTuple):
    """A block: the strip's line numbers in the order they were taken, and when that was done."""

    lines: npt.NDArray[np.int64]
    forward: npt.NDArray[np.bool_]
    ends_s: float


_NONE = Shot(np.empty(0, np.int64), np.empty(0, np.bool_), 0.0)


def shots(profile: SpeedProfile, pitch_m: float, rows: int, flush_s: float) -> Iterator[Shot]:
    """The blocks of a ride, without end where the strip never stops for good."""
    path, legs, first = profile.path(), profile.legs(), 0
    rests = [
        (math.floor(path.metres_at(rest.start_s) / pitch_m + 1e-6), rest.start_s + flush_s)
        for rest in profile.rests()
        if rest.end_s - rest.start_s >= flush_s
    ]
    while True:
        end, ends_s = first + rows, path.time_at((first + rows) * pitch_m)
        end, ends_s = next((rest for rest in rests if first < rest[0] < end), (end, ends_s))
        if ends_s == float("inf"):
            return
        yield _shot(legs, pitch_m, range(first, end), ends_s)
        first = end


def _shot(legs: tuple[Leg, ...], pitch_m: float, pulses: range, ends_s: float) -> Shot:
    """A line is complete a pitch after the one before, counted along the path."""
    ends_m = (np.arange(pulses.start, pulses.stop) + 1) * pitch_m
    at = np.searchsorted([leg.path_m for leg in legs], ends_m - pitch_m / 1e6, side="right") - 1
    paths_m, from_m, steps = (np.array(column)[at] for column in zip(*legs, strict=True))
    metres = from_m + steps * (ends_m - paths_m)
    lines = np.rint(metres / pitch_m - (1 + steps) / 2).astype(np.int64)
    return Shot(lines, steps > 0, ends_s)


def counts_of(shot: Shot, pitch_m: float, encoder: EncoderSection) -> Counts:
    """The counter as the first and the last line were begun."""
    ends = shot.lines[[0, -1]] + ~shot.forward[[0, -1]]
    sign = -1 if encoder.falling else 1
    counts = sign * np.floor(ends * pitch_m * encoder.counts_per_m + 1e-6).astype(np.int64)
    first, last = (int(count) % (1 << encoder.bits) for count in counts)
    return Counts(first, last)


class TravelPace:
    """Blocks of a ride on the clock, open loop. `shot` is the one that was taken last."""

    def __init__(self, profile: SpeedProfile, blocks: Iterator[Shot], clock: Clock) -> None:
        self._profile = profile
        self._blocks = blocks
        self._clock = clock
        self._start_ns: int | None = None
        self._following: Shot | None = next(blocks, None)
        self._number = -1
        self.shot = _NONE

    def start(self) -> None:
        """The ride begins; or it has gone on, and nobody saw the blocks of meanwhile."""
        if self._start_ns is None:
            self._start_ns = self._clock.now().monotonic_ns
        while self._complete(self._elapsed_s()):
            self._following = next(self._blocks, None)

    def take(self, timeout_s: float) -> Due:
        """The newest block that is complete, or the next one to be."""
        if not self._complete(self._elapsed_s()):
            self._wait(timeout_s)
        missed, now_s = -1, self._elapsed_s()
        while self._complete(now_s):
            self.shot, self._following = self._following or _NONE, next(self._blocks, None)
            missed += 1
        self._number += 1 + missed
        stamp = self._at(self.shot.ends_s)
        return Due(self._number, missed, stamp, stamp)

    def m_per_s(self) -> float:
        """The strip's speed now."""
        return self._profile.speed_at(self._elapsed_s())

    def _elapsed_s(self) -> float:
        now_ns = self._clock.now().monotonic_ns
        return (now_ns - (now_ns if self._start_ns is None else self._start_ns)) / 1e9

    def _complete(self, now_s: float) -> bool:
        return self._following is not None and self._following.ends_s <= now_s

    def _wait(self, timeout_s: float) -> None:
        latest_s = self._elapsed_s() + timeout_s
        due_s = float("inf") if self._following is None else self._following.ends_s
        # A nanosecond more, since seconds as a float may lie just before the moment.
        self._clock.sleep_until(self._at(min(due_s, latest_s)).monotonic_ns + 1)
        if due_s > latest_s:
            raise SourceTimeoutError(f"no block is due within {timeout_s:g} s")

    def _at(self, ride_s: float) -> Stamp:
        now = self._clock.now()
        at_ns = (self._start_ns or 0) + round(ride_s * 1e9)
        return Stamp(at_ns, now.utc_ns - (now.monotonic_ns - at_ns))
