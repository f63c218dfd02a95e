"""Coverage of the last ten seconds."""

import pytest

from edge.inspect.recent import WINDOW_NS, Recent

S_NS = 1_000_000_000


def test_share_of_the_cells_of_the_last_ten_seconds() -> None:
    recent = Recent()
    assert recent.coverage(0) is None
    recent.count("lost", 30)
    recent.frame(0)
    recent.count("on_time", 20)
    recent.count("screened", 10)
    recent.count("unusable", 10)
    recent.frame(9 * S_NS)
    assert recent.coverage(9 * S_NS) == pytest.approx(30 / 70)
    assert recent.coverage(11 * S_NS) == pytest.approx(30 / 40)


def test_nothing_is_known_once_no_frame_comes() -> None:
    recent = Recent()
    recent.count("on_time", 1)
    recent.frame(0)
    assert recent.coverage(WINDOW_NS + 1) is None


def test_it_holds_no_more_than_the_window() -> None:
    recent = Recent()
    for n in range(1000):
        recent.count("on_time", 1)
        recent.frame(n * S_NS)
    assert len(recent._frames) == 11
