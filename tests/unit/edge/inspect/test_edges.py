"""The strip's place over frames, against the mill's width and against what the simulator knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.tiles import Span
from edge import config
from edge.inspect.edges import SETTLED, EdgeTracker, across
from edge.inspect.strip import View, find_strip
from edge.simulator.mill import Mill, MillConfig

PICTURE = 1000
WIDTH = 800
SLACK_PX = 16.0
"""2 % of the width."""
DETECT = config.Strip()


def tracker(width: float = WIDTH) -> EdgeTracker:
    return EdgeTracker(DETECT, width_mm=width / 2, mm_per_px=0.5)


def view(start: int, end: int) -> View:
    return View(Span(start, end), start > 0, end < PICTURE, left_px=start)


def place(edges: EdgeTracker, start: int, end: int) -> View:
    return edges.place(view(start, end), PICTURE, known=True)


@pytest.mark.parametrize(
    ("seen", "left_px", "doubt"),
    [
        ((100, 900), 100, ""),
        ((100, 1000), 100, "wider"),  # it would end at 900
        ((250, 1000), 250, ""),  # its right edge is out of view
        ((0, 750), -50, ""),  # placed by its right edge
        ((0, 900), 0, "wider"),
        ((100, 950), 100, "wider"),
        ((0, 1000), 0, "wider"),
        ((100, 800), 100, ""),  # too narrow: its cells tell
    ],
)
def test_the_operator_side_is_the_left_edge_or_follows_from_the_right_one(
    seen: tuple[int, int], left_px: int, doubt: str
) -> None:
    placed = place(tracker(), *seen)
    assert (placed.left_px, placed.doubt, placed.lost) == (left_px, doubt, False)


def test_strip_with_both_edges_out_of_view_is_in_doubt() -> None:
    placed = place(tracker(width=1200), 0, 1000)
    assert (placed.left_px, placed.doubt) == (-100, "no_edge")
    seen = across(placed, 600, 0.5, SLACK_PX)
    assert seen.seen == (50.0, 550.0)
    assert seen.beside == (((0.0, 50.0), False), ((550.0, 600.0), False))


def test_edges_out_of_view_leave_the_strip_where_it_was() -> None:
    edges = tracker(width=990)
    assert place(edges, 20, 1000).left_px == 20
    placed = place(edges, 0, 1000)
    assert (placed.left_px, placed.doubt) == (0, "")
    edges = tracker(width=1200)
    assert place(edges, 0, 985).left_px == -215
    placed = place(edges, 0, 1000)
    assert (placed.left_px, placed.doubt) == (-215, "no_edge")


def test_a_left_edge_that_leaves_is_placed_by_the_width_seen_before() -> None:
    edges = tracker()
    place(edges, 10, 820)
    assert place(edges, 0, 790).left_px == -20


def test_one_edge_that_jumps_is_said_and_the_other_places_the_strip() -> None:
    edges = tracker()
    place(edges, 100, 900)
    for _ in range(SETTLED - 1):
        half = place(edges, 500, 900)
        assert (half.left_px, half.doubt, half.lost) == (100, "edge_jump", False)
        assert across(half, 400, 0.5, SLACK_PX).beside[0] == ((0.0, 200.0), True)
    settled = place(edges, 500, 900)
    assert (settled.left_px, settled.doubt) == (500, "")


def test_a_strip_that_jumps_whole_is_nowhere_until_it_stays() -> None:
    edges = tracker()
    place(edges, 50, 850)
    jumped = [place(edges, 150, 950) for _ in range(SETTLED)]
    assert [p.lost for p in jumped] == [True] * (SETTLED - 1) + [False]
    assert [p.doubt for p in jumped] == ["edge_jump"] * (SETTLED - 1) + [""]
    assert all(p.left_px == 150 for p in jumped)
    assert not place(edges, 160, 960).doubt


def test_a_strip_that_jumps_half_out_of_view_is_placed_by_the_edge_that_is_left() -> None:
    edges = tracker()
    place(edges, 50, 850)
    jumped = [place(edges, 0, 600) for _ in range(SETTLED)]
    assert [p.lost for p in jumped] == [True] * (SETTLED - 1) + [False]
    assert all(p.left_px == -200 for p in jumped)


def test_edges_that_flicker_are_never_believed() -> None:
    edges = tracker()
    place(edges, 50, 850)
    assert all(place(edges, at, at + 800).lost for at in (150, 10 + 200, 120, 200))
    assert place(edges, 55, 855).left_px == 55


def test_an_unusable_picture_teaches_nothing_and_is_placed_as_before() -> None:
    edges = tracker()
    place(edges, 50, 850)
    dark = edges.place(view(0, PICTURE), PICTURE, known=False)
    assert dark == View(Span(0, PICTURE), *(False, False), left_px=50)
    assert across(dark, 400, 0.5, SLACK_PX).seen == (0.0, 400.0)
    assert not place(edges, 52, 852).doubt
    assert edges.wander_px == 2


@pytest.mark.parametrize(("end", "seen_mm"), [(900, 400), (890, 400), (880, 390), (905, 400)])
def test_an_edge_within_the_tolerance_is_the_mills(end: int, seen_mm: float) -> None:
    assert across(place(tracker(), 100, end), 400, 0.5, SLACK_PX).seen == (0.0, seen_mm)


def test_what_is_out_of_view_is_not_within_any_tolerance() -> None:
    seen = across(place(tracker(), 206, 1000), 400, 0.5, SLACK_PX)
    assert seen.seen == (0.0, 397.0)
    assert seen.beside[1] == ((397.0, 400.0), False)


SPANS = st.integers(0, PICTURE).flatmap(
    lambda start: st.tuples(st.just(start), st.integers(start, PICTURE))
)


@given(spans=st.lists(SPANS, min_size=1, max_size=8), width=st.integers(100, 2000))
def test_the_width_is_always_divided_whole(spans: list[tuple[int, int]], width: int) -> None:
    edges = tracker(width)
    for span in spans:
        seen = across(place(edges, *span), width / 2, 0.5, SLACK_PX)
        (left, _), (right, _) = seen.beside
        assert (left[0], right[1]) == (0.0, width / 2)
        assert left[1] == seen.seen[0] <= seen.seen[1] == right[0]


TOLERANCE_PX = 4
"""Docs: the error of a position across, besides what the strip wanders within one frame."""


@pytest.mark.parametrize("cut", [0, 150])
@settings(max_examples=5)
@given(seed=st.integers(0, 1000), wander_mm=st.floats(0, 15), share=st.floats(0.6, 0.97))
def test_millimetres_hold_while_the_simulated_strip_wanders(
    cut: int, seed: int, wander_mm: float, share: float
) -> None:
    """Also where the camera stands so far to the right that the left edge is mostly out of view."""
    width_mm = share * (1024 * 0.5 - 2 * wander_mm)
    mill = MillConfig(
        seed=seed,
        width_px=1024,
        rows=256,
        wander_mm=wander_mm,
        strip_mm=(width_mm, width_mm),
        per_m={},
    )
    frames = Mill(mill)
    edges = EdgeTracker(DETECT, frames.frame(0).coils[0].width_mm, 0.5)
    for seq in range(5):  # one after the other: over six frames a strip may well jump by 20 mm
        frame = frames.frame(seq)
        pixels, true = frame.pixels[:, cut:], frame.left_px - cut
        placed = edges.place(find_strip(pixels, DETECT), pixels.shape[1], known=True)
        assert true.min() - TOLERANCE_PX <= placed.left_px <= true.max() + TOLERANCE_PX
        assert (placed.doubt, placed.lost) == ("", False)
