import numpy as np
import pytest

from edge.acquire.framing import Framing
from edge.acquire.position import LinesPosition, SpeedPosition
from edge.types import U8, Loss
from tests.unit.edge.acquire.fakes import stamp


def pixels() -> U8:
    return np.zeros((1000, 4), np.uint8)


def test_frames_are_numbered_placed_and_read_only() -> None:
    framing = Framing(LinesPosition(0.001))
    one, two = (framing.frame(pixels(), None, stamp(k)) for k in (1, 2))
    assert (one.seq, two.seq, two.rows.first_m, two.losses) == (0, 1, 1.0, ())
    assert not one.pixels.flags.writeable


def test_losses_in_order_with_their_stretches() -> None:
    framing = Framing(LinesPosition(0.001))
    framing.frame(pixels(), None, stamp(0))
    framing.lost("camera", 2)
    framing.lost("camera")
    framing.lost("unreadable")
    frame = framing.frame(pixels(), None, stamp(1))
    assert frame.seq == 5
    assert frame.losses == (Loss(1.0, 4.0, "camera"), Loss(4.0, 5.0, "unreadable"))
    assert framing.frame(pixels(), None, stamp(2)).losses == ()


def test_losses_before_the_first_frame() -> None:
    framing = Framing(LinesPosition(0.001, start_m=10.0))
    framing.lost("unreadable")
    frame = framing.frame(pixels(), None, stamp(0))
    assert (frame.seq, frame.losses) == (1, (Loss(10.0, 11.0, "unreadable"),))


def test_away_is_known_by_speed() -> None:
    framing = Framing(SpeedPosition(1.0, 0.001))
    framing.frame(pixels(), None, stamp(0))
    framing.lost("incomplete_frame")
    framing.away()
    frame = framing.frame(pixels(), None, stamp(6.0))
    assert frame.losses == (Loss(1.0, 2.0, "incomplete_frame"), Loss(2.0, 6.0, "camera_away"))
    assert frame.seq == 2


def test_away_has_no_length_by_lines_but_is_said() -> None:
    framing = Framing(LinesPosition(0.001))
    framing.away()
    assert framing.frame(pixels(), None, stamp(0)).losses == ()
    framing.away()
    assert framing.frame(pixels(), None, stamp(6)).losses == (Loss(1.0, 1.0, "camera_away"),)


def test_strip_between_frames_is_a_loss() -> None:
    framing = Framing(SpeedPosition(1.0, 0.001))
    framing.frame(pixels(), None, stamp(0))
    (loss,) = framing.frame(pixels(), None, stamp(1.5)).losses
    assert loss.reason == "between_frames"
    assert loss[:2] == pytest.approx((1.0, 1.5))


def test_losses_where_frames_overlap_share_the_way() -> None:
    framing = Framing(SpeedPosition(0.5, 0.001))
    framing.frame(pixels(), None, stamp(0))
    framing.lost("camera", 3)
    (loss,) = framing.frame(pixels(), None, stamp(4)).losses
    assert loss == Loss(1.0, 2.0, "camera")
