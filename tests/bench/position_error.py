"""How far a block lies from where its strip was, at 20 m/s, for each source of position.

Each row has a model of what disturbs it, a bound derived from that, and the largest error of two
thousand blocks (half a minute, 614 m) drawn by that model. Places count from the first block's,
since the origin of a line's count is arbitrary. `docs/generate.py` writes the table.
"""

import math
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge.acquire.by_encoder import JOINED_COUNTS, EncoderPosition
from edge.acquire.by_speed import (
    EXPOSURE_S,
    HOST_S,
    SETTLE_S,
    SpeedFeed,
    SpeedPosition,
    SteadySpeed,
)
from edge.acquire.position import LinesPosition
from edge.clock import Stamp
from edge.config import EncoderPosition as EncoderSection
from edge.mill.counted_speed import CountedSpeed
from edge.ports import LinePosition
from edge.types import Block, Counts, RowMap

M_PER_S, M_PER_ROW, ROWS, BLOCKS = 20.0, 0.0003, 1024, 2000
BLOCK_M = ROWS * M_PER_ROW
PERIOD_S = BLOCK_M / M_PER_S
COUNTS_PER_M = 10_000.0
LOAD_P99_S, IDLE_S, CLOCK_S, CLOCK_PPM = 24.5e-3, 1e-4, 2e-5, 100
RAMP_M_PER_S2, SIGNAL_S = 2.0, 0.1

Floats = npt.NDArray[np.floating]


class Case(NamedTuple):
    """A row of the table; millimetres."""

    source: str
    disturbed_by: str
    bound_mm: float
    bound: str
    error_mm: float


def cases() -> list[Case]:
    """All rows, the same on every machine."""
    return [make(np.random.default_rng(7)) for make in _CASES]


def _lines(rng: np.random.Generator) -> Case:
    del rng
    error = _steady(LinesPosition(M_PER_ROW), (Block(ROWS, 0, _at(0)) for _ in range(BLOCKS)))
    return Case("`lines`", "nothing", 0.001, "none", error)


def _encoder(rng: np.random.Generator) -> Case:
    section = EncoderSection(kind="encoder", counts_per_m=COUNTS_PER_M)
    firsts = np.arange(BLOCKS) * BLOCK_M * COUNTS_PER_M
    off = rng.integers(-1, 2, (2, BLOCKS))
    lasts = firsts + (ROWS - 1) * M_PER_ROW * COUNTS_PER_M
    blocks = (
        Block(ROWS, 0, _at(0), counts=Counts(round(first), round(last)))
        for first, last in zip(firsts + off[0], lasts + off[1], strict=True)
    )
    error = _steady(EncoderPosition(section, M_PER_ROW), blocks)
    bound = 1000 * (JOINED_COUNTS + 2) / COUNTS_PER_M
    return Case("`encoder`, 10 counts/mm", "a count either way", bound, "4 counts", error)


def _encoder_on_a_ramp(rng: np.random.Generator) -> Case:
    """Lines on the camera's clock while the strip gains speed: rows are not evenly spaced."""
    del rng
    section = EncoderSection(kind="encoder", counts_per_m=COUNTS_PER_M, trigger="clock")
    position, worst = EncoderPosition(section, M_PER_ROW), 0.0
    lines = np.arange(ROWS) * PERIOD_S / ROWS
    for k in range(200):
        times = k * PERIOD_S + lines
        true = M_PER_S / 2 * times + RAMP_M_PER_S2 / 2 * times**2
        counts = Counts(*(round(m * COUNTS_PER_M) for m in (true[0], true[-1])))
        rows = position.advance(Block(ROWS, 0, _at(0), counts=counts)).rows
        worst = max(worst, float(np.abs(_places(rows) - true).max()))
    bend = RAMP_M_PER_S2 * PERIOD_S**2 / 8
    bound = 1000 * (bend + (JOINED_COUNTS + 2) / COUNTS_PER_M)
    return Case(
        "`encoder`, `trigger: clock`", f"a ramp of {RAMP_M_PER_S2:g} m/s²", bound,
        "a t²/8 + 4 counts", 1000 * worst,
    )  # fmt: skip


def _camera_clock(rng: np.random.Generator) -> Case:
    stamps = np.arange(BLOCKS) * PERIOD_S + rng.uniform(-CLOCK_S, CLOCK_S, BLOCKS)
    error = _steady(_by_speed(), _exposed(stamps))
    bound = 1000 * M_PER_S * (EXPOSURE_S + 2 * CLOCK_S)
    return Case("`speed`, exposures", "± 20 µs", bound, "v (0.1 ms + 2 x 20 µs)", error)


def _free_clock(rng: np.random.Generator) -> Case:
    stamps = np.arange(BLOCKS) * PERIOD_S * (1 + CLOCK_PPM / 1e6)
    stamps += rng.uniform(-CLOCK_S, CLOCK_S, BLOCKS)
    error = _steady(_by_speed(), _exposed(stamps))
    drift = BLOCKS * BLOCK_M * CLOCK_PPM / 1e6
    bound = 1000 * (M_PER_S * (EXPOSURE_S + 2 * CLOCK_S) + drift)
    return Case(
        "`speed`, exposures", "± 20 µs, and a clock 100 ppm off", bound,
        "the same + 100 ppm of the way", error,
    )  # fmt: skip


