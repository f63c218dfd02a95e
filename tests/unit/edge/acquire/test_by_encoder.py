"""Places by an encoder's counter: it wraps, it counts down, and the strip may turn."""

import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.acquire.by_encoder import EncoderPosition, Resume
from edge.config import EncoderPosition as EncoderSection
from edge.types import Block, Counts, Placed
from tests.unit.edge.acquire.fakes import encoder, stamp

PITCH_M, ROWS = 0.0003, 1000
BLOCK_M = ROWS * PITCH_M
PER_M = 10_000.0  # 0.1 mm a count, three a line
COUNT_M = 1 / PER_M


class Strip:
    """Lines triggered at whole pitches in either direction, and what a counter says of them."""

    def __init__(self, section: EncoderSection, start: int = 0) -> None:
        self.encoder, self.start = section, start
        self.row = 0  # the next line forward is this one, the next backward the one before

    def lines(self, ahead: int, back: int = 0, *, back_first: bool = False) -> list[int]:
        """Numbers of the lines of one block, in the order they are taken."""
        legs = [(1, ahead), (-1, back)]
        taken: list[int] = []
        for step, count in legs[::-1] if back_first else legs:
            for _ in range(count):
                taken.append(self.row if step > 0 else self.row - 1)
                self.row += step
        return taken

    def counts(self, taken: list[int]) -> Counts:
        forward = [b > a for a, b in pairwise(taken)]
        return Counts(
            self.at(taken[0], forward=forward[0]), self.at(taken[-1], forward=forward[-1])
        )

    def at(self, line: int, *, forward: bool) -> int:
        metres = (line if forward else line + 1) * PITCH_M
        sign = -1 if self.encoder.falling else 1
        return (self.start + sign * round(metres * self.encoder.counts_per_m)) % (
            1 << self.encoder.bits
        )


def block(rows: int, counts: Counts | None, lost: int = 0) -> Block:
    return Block(rows, lost, stamp(0), counts=counts)


def lies_where_it_was(placed: Placed, taken: list[int], within_m: float = 2 * COUNT_M) -> bool:
    """Whether each kept row, turned into forward order, has the place of its line."""
    kept = taken[placed.keep]
    lines = kept[::-1] if placed.backwards else kept
    rows = placed.rows
    places = [rows.first_m + r * rows.m_per_row for r in range(rows.rows)]
    return rows.rows == len(lines) and all(
        abs(place - line * PITCH_M) <= within_m for place, line in zip(places, lines, strict=True)
    )


@given(
    per_m=st.sampled_from([1000.0, 3333.3, PER_M]),
    bits=st.sampled_from([16, 32]),
    falling=st.booleans(),
    start=st.integers(0, 2**16 - 1),
    steps=st.lists(st.tuples(st.integers(1, ROWS), st.integers(0, 3)), min_size=1, max_size=40),
)
def test_any_counter_places_partial_blocks_and_losses(
    per_m: float, bits: int, *, falling: bool, start: int, steps: list[tuple[int, int]]
) -> None:
    """Within what joins two blocks, and a count."""
    section = encoder(per_m, bits, falling=falling)
    within_m = max(2 / per_m, PITCH_M / 2) + 1 / per_m
    strip, position = Strip(section, start), EncoderPosition(section, PITCH_M)
    end_m = 0.0
    for rows, lost in steps:
        strip.row += lost * (rows + 1)
        taken = strip.lines(rows + 1)  # two lines at least, for a direction
        placed = position.advance(block(len(taken), strip.counts(taken), lost))
        assert not placed.backwards
        assert lies_where_it_was(placed, taken, within_m)
        if not lost:
            assert placed.rows.first_m == pytest.approx(end_m, abs=1e-9)
        end_m = placed.rows.end_m
        strip.row = taken[-1] + 1


