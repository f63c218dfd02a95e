from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.position import LinesPosition, make_position, resumed_m
from edge.ports import LinePosition
from edge.types import Block, Counts, RowMap, Watermark
from tests.unit.edge.acquire.fakes import make_config, stamp


def place(position: LinePosition, rows: int, lost: int = 0, at_s: float = 0.0) -> RowMap:
    return position.advance(Block(rows, lost, stamp(at_s))).rows


def test_lines_follow_each_other_and_lost_frames_advance() -> None:
    position = LinesPosition(0.001, start_m=7.0)
    assert place(position, 100).first_m == 7.0
    assert place(position, 100, at_s=99).first_m == pytest.approx(7.1)
    assert place(position, 100, 3).first_m == pytest.approx(7.5)


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9)), max_size=50))
def test_lines_add_up_exactly(blocks: list[tuple[int, int]]) -> None:
    position, row = LinesPosition(0.0004), 0
    for rows, lost in blocks:
        row += rows * lost
        assert place(position, rows, lost).first_m == row * 0.0004
        row += rows


def test_a_million_blocks_do_not_drift() -> None:
    position = LinesPosition(0.1)
    place(position, 1024, 10**6 - 1)
    assert place(position, 1).first_m == 1024 * 10**6 * 0.1


def test_config_chooses_the_position() -> None:
    source = {"kind": "simulated"}
    assert place(make_position(make_config(source)), 10) == (0.0, 0.0005, 10)
    speed = make_position(make_config(source, position={"kind": "speed", "m_per_s": 2}))
    place(speed, 10)
    (rows, *_) = speed.advance(Block(10, 0, stamp(1.5), stamp(1), away=True))
    assert rows.end_m == pytest.approx(3.005)


COUNTED = {"kind": "encoder", "counts_per_m": 1000, "absolute": True}


def test_only_an_absolute_counter_goes_on_after_a_restart() -> None:
    end = Watermark(frame=9, line_m=700.0, coil="c", coil_m=3.0, count=5000)
    source = {"kind": "simulated"}
    for changes in ({"kind": "lines"}, {**COUNTED, "absolute": False}):
        assert resumed_m(make_config(source, position=changes), end) is None
    config = make_config(source, position=COUNTED, mounting={"offset_m": 3.0})
    assert resumed_m(config, end) == 700.0
    assert resumed_m(config, None) is None
    assert resumed_m(config, replace(end, count=None)) is None
    placed = make_position(config, end=end).advance(
        Block(100, 0, stamp(0), counts=Counts(5500, 5550))
    )
    assert placed.rows.first_m == pytest.approx(700.5, abs=0.001)
