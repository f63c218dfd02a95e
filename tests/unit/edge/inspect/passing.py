"""Strip as Hypothesis lets it pass, and what that must make of its cells.

Positions are rows of the line's count, whole numbers, and known here from what was made to happen:
the encoder is read at `at`, the camera takes blocks forward, backward or over a turn, some are
lost, and between them the strip may move with nobody there. Where no counter can tell how far, the
strip goes on where its last block ended.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, NamedTuple, get_args

from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from contract.bodies import CoilReport, CoilStarted, Outcome
from contract.events import Draft, number
from edge import config
from edge.acquire.coils import ConstantCoils
from edge.acquire.framing import Framing
from edge.acquire.grab import note_lost
from edge.acquire.position import make_position, start_of
from edge.inspect.loop import Inspector
from edge.inspect.recover import end_coil
from edge.inspect.told import Told
from edge.metrics import InspectMetrics
from edge.types import Commit, Counts, Loss
from tests.unit.edge.inspect.cells import Expected
from tests.unit.edge.inspect.sideways import ACROSS, LIES, WANDER_PX, Lie
from tests.unit.edge.inspect.test_loop import ROW_M, ROWS, Line
from tests.unit.runtime.small_bundle import SIDE

BLOCK = ROWS * SIDE
COUNTS_PER_ROW = 5
RESET = 1_000_000
"""Rows by which a counter that begins anew stands too low for any strip that ran back."""
FRAME_NS = 300_000_000
LATE_NS = 60_000_000

What = Literal["seen", "late", "dark", "aside", "dropped", "lost", "gap", "away", "reset", "kill"]
WHATS: tuple[What, ...] = get_args(What)
Shape = Literal["whole", "short", "turn"]


class Step(NamedTuple):
    """A block of lines, or so many cells of strip that pass without one."""

    what: What
    cells: int = 1
    back: bool = False
    shape: Shape = "whole"
    wander_px: int = 0


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(("seen", *WHATS)),
        st.integers(1, 3 * ROWS),
        st.booleans(),
        st.sampled_from(["whole", "whole", "short", "turn"]),
        st.sampled_from(WANDER_PX),
    ),
    min_size=1,
    max_size=14,
)


class Ride(NamedTuple):
    """What holds for all the steps."""

    coil_rows: int
    lie: Lie
    absolute: bool
    """The encoder counts on while the process is dead."""


RIDES = st.builds(Ride, st.integers(3 * SIDE, 40 * SIDE), LIES, st.booleans())


class Ending(NamedTuple):
    """A killed coil as the next start reports it, and as a process that lives would have."""

    recovered: CoilReport
    finished: CoilReport


class Strip:
    """An inspector, and the cells of each coil as this file counts them."""

    def __init__(self, line: Line, ride: Ride, *, screens: bool) -> None:
        self.ride, self.line = ride, line
        self.registry = CollectorRegistry()
        self.metrics = InspectMetrics(self.registry)
        encoder = config.EncoderPosition(
            kind="encoder", counts_per_m=COUNTS_PER_ROW / ROW_M, absolute=ride.absolute
        )
        changed = {"position": encoder, "strip": ride.lie.settings}
        self.config = line.config.model_copy(update=changed)
        self.commits: list[Commit] = []
        self.endings: list[Ending] = []
        self.expected = Expected(ride.coil_rows, ride.lie, screens=screens)
        self.at, self.zero = 0, 2 * RESET
        self.told_zero = self.zero
        """The counter's zero at the row that the ledger has come to."""
        self._start()

    def _start(self) -> None:
        """A process that knows of the ones before it what the ledger tells."""
        mark = self.commits[-1].watermark if self.commits else None
        start = start_of(self.config, mark)
        self.resumes = start.untold == "restart"
        self.block_end = self.expected.told if self.resumes else 0
        self.last = self.block_end - 1 if self.resumes else None
        self.expected.start(self.block_end)
        if self.resumes:
            self.at, self.zero = self.at + self.zero - self.told_zero, self.told_zero
        self.direction, self.away = 1, False
        self.pending: list[tuple[int, int]] = []
        self.dropped: list[Loss] = []
        coils = config.Coils(
            first_id=f"coil-{self.expected.first_coil:04d}",
            length_m=self.ride.coil_rows * ROW_M,
            width_mm=ACROSS * SIDE * 0.5,
        )
        self.framing = Framing(make_position(self.config, end=mark))
        source = ConstantCoils(coils, None, start.line_m)
        slot, clock = self.line.slot, self.line.clock
        self.inspector = Inspector(self.config, slot, source, self.metrics, clock, start)

    def pass_by(self, step: Step) -> None:
        sign = -1 if step.back else 1
        match step.what:
            case "kill":
                self._kill()
                self.at += sign * step.cells * SIDE
            case "gap":
                self.at += sign * step.cells * SIDE
            case "away":
                self._leave(max(sign * step.cells * SIDE, SIDE - BLOCK))
            case "reset":
                self._leave(-RESET)
            case "lost":
                blocks = 1 + step.cells // ROWS
                self.framing.lost("camera", blocks)
                self.at += sign * blocks * BLOCK
            case _:
                self._block(step)

    def finish(self) -> None:
        if (last := self.inspector.finish()) is not None:
            self.commits.append(last)
            self.expected.end()

    def _leave(self, rows: int) -> None:
        """The camera is opened again; its strip, or only the counter, went on meanwhile. Before a
        process's first block that is nothing of note.
        """
        self.framing.away()
        self.away = self.last is not None and not self.resumes
        self.at += rows

    def _kill(self) -> None:
        """All since the last commit is gone; the next start reports the coil from the ledger."""
        live = self.inspector.finish()
        if live is not None:
            expected = self.expected
            ended = self._recovered(f"coil-{expected.coil:04d}")
            self.endings.append(Ending(report_of(ended), report_of(live.drafts)))
            last = self.commits[-1]
            self.commits.append(replace(last, drafts=tuple(ended)))
            expected.uncounted[expected.coil].append(expected.length())
            expected.end()
        self._start()

    def _recovered(self, coil: str) -> list[Draft]:
        mark, now = self.commits[-1].watermark, self.line.clock.now()
        events = [number(draft, "/s/l/c", 1) for draft in self.drafts if draft.coil == coil]
        (started,) = (event for event in events if isinstance(event.body(), CoilStarted))
        assert mark is not None
        return end_coil(started, mark, Told.by(event.body() for event in events), now.utc())

    @property
    def drafts(self) -> list[Draft]:
        return [draft for commit in self.commits for draft in commit.drafts]

    def _block(self, step: Step) -> None:
        """Take a block: so many lines, of which the first ones run one way, the others back."""
        turns = step.shape == "turn"
        rows = min(step.cells, 2 * ROWS - 1) * SIDE // 2 if step.shape == "short" else BLOCK
        before = SIDE * (1 + step.cells % (ROWS - 1)) if turns else rows
        lost = self.framing.frames_missing * rows
        known = self._settle(rows, lost)
        way = self.direction if turns else -1 if step.back else 1
        first = self.at
        self.at += way * (2 * before - rows)
        low, high = sorted((first, first + way * before))
        if turns and way < 0:
            high = self.at
        if self.away and (not known or low == self.block_end + lost):
            place = max(self.block_end, low)
            self.pending.append((place, place))
        self.direction = -way if turns else way
        self.last, self.block_end = self.at - self.direction, high
        self.resumes = self.away = False
        self._take(step, rows, first, (low, high))

    def _settle(self, rows: int, lost: int) -> bool:
        """Whether the counter tells where this block lies; else it comes after the last one."""
        least = 0 if self.resumes else -rows
        asks = self.resumes or self.away
        if self.last is not None and not (asks and self.at - self.last < least):
            return True
        place = self.block_end + lost
        self.zero, self.at, self.direction = self.zero + self.at - place, place, 1
        return False

    def _take(self, step: Step, rows: int, first: int, kept: tuple[int, int]) -> None:
        low, high = kept
        counts = ((row + self.zero) * COUNTS_PER_ROW % 2**32 for row in (first, self.last or 0))
        lie, clock, dropped = self.ride.lie, self.line.clock, step.what == "dropped"
        if not dropped:
            self._lost_before(low)
        aside = step.what == "aside" and self.expected.may_jump(high)
        left_px = lie.aside_px if aside else lie.left_px(step.wander_px)
        pixels = lie.picture(rows, left_px) * (step.what != "dark")
        frame = self.framing.frame(pixels, None, clock.now(), Counts(*counts))
        if dropped:
            note_lost(self.dropped, frame)
            self.pending.append(kept)
            return
        outcome = _outcome(step, high - low, aside=aside)
        self.told_zero = self.zero if high >= self.expected.told else self.told_zero
        self.expected.sections(kept, outcome, left_px)
        clock.ns += LATE_NS * (step.what == "late")
        self.commits.append(self.inspector.inspect(frame, self.dropped))
        clock.ns += FRAME_NS
        self.dropped = []

    def _lost_before(self, low: int) -> None:
        """What is heard of with a frame that begins there."""
        for first, end in self.pending:
            self.expected.lose(end)
            if first == end:
                self.expected.nobody_counted(first)
        self.expected.lose(low)
        self.pending = []


def _outcome(step: Step, rows: int, *, aside: bool) -> Outcome:
    """Of what could be judged."""
    if step.what == "dark":
        return "unusable"
    if aside:
        return "off_strip_disagreement"
    if rows < SIDE:
        return "skipped"
    return "late" if step.what == "late" else "on_time"


def report_of(drafts: Iterable[Draft]) -> CoilReport:
    (report,) = (draft.body for draft in drafts if isinstance(draft.body, CoilReport))
    return report
