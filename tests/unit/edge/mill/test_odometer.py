"""Where the strip was when: between samples, before the first, after the newest."""

import pytest

from edge.clock import Stamp
from edge.mill.odometer import KEPT, Odometer, WatchedPosition
from edge.types import Block, Placed, RowMap

S = 1_000_000_000
OFFSET_M = 2.0


@pytest.fixture
def odometer() -> Odometer:
    made = Odometer(-OFFSET_M, OFFSET_M)
    for second, camera_m in ((10, 0.0), (11, 4.0), (12, 5.0)):
        made.tell(second * S, camera_m)
    return made


@pytest.mark.parametrize(
    ("second", "line_m"),
    [
        (10.5, 4.0),
        (11.25, 6.25),
        (12.0, 7.0),
        (12.5, 7.5),
        (13.0, 8.0),
        (500.0, 8.0),
        (9.0, 0.0),
    ],
)
def test_the_place_of_a_moment(odometer: Odometer, second: float, line_m: float) -> None:
    assert odometer.at(round(second * S)) == pytest.approx(line_m)


def test_before_any_block_the_strip_lies_at_the_start() -> None:
    made = Odometer(-OFFSET_M, OFFSET_M)
    assert made.at(7) == 0.0
    assert not made.passed(7)
    made.tell(7, 1.0)
    assert made.at(7) == 3.0
    assert made.passed(7)


def test_a_stamp_that_is_no_later_tells_nothing(odometer: Odometer) -> None:
    odometer.tell(12 * S, 99.0)
    odometer.tell(1 * S, 99.0)
    assert odometer.at(12 * S) == pytest.approx(7.0)


def test_months_need_no_more_memory(odometer: Odometer) -> None:
    for number in range(3 * KEPT):
        odometer.tell((20 + number) * S, 10.0 + number)
    assert len(odometer._moments) < 2 * KEPT
    newest = 20 + 3 * KEPT - 1
    assert odometer.at(newest * S) == pytest.approx(10.0 + 3 * KEPT - 1 + OFFSET_M)
    assert odometer.at(0) == pytest.approx(odometer._metres[0])


class Told:
    def __init__(self, *places: Placed) -> None:
        self._places = list(places)

    def advance(self, block: Block) -> Placed:
        del block
        return self._places.pop(0)


def test_a_block_ends_where_its_last_line_lies(odometer: Odometer) -> None:
    """At its stamp: of the exposure where there is one; at its start where the strip ran back."""
    rows = RowMap(6.0, 0.01, 100)
    forward, back = Placed(rows), Placed(rows, backwards=True)
    watched = WatchedPosition(Told(forward, back), odometer)
    grabbed = Block(100, 0, Stamp(21 * S, 0), exposed=Stamp(20 * S, 0))
    assert watched.advance(grabbed) is forward
    assert odometer.at(20 * S) == pytest.approx(7.0 + OFFSET_M)
    watched.advance(Block(100, 0, Stamp(22 * S, 0)))
    assert odometer.at(22 * S) == pytest.approx(6.0 + OFFSET_M)
