import numpy as np
import pytest

from edge.acquire.by_encoder import EncoderPosition
from edge.acquire.by_speed import SpeedPosition, SteadySpeed
from edge.acquire.framing import Framing
from edge.acquire.position import LinesPosition, make_position
from edge.types import U8, Block, Counts, Loss, Placed
from tests.unit.edge.acquire.fakes import encoder, make_config, stamp


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
    framing = Framing(SpeedPosition(SteadySpeed(1.0), 0.001))
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
    framing = Framing(SpeedPosition(SteadySpeed(1.0), 0.001))
    framing.frame(pixels(), stamp(0), stamp(0.1))
    (loss,) = framing.frame(pixels(), stamp(1.5), stamp(1.6)).losses
    assert loss.reason == "between_frames"
    assert loss[:2] == pytest.approx((1.0, 1.5))


def test_losses_where_frames_overlap_share_the_way() -> None:
    framing = Framing(SpeedPosition(SteadySpeed(0.5), 0.001))
    framing.frame(pixels(), stamp(0), stamp(0))
    framing.lost("camera", 3)
    (loss,) = framing.frame(pixels(), stamp(4), stamp(4)).losses
    assert loss == Loss(1.0, 2.0, "camera")


def test_a_block_taken_backwards_is_turned_round() -> None:
    framing = Framing(EncoderPosition(encoder(10_000.0), 0.001))
    picture = np.arange(1000, dtype=np.uint16).reshape(-1, 1).astype(np.uint8)
    framing.frame(picture, None, stamp(1), Counts(0, 9990))
    back = framing.frame(picture[::-1].copy(), None, stamp(2), Counts(10_000, 10))
    assert back.rows.first_m == pytest.approx(0.0)
    assert back.pixels.flags.c_contiguous
    assert not back.pixels.flags.writeable
    assert np.array_equal(back.pixels, picture)
    assert (back.losses, back.count) == ((), None), "the count is not that of the block's end"


@pytest.mark.parametrize("counts", [Counts(7000, 16990), Counts(10_000, 10), Counts(5000, 14_990)])
def test_nothing_is_lost_where_the_strip_came_no_further(counts: Counts) -> None:
    """Two blocks were lost or the camera was away while the strip ran on and back."""
    for away in (False, True):
        framing = Framing(EncoderPosition(encoder(10_000.0), 0.001))
        framing.frame(pixels(), None, stamp(1), Counts(0, 9990))
        framing.lost("camera", 2)
        if away:
            framing.away()
        frame = framing.frame(pixels(), None, stamp(4), counts)
        assert (frame.seq, frame.losses) == (3, ())


def test_a_counter_that_began_anew_may_have_passed_any_strip() -> None:
    framing = Framing(EncoderPosition(encoder(10_000.0), 0.001))
    framing.frame(pixels(), None, stamp(1), Counts(500_000, 509_990))
    framing.away()
    frame = framing.frame(pixels(), None, stamp(4), Counts(10_000, 10))  # and runs back
    assert frame.losses == (Loss(1.0, 1.0, "camera_away"),)
    assert not frame.place_known


class Guess(LinesPosition):
    """A speed signal that said 0 m/s when it was last heard."""

    def advance(self, block: Block) -> Placed:
        return super().advance(block._replace(lost=0))._replace(known=False)


def test_blocks_lost_where_the_place_is_a_guess_are_told_without_length() -> None:
    framing = Framing(Guess(0.001))
    framing.frame(pixels(), None, stamp(1))
    framing.lost("camera", 2)
    frame = framing.frame(pixels(), None, stamp(4))
    assert (frame.seq, frame.losses) == (3, (Loss(1.0, 1.0, "camera"),))


def test_no_length_is_none_to_the_last_bit() -> None:
    """Shared among lost blocks, the way leaves a rest of rounding."""
    for lost in range(1, 100):
        framing = Framing(LinesPosition(0.0005))
        framing.frame(pixels(), None, stamp(1))
        framing.lost("camera", lost)
        framing.away()
        *_, away = framing.frame(pixels()[:128], None, stamp(2)).losses
        assert (away.reason, away.end_m) == ("camera_away", away.first_m)


def test_lost_blocks_are_as_high_as_one_in_which_the_strip_turned() -> None:
    framing = Framing(EncoderPosition(encoder(10_000.0), 0.001))
    framing.lost("camera")
    turned = framing.frame(pixels()[:100], None, stamp(1), Counts(0, 400))  # 70 there, 30 back
    assert turned.losses == (Loss(0.0, 0.1, "camera"),)


def test_losses_of_one_reason_are_one_however_long_no_frame_comes() -> None:
    framing = Framing(LinesPosition(0.001))
    for _ in range(100):
        framing.lost("incomplete_frame")
    assert len(framing._lost) == 1
    assert framing.frames_missing == 100


def test_of_a_block_in_which_the_strip_turned_the_forward_rows_are_kept() -> None:
    framing = Framing(EncoderPosition(encoder(10_000.0), 0.001))
    picture = np.tile(np.arange(100, dtype=np.uint8).reshape(-1, 1), (1, 4))
    turned = framing.frame(picture, None, stamp(1), Counts(0, 400))  # 70 there, 30 back
    assert (turned.rows.first_m, turned.rows.rows, turned.count) == (0.0, 70, None)
    assert np.array_equal(turned.pixels, picture[:70])


@pytest.mark.parametrize(
    ("mounting", "corner"),
    [
        ({}, (2, 1)),
        ({"mirrored": True}, (2, -2)),
        ({"rows_backwards": True}, (-3, 1)),
        ({"mirrored": True, "rows_backwards": True}, (-3, -2)),
    ],
)
def test_a_defect_keeps_its_corner_of_the_strip(
    mounting: dict[str, bool], corner: tuple[int, int]
) -> None:
    """A mark at the strip's first rows on the operator side, wherever the picture shows it."""
    config = make_config({"kind": "simulated"}, mounting={"offset_m": 2.5, **mounting})
    framing = Framing(make_position(config))
    picture = np.zeros((1000, 4), np.uint8)
    picture[corner] = 255
    frame = framing.frame(picture, None, stamp(0))
    assert np.argwhere(frame.pixels).tolist() == [[2, 1]]
    assert frame.rows.first_m == -2.5


def test_a_guess_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    framing = Framing(EncoderPosition(encoder(10_000.0), 0.001))
    framing.frame(pixels(), None, stamp(0), Counts(0, 9990))
    known = [framing.frame(pixels(), None, stamp(k)).place_known for k in (1, 2)]
    again = framing.frame(pixels(), None, stamp(3), Counts(30_000, 39_990))
    assert (known, again.place_known) == ([False, False], True)
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "where the strip is is a guess", "where the strip is is known again",
    ]  # fmt: skip