def _idle_host(rng: np.random.Generator) -> Case:
    return _host(rng, rng.exponential(IDLE_S, BLOCKS), "late by 0.1 ms on average", 0.0)


def _hiccups(rng: np.random.Generator) -> Case:
    late = rng.exponential(IDLE_S, BLOCKS) + (rng.random(BLOCKS) < 0.01) * 0.03
    return _host(rng, late, "the same, and each hundredth by 30 ms", 0.0)


def _busy_host(rng: np.random.Generator) -> Case:
    """The least of so many lates is seldom large: larger than what joins by `t` with a probability
    of exp(-n t / mean), each time.
    """
    mean = LOAD_P99_S / math.log(100)
    beyond = mean * math.log(BLOCKS / 0.001) / (SETTLE_S / PERIOD_S)
    late = rng.exponential(mean, BLOCKS)
    return _host(rng, late, "late by 24.5 ms at its p99, exponential", beyond)


def _host(rng: np.random.Generator, late: Floats, words: str, beyond_s: float) -> Case:
    del rng
    stamps = np.maximum.accumulate(np.arange(BLOCKS) * PERIOD_S + late)
    error = _steady(_by_speed(), (Block(ROWS, 0, _at(at_s)) for at_s in stamps))
    bound = 1000 * M_PER_S * (HOST_S + beyond_s)
    told = "v x 1 ms" if beyond_s == 0 else "v x 1 ms + what 99.9 % stay below"
    return Case("`speed`, host's stamps", words, bound, told, error)


def _speed_signal(rng: np.random.Generator) -> Case:
    """The told speed is held until the next one: on a ramp it is late by half that on average."""
    del rng
    feed = SpeedFeed()

    def tell(at_s: float, _: float, m_per_s: float) -> None:
        feed.tell(m_per_s, _at(at_s).monotonic_ns)

    return _on_a_ramp("`speed_signal`, 10 a second", feed, tell)


def _count_signal(rng: np.random.Generator) -> Case:
    """The speed is of the way between two counts, and what it was wrong by is made up for."""
    del rng
    feed = SpeedFeed()
    count = CountedSpeed(feed.tell)

    def tell(at_s: float, way_m: float, _: float) -> None:
        count.counted(way_m, _at(at_s).monotonic_ns)

    return _on_a_ramp("`speed_signal`, `signal: position`, 10 a second", feed, tell)


def _on_a_ramp(source: str, feed: SpeedFeed, tell: Callable[[float, float, float], None]) -> Case:
    """`tell` is told the seconds, the way and the speed, ten times a second."""
    worst, told_s = 0.0, -1.0
    position = SpeedPosition(feed, M_PER_ROW, pitch_at_m_per_s=M_PER_S)
    ramp_s = M_PER_S / 2 / RAMP_M_PER_S2
    start_m = 0.0
    for k in range(1, BLOCKS):
        at_s = k * PERIOD_S
        true = M_PER_S / 2 * at_s + RAMP_M_PER_S2 / 2 * min(at_s, ramp_s) ** 2
        true += max(0.0, at_s - ramp_s) * M_PER_S / 2
        if at_s - told_s >= SIGNAL_S:
            told_s = at_s
            tell(at_s, true, M_PER_S / 2 + RAMP_M_PER_S2 * min(at_s, ramp_s))
        rows = position.advance(Block(ROWS, 0, _at(at_s), _at(at_s))).rows
        if at_s < 3 * SIGNAL_S:  # nobody knows a speed before two counts
            start_m = rows.end_m - true
        worst = max(worst, abs(rows.end_m - true - start_m))
    bound = 1000 * (M_PER_S / 2 * (SIGNAL_S + PERIOD_S) + M_PER_S * EXPOSURE_S)
    return Case(
        source, "a ramp from 10 to 20 m/s", bound, "change of v x (0.1 s + a block)", 1000 * worst
    )  # fmt: skip


_CASES: tuple[Callable[[np.random.Generator], Case], ...] = (
    _lines, _encoder, _encoder_on_a_ramp, _camera_clock, _free_clock, _idle_host, _hiccups,
    _busy_host, _speed_signal, _count_signal,
)  # fmt: skip


def _steady(position: LinePosition, blocks: Iterator[Block]) -> float:
    """The largest error over blocks that touch, in millimetres."""
    places = np.array([position.advance(block).rows.first_m for block in blocks])
    strays = places - places[0] - np.arange(BLOCKS) * BLOCK_M
    return 1000 * float(np.abs(strays).max())


def _by_speed() -> SpeedPosition:
    return SpeedPosition(SteadySpeed(M_PER_S), M_PER_ROW)


def _exposed(stamps: Floats) -> Iterator[Block]:
    return (Block(ROWS, 0, _at(at_s + 0.04), _at(at_s)) for at_s in stamps)


def _places(rows: RowMap) -> Floats:
    return rows.first_m + np.arange(rows.rows) * rows.m_per_row


def _at(seconds: float) -> Stamp:
    return Stamp(1_000_000_000 + round(seconds * 1e9), 0)


def table() -> str:
    """The rows as Markdown."""
    lines = ["| position | disturbed by | bound | mm | largest of 2,000 blocks, mm |"]
    lines += ["|---|---|---|---|---|"]
    for case in cases():
        bound = f"{case.bound_mm:.1f}" if case.bound_mm > 0.001 else "0"
        lines.append(
            f"| {case.source} | {case.disturbed_by} | {case.bound} | {bound} |"
            f" {case.error_mm:.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
