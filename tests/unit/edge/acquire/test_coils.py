import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.coils import ConstantCoils, following_id, split_by_coil
from edge.config import Coils
from edge.errors import ConfigError
from edge.types import Frame, RowMap
from tests.unit.edge.acquire.fakes import stamp

lengths = st.floats(0.01, 5000)
places = st.floats(0, 1e6)


def coils(length_m: float | None, next_id: str | None = None) -> ConstantCoils:
    return ConstantCoils(Coils(length_m=length_m, width_mm=900.0), next_id)


@pytest.mark.parametrize(
    ("first", "steps", "expected"),
    [
        ("coil-0001", 1, "coil-0002"),
        ("coil-0999", 1, "coil-1000"),
        ("coil-9", 1, "coil-10"),
        ("7", 5, "12"),
        ("X", 0, "X"),
        ("X", 1, "X-2"),
        ("X-2", 1, "X-3"),
        ("A12B", 2, "A12B-3"),
    ],
)
def test_ids_count_on(first: str, steps: int, expected: str) -> None:
    assert following_id(first, steps) == expected


@given(
    st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,20}\Z"), st.integers(0, 50), st.integers(0, 50)
)
def test_numbering_is_the_same_in_one_run_or_two(first: str, before: int, after: int) -> None:
    assert following_id(following_id(first, before), after) == following_id(first, before + after)


def test_coils_follow_each_other() -> None:
    found = coils(100.0).coils(150.0, 300.0)
    assert [(c.id, c.head_m, c.tail_m) for c in found] == [
        ("coil-0002", 100.0, 200.0),
        ("coil-0003", 200.0, 300.0),
    ]


def test_numbering_goes_on_after_a_restart() -> None:
    assert coils(100.0, next_id="coil-0042").coils(100.0, 101.0)[0].id == "coil-0043"


def test_one_coil_without_end() -> None:
    (coil,) = coils(None).coils(1e9, 2e9)
    assert (coil.id, coil.head_m, coil.tail_m) == ("coil-0001", 0.0, None)


def test_a_coil_of_a_millimetre_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"coils\.length_m"):
        coils(0.001)


@given(lengths, places, st.floats(0, 40))
def test_coils_cover_any_stretch_without_holes(
    length_m: float, first_m: float, share: float
) -> None:
    end_m = first_m + share * length_m
    found = coils(length_m).coils(first_m, end_m)
    assert found[0].head_m <= first_m
    assert first_m < (found[0].tail_m or 0)
    assert (found[-1].tail_m or 0) >= end_m
    for one, following in itertools.pairwise(found):
        assert one.tail_m == following.head_m
        assert following.head_m < end_m
        assert following.id == following_id(one.id)


@given(lengths, places, st.integers(1, 5000), st.floats(1e-5, 0.01))
def test_sections_of_any_frame_are_gapless_and_ordered(
    length_m: float, first_m: float, rows: int, m_per_row: float
) -> None:
    length_m = max(length_m, rows * m_per_row / 50)
    place = RowMap(first_m, m_per_row, rows)
    frame = Frame(0, np.zeros((rows, 1), np.uint8), place, None, stamp(0))
    sections = split_by_coil(frame, coils(length_m))
    assert [s.row_from for s in sections] == [0, *(s.row_to for s in sections[:-1])]
    assert sections[-1].row_to == rows
    slack_m = m_per_row * 0.5 + 1e-6
    for section in sections:
        assert section.row_from < section.row_to
        assert section.from_m >= -slack_m
        assert section.to_m <= length_m + slack_m


def test_a_coil_change_inside_a_frame_cuts_at_its_row() -> None:
    frame = Frame(0, np.zeros((100, 1), np.uint8), RowMap(9.95, 0.001, 100), None, stamp(0))
    one, two = split_by_coil(frame, coils(10.0))
    assert (one.coil.id, one.row_from, one.row_to) == ("coil-0001", 0, 50)
    assert (two.coil.id, two.row_from, two.row_to) == ("coil-0002", 50, 100)
    assert two.from_m == pytest.approx(0.0)