MOVES = st.lists(
    st.tuples(st.booleans(), st.integers(0, ROWS // 2 - 40), st.booleans()),
    min_size=1, max_size=30,
)  # fmt: skip


@given(moves=MOVES, bits=st.sampled_from([16, 32]))
def test_blocks_lie_right_however_the_strip_turns(
    moves: list[tuple[bool, int, bool]], bits: int
) -> None:
    """Whole blocks in both directions, with a turn between two blocks or inside one."""
    section = encoder(PER_M, bits)
    strip, position = Strip(section, 30_000), EncoderPosition(section, PITCH_M)
    forward = True
    for turns, minority, inside in [(False, 0, False), *moves]:
        within = turns and inside
        part = minority + 40 if within else 0  # more than the share that may go unseen
        ahead, back = (ROWS - part, part) if forward else (part, ROWS - part)
        if turns and not inside:
            forward, ahead, back = not forward, back, ahead
        taken = strip.lines(ahead, back, back_first=not forward)
        placed = position.advance(block(ROWS, strip.counts(taken)))
        assert lies_where_it_was(placed, taken, PITCH_M)
        assert placed.backwards == (not forward and not within)
        forward = forward != within


def test_one_count_a_block_is_enough_to_see_a_reversal() -> None:
    section = encoder(PER_M, 16)
    strip, position = Strip(section), EncoderPosition(section, PITCH_M)
    for ahead, back in ((ROWS, 0), (ROWS, 0), (0, ROWS), (ROWS, 0)):
        taken = strip.lines(ahead, back)
        last = strip.counts(taken).last
        placed = position.advance(block(ROWS, Counts(None, last)))
        assert placed.backwards == (back > 0)
        assert lies_where_it_was(placed, taken)


def test_an_area_cameras_picture_is_never_turned_round() -> None:
    position = EncoderPosition(encoder(PER_M, trigger="frame"), PITCH_M)
    ends = []
    for count in (50_000, 51_500, 51_000):
        placed = position.advance(block(ROWS, Counts(count, count)))
        assert (placed.backwards, placed.rows.m_per_row) == (False, PITCH_M)
        ends.append(placed.rows.end_m)
    assert ends == pytest.approx([BLOCK_M, BLOCK_M + 0.15, BLOCK_M + 0.1])


def test_lines_on_the_cameras_clock_have_the_pitch_that_the_counts_tell() -> None:
    position = EncoderPosition(encoder(PER_M, trigger="clock"), PITCH_M)
    half = position.advance(block(ROWS, Counts(1000, 1000 + 3 * (ROWS - 1) // 2))).rows
    assert half.m_per_row == pytest.approx(PITCH_M / 2, rel=2e-3)
    rest = position.advance(block(ROWS, Counts(2500, 2500))).rows
    assert 0 < rest.m_per_row < PITCH_M / 500


def test_a_block_without_counts_is_a_guess() -> None:
    position = EncoderPosition(encoder(PER_M), PITCH_M)
    position.advance(block(ROWS, Counts(0, 2997)))
    guessed = position.advance(block(ROWS, None))
    assert not guessed.known
    assert guessed.rows.first_m == pytest.approx(BLOCK_M)
    again = position.advance(block(ROWS, Counts(9000, 11997)))
    assert again.known
    assert again.rows.first_m == pytest.approx(3 * BLOCK_M)


def test_a_restart_goes_on_where_the_counter_is() -> None:
    """The earlier run ended with the line of count 65,000; the counter has wrapped since."""
    resume = Resume(65_000, 700.0)
    position = EncoderPosition(encoder(PER_M, 16), PITCH_M, resume=resume)
    rows = position.advance(block(ROWS, Counts(1000, 3997))).rows
    assert rows.first_m == pytest.approx(700.0 + (1000 + 65_536 - 65_003) / PER_M)


def test_a_counter_that_began_anew_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    position = EncoderPosition(encoder(PER_M), PITCH_M, resume=Resume(5_000_000, 700.0))
    rows = position.advance(block(ROWS, Counts(0, 2997))).rows
    assert rows.first_m == pytest.approx(700.0)
    assert "began anew" in caplog.text


@pytest.mark.parametrize("lost", [0, 2])
def test_a_counter_that_was_reset_while_the_camera_was_away_does_not_send_the_strip_back(
    lost: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Strip placed on strip that is done with would pass with nobody looking, and unsaid."""
    position, strip = EncoderPosition(encoder(PER_M), PITCH_M), Strip(encoder(PER_M))
    for _ in range(300):
        end_m = position.advance(block(ROWS, strip.counts(strip.lines(ROWS)))).rows.end_m
    anew = Strip(encoder(PER_M))
    after = position.advance(block(ROWS, anew.counts(anew.lines(ROWS)), lost)._replace(away=True))
    assert after.rows.first_m == pytest.approx(end_m + lost * BLOCK_M, abs=2 * COUNT_M)
    assert not after.known
    assert "began anew" in caplog.text
    following = position.advance(block(ROWS, anew.counts(anew.lines(ROWS))))
    assert following.rows.first_m == pytest.approx(after.rows.end_m, abs=2 * COUNT_M)
    assert following.known


@pytest.mark.parametrize("metres", [-0.2, 0.0, 90.0])
def test_a_counter_that_went_on_while_the_camera_was_away_is_believed(metres: float) -> None:
    position, strip = EncoderPosition(encoder(PER_M), PITCH_M), Strip(encoder(PER_M))
    for _ in range(10):
        end_m = position.advance(block(ROWS, strip.counts(strip.lines(ROWS)))).rows.end_m
    strip.row += round(metres / PITCH_M)
    after = position.advance(block(ROWS, strip.counts(strip.lines(ROWS)))._replace(away=True))
    assert after.rows.first_m == pytest.approx(end_m + metres, abs=2 * PITCH_M)
    assert after.known


def test_a_wide_counter_that_was_reset_is_not_a_hundred_kilometres_of_strip(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wide = EncoderSection(kind="encoder", counts_per_m=PER_M, bits=32, absolute=True)
    position = EncoderPosition(wide, PITCH_M, resume=Resume(3_000_000_000, 700.0))
    placed = position.advance(block(ROWS, Counts(0, 9990)))
    assert placed.rows.first_m == pytest.approx(700.0, abs=2 * PITCH_M)
    assert "began anew" in caplog.text
