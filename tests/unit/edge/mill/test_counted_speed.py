"""Strip that is placed by the speed follows the count that the speed was made of."""

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.by_speed import SpeedFeed, SpeedPosition
from edge.clock import Stamp
from edge.mill.counted_speed import MOST_S, CountedSpeed
from edge.mill.signals import FASTEST_BACK_M_PER_S, FASTEST_M_PER_S, PositionSignal, SpeedSignal
from edge.types import Block
from tests.unit.edge.mill.passage import Passage

SECOND_NS = 1_000_000_000
M_PER_ROW, ROWS = 0.0005, 1000
NOMINAL_M_PER_S = 10.0
"""Blocks of half a metre at that speed: 20 a second."""
BLOCK_S = M_PER_ROW * ROWS / NOMINAL_M_PER_S


def strays(way_m: Callable[[float], float], for_s: float, *, jitter_s: float = 0.0) -> list[float]:
    """How far each block's end lies from where the strip is, of strip at `way_m` of the seconds;
    its count comes ten times a second.
    """
    draw, feed = random.Random(1), SpeedFeed()
    position = SpeedPosition(feed, M_PER_ROW, pitch_at_m_per_s=NOMINAL_M_PER_S)
    count = CountedSpeed(feed.tell)
    found, count_s = list[float](), 0.0
    for number in range(1, round(for_s / BLOCK_S)):
        at_s = number * BLOCK_S
        while count_s <= at_s:
            count.counted(round(7000 + way_m(count_s), 3), round(count_s * SECOND_NS))
            count_s += 0.1 + draw.uniform(-jitter_s, jitter_s)
        stamp = Stamp(round(at_s * SECOND_NS), 0)
        rows = position.advance(Block(ROWS, 0, stamp, stamp)).rows
        found.append(rows.end_m - way_m(at_s))
    return [stray - found[20] for stray in found[20:]]


def test_an_hour_adds_up_no_error() -> None:
    """A speed wave of 3 m/s, and counts that come 40 ms early or late."""

    def way_m(at_s: float) -> float:
        return 10 * at_s + 3 * 10 * (1 - math.cos(at_s / 10))

    found = strays(way_m, 3600, jitter_s=0.04)
    assert max(map(abs, found)) < 0.5, "of 36 km"


def test_a_ramp_is_late_by_what_the_speed_changes_between_two_counts() -> None:
    """2 m/s² to 10 m/s: for as long as a count and a block; of half a block it stays."""

    def way_m(at_s: float) -> float:
        ramp_s = min(at_s, 5.0)
        return ramp_s**2 + 10 * (at_s - ramp_s)

    found = strays(way_m, 30)
    assert max(map(abs, found)) < 2 * (0.1 + BLOCK_S) * 0.5
    assert abs(found[-1]) < 10 * BLOCK_S / 2


def test_strip_that_ran_back_is_at_rest_until_new_strip_comes() -> None:
    told: list[tuple[float, int]] = []
    count = CountedSpeed(lambda m_per_s, at_ns: told.append((m_per_s, at_ns)))
    ways = [0.0, 1.0, 2.0, 1.5, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    for number, way_m in enumerate(ways):
        count.counted(way_m, number * SECOND_NS)
    assert all(m_per_s >= 0 for m_per_s, _ in told)
    placed = [1.0, *(1.0 + sum(m_per_s for m_per_s, _ in told[:n]) for n in range(1, len(told)))]
    assert placed == [1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.0]


@pytest.mark.parametrize(
    ("way_m", "span_s"),
    [
        (-7000.0, 0.1),
        (7000.0, 0.1),
        (-1.2 * FASTEST_BACK_M_PER_S, 1.0),
        (1.2 * FASTEST_M_PER_S, 1.0),
        (10.0, MOST_S + 1),
        (0.01, 0.001),
        (0.0, 0.0),
        (5.0, -1.0),
    ],
)
def test_what_is_no_way_of_a_strip_changes_no_speed(way_m: float, span_s: float) -> None:
    told: list[float] = []
    count = CountedSpeed(lambda m_per_s, _: told.append(m_per_s))
    for number in range(3):
        count.counted(2.0 * number, number * SECOND_NS)
    assert told == [2.0, 2.0]
    count.counted(4.0 + way_m, round((2 + span_s) * SECOND_NS))
    assert told == [2.0, 2.0]


@given(
    st.lists(
        st.tuples(st.floats(-1e8, 1e8), st.integers(-(10**12), 10**13)), min_size=1, max_size=30
    )
)
def test_whatever_is_counted_the_speed_is_one(counts: list[tuple[float, int]]) -> None:
    told: list[float] = []
    count = CountedSpeed(lambda m_per_s, _: told.append(m_per_s))
    for position_m, at_ns in counts:
        count.counted(position_m, at_ns)
    assert all(0 <= m_per_s <= FASTEST_M_PER_S for m_per_s in told)


@pytest.mark.parametrize(("signal", "speeds"), [("position", [2.0] * 3), ("speed", [9.0] * 4)])
def test_the_config_says_what_tells_the_speed(
    ledger: Path, signal: str, speeds: list[float]
) -> None:
    position = {"kind": "speed_signal", "signal": signal, "pitch_at_m_per_s": 2.0}
    passage = Passage(ledger, position=position)
    for number in range(4):
        passage.say(PositionSignal(position_m=100.0 + number))
        passage.say(SpeedSignal(m_per_s=9.0))
        passage.run(1.0)
    assert passage.speeds == pytest.approx(speeds)
