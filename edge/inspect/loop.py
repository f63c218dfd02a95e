"""A frame becomes a commit: split by coil, shown to the network, decided, accounted for.

What was lost before the frame is accounted for first, coil by coil; strip before the frame that no
loss explains becomes `lost(camera)`. A frame is split where the coil changes, so every section
belongs to one coil and one model.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from contract.bodies import ModelChanged, Outcome
from contract.events import Draft
from edge.acquire.coils import split_by_coil
from edge.clock import Clock, Stamp
from edge.config import Config
from edge.grading.counts import defects_in
from edge.grading.rules_file import grading_of
from edge.inspect.account import ON_TIME, SCREENED, UNSEEN, Fate, TileMask
from edge.inspect.coil import CoilInspection, corrected
from edge.inspect.light import Light
from edge.inspect.look import Evidence, TileRoom, look, tile_records
from edge.inspect.outcomes import NOT_VALID, SEEN
from edge.inspect.quantify import quantify
from edge.inspect.recent import Recent
from edge.inspect.rolls import raised
from edge.inspect.sight import Eye, Sight
from edge.inspect.stretches import FromTo
from edge.inspect.strip import View
from edge.lifecycle.geometry import in_scale
from edge.lifecycle.model import Model
from edge.lifecycle.slot import ModelSlot, Swap
from edge.metrics import InspectMetrics
from edge.ports import CoilSource
from edge.types import (
    Coil,
    Commit,
    Correction,
    Frame,
    Loss,
    Picture,
    Section,
    Start,
    TileRecord,
    Watermark,
)

log = logging.getLogger(__name__)


class Inspector:
    """The inspecting thread's state: the coil under the camera and the model slot."""

    def __init__(
        self,
        config: Config,
        slot: ModelSlot,
        coils: CoilSource,
        metrics: InspectMetrics,
        clock: Clock,
        start: Start = Start(),  # noqa: B008 - frozen
    ) -> None:
        self._config = config
        self._slot = slot
        self._coils = coils
        self._metrics = metrics
        self._clock = clock
        self._eye = Eye(config, metrics)
        self._light = Light(config)
        self.grading = grading_of(config, slot.active.bundle.card.classes.defects)
        """The rules of this run. Other threads ask."""
        self._room = TileRoom()
        self._now: CoilInspection | None = None
        self._early: list[Correction] = []  # of coils that the camera has not come to
        self._drafts: list[Draft] = []
        self._pictures: list[Picture] = []
        self._tiles: list[TileRecord] = []
        self._told_m = start.line_m  # of the line's count: strip before this has a fate
        self._untold = start.untold
        self._count: int | None = None  # of an encoder, at `_told_m`
        self.watermark = Watermark(frame=0, line_m=start.line_m, coil=None, coil_m=0.0)
        """How far the strip has been dealt with."""
        self.recent = Recent()
        """Coverage of the last ten seconds."""
        self._sound = False  # of the frame in hand, so far
        self.valid = False
        """Whether the newest frame was seen as it should be. Other threads ask."""
        self._show_model()

    @property
    def start(self) -> Start:
        """Where another inspector would go on."""
        return Start(self._told_m, self._untold)

    @property
    def coil(self) -> Coil | None:
        """The coil under the camera as it is known now. Other threads ask."""
        now = self._now
        return now.known if now is not None else None

    def inspect(self, frame: Frame, dropped: Iterable[Loss] = ()) -> Commit:
        """Deal with a frame and with what was lost before it."""
        self._correct(self._coils.corrections())
        self._sound = frame.place_known
        if frame.exposed is not None:
            travelled_ns = frame.grabbed.monotonic_ns - frame.exposed.monotonic_ns
            self._metrics.exposed_to_grabbed.observe(travelled_ns / 1e9)
        for loss in (*dropped, *frame.losses):
            self._catch_up(loss.first_m, frame)
            self._lose(loss, frame)
        self._catch_up(frame.rows.first_m, frame)
        for section in split_by_coil(frame, self._coils):
            if not self._has_left(section.coil):
                self._section(section, self._enter(section.coil, frame))
        if frame.rows.end_m >= self._told_m:
            self._told_m, self._count = frame.rows.end_m, frame.count
        self._untold = "camera"
        self.valid = self._sound
        if self._now is not None:
            self._drafts += self._now.due(frame)
        self._advance(frame)
        self.recent.frame(frame.grabbed.monotonic_ns)
        return self._commit(frame.grabbed)

    def idle(self) -> Commit | None:
        """What the mill has corrected while no frame came; None when it has nothing, or no frame
        has ever come.
        """
        if self._now is None:
            return None
        self._correct(self._coils.corrections())
        return self._commit(self._clock.now()) if self._drafts else None

    def finish(self) -> Commit | None:
        """Report the coil that the daemon leaves half inspected; None when there is none."""
        self._correct(self._coils.corrections())
        if self._now is None:
            return self._commit(self._clock.now()) if self._drafts else None
        time = self._clock.now()
        self._drafts += self._end(self._now, self._now.account.end_m, time.utc(), interrupted=True)
        self._now, self.valid = None, self._sound
        self.watermark = replace(
            self.watermark, coil=None, coil_m=0.0, tally={}, untold=(), dense=()
        )
        return self._commit(time)

    def _correct(self, news: Sequence[Correction]) -> None:
        """Tell of coils that were told wrongly. One whose head has not come yet waits for that."""
        known, self._early, now = (*self._early, *news), [], self._now
        at_m = self._told_m if now is None else now.coil.head_m
        for correction in known:
            if correction.coil.head_m > at_m:
                self._early.append(correction)
                continue
            if now is not None and correction.coil.id == now.coil.id:
                now.correct(correction)
            self._drafts.append(corrected(correction))

    def _has_left(self, coil: Coil) -> bool:
        """Whether a coil has its report: frames that overlap reach back over a coil change."""
        return self._now is not None and coil.head_m < self._now.coil.head_m

    def _enter(self, coil: Coil, frame: Frame) -> CoilInspection:
        """The inspection of this coil; a new coil, or a model that waits, changes over here."""
        time = frame.grabbed.utc()
        now = self._now
        leaves = now is not None and now.coil.id != coil.id
        if now is not None and leaves:
            tail_m = coil.head_m if now.coil.tail_m is None else now.coil.tail_m
            self._drafts += self._end(now, tail_m - now.coil.head_m, time, interrupted=False)
        swap = self._slot.take(new_coil=leaves or now is None)
        if swap is not None:
            at_m = None if leaves or now is None else now.account.end_m
            self._drafts.append(_model_changed(swap, coil.id, at_m, frame))
            if now is not None:
                now.forget_screen()
            self._show_model()
        if leaves or now is None:
            model = self._slot.active
            row_m, config = frame.rows.m_per_row, self._config
            rules = config.inspect, config.rolls, self.grading
            now = CoilInspection(coil, model.size, row_m, *rules)
            self._now = now
            self._drafts += now.started(model.reference, time)
            self._correct(())
        return now

    def _end(
        self, coil: CoilInspection, length_m: float, time: datetime, *, interrupted: bool
    ) -> list[Draft]:
        """Report a coil, and hold its account against what was told of it on the way."""
        drafts, totals = coil.finish(length_m, time, interrupted=interrupted)
        self._tally(UNSEEN.outcome, totals.unseen)
        if totals.breach:
            log.error("the account of coil %s contradicts itself: %s", coil.coil.id, totals.breach)
            self._metrics.account_breaches.inc()
            self._sound = False
        return drafts

    def _catch_up(self, line_m: float, frame: Frame) -> None:
        """Strip before this that nobody has told of was lost by the camera."""
        if line_m - self._told_m > frame.rows.m_per_row / 2:
            self._lose(Loss(self._told_m, line_m, self._untold), frame)

    def _lose(self, loss: Loss, frame: Frame) -> None:
        """Account for strip whose picture never came, coil by coil. As with frames, a coil begins
        with the row that its head is nearest to; what ran back before the first one's is nobody's.
        """
        end_m = max(loss.first_m, loss.end_m - frame.rows.m_per_row / 2)
        for coil in self._coils.coils(loss.first_m, end_m):
            if self._has_left(coil) or loss.first_m < loss.end_m <= coil.head_m:
                continue
            inspection = self._enter(coil, frame)
            tail_m = loss.end_m if coil.tail_m is None else min(loss.end_m, coil.tail_m)
            head_m = max(loss.first_m, coil.head_m)
            stretch = (head_m - coil.head_m, tail_m - coil.head_m)
            self._sound = False
            if self._record(inspection, stretch, (0.0, coil.width_mm), Fate("lost", loss.reason)):
                self._metrics.uninspected_metres.inc(stretch[1] - stretch[0])
        if loss.end_m > self._told_m:
            self._told_m, self._count = loss.end_m, None

    def _section(self, section: Section, coil: CoilInspection) -> None:
        frame, stretch = section.frame, (section.from_m, section.to_m)
        card, m_per_row = self._slot.active.bundle.card, frame.rows.m_per_row
        scaled = in_scale(card, self._config.optics, m_per_row)
        with self._metrics.stage_seconds.labels("strip").time():
            sight = self._eye.see(section, in_scale=scaled)
        if sight.unusable:
            fate, shown = Fate("unusable", sight.unusable), None
        elif not scaled:
            fate, shown = Fate("skipped", "out_of_scale"), None
        else:
            fate, shown = self._look(self._lit(section), sight.view, coil)
        missed = False
        for mm, part in sight.seen(fate):
            if shown is not None and part == fate:
                news = coil.account.record(*stretch, ON_TIME, mm, shown)
                self._tally(ON_TIME.outcome, news.first)
            missed |= self._record(coil, stretch, mm, part)
        if self._beside(section, sight, coil) or missed:
            self._metrics.uninspected_metres.inc(stretch[1] - stretch[0])
        if sight.doubt:
            self._drafts += coil.doubt(stretch, sight.across.seen, sight.doubt, frame.grabbed.utc())
            self._sound = False

    def _beside(self, section: Section, sight: Sight, coil: CoilInspection) -> bool:
        """Account for the width beside the picture; whether any of it should have been seen. Where
        the edges are set up as fixed, what lies out of view is another camera's.
        """
        missed, stretch = False, (section.from_m, section.to_m)
        shared = self._config.strip.edges == "fixed"
        for mm, fate in sight.beside():
            elsewhere = shared and fate.outcome == "lost"
            news = coil.record(stretch, mm, fate, lasts=elsewhere)
            self._tally(fate.outcome, news.first)
            missed |= news.cells > 0 and not elsewhere
        self._sound = self._sound and not missed
        return missed

    def _lit(self, section: Section) -> Section:
        """As in even light."""
        with self._metrics.stage_seconds.labels("light").time():
            return replace(section, frame=self._light.even(section.frame))

    def _look(
        self, section: Section, view: View, coil: CoilInspection
    ) -> tuple[Fate, TileMask | None]:
        """Show a section to the network and take over its defects. Where a screen kept tiles from
        it the fate is theirs, and beside it is which ones it was shown; where the result is late it
        is late for all.
        """
        model = self._slot.active
        rules = self._config.inspect
        screen = coil.screen_of(model)
        seen = look(section, view, self._config, model, self._room, self._metrics, screen)
        if seen is None:
            return Fate("skipped", "smaller_than_a_tile"), None
        if model.engine.backend != self._backend:
            self._drafts.append(_fell_back(model, section))
            self._show_model()
        with self._metrics.stage_seconds.labels("quantify").time():
            seen = quantify(seen, coil.defects.seen_m, rules.quantified_px)
        names, reference = model.bundle.card.classes.names, model.reference
        if any(patch.crowded for patch in seen.patches):
            self._metrics.crowded_frames.inc()
        evidence = Evidence(seen, rules.evidence_per_frame - len(self._pictures))
        with self._metrics.stage_seconds.labels("decide").time():
            coil.inspected_by(reference)
            drafts = coil.defects.update(seen.patches, names, reference, section, evidence.keep)
            repeats = coil.repeats.update(drafts)
            coil.grading.take(drafts)
        self._drafts += drafts + repeats
        self._metrics.roll_repeats.inc(raised(repeats))
        self._pictures += evidence.pictures
        for name, count in defects_in(draft.body for draft in drafts).items():
            self._metrics.defects.labels(name).inc(count)
        if rules.tile_log:
            self._tiles += tile_records(seen, names)
        elapsed_s = (self._clock.now().monotonic_ns - section.frame.grabbed.monotonic_ns) / 1e9
        if elapsed_s > rules.deadline_s:
            return Fate("late"), None
        return (SCREENED, seen.classified()) if seen.screened else (ON_TIME, None)

    def _record(self, coil: CoilInspection, stretch: FromTo, mm: FromTo, fate: Fate) -> bool:
        """Account for a rectangle; whether it is news that cells of it were not inspected."""
        news = coil.record(stretch, mm, fate)
        self._tally(fate.outcome, news.first)
        missed = news.cells > 0 and fate.outcome not in SEEN
        if missed or fate.outcome in NOT_VALID:
            self._sound = self._sound and fate.outcome == "late"
        return missed

    def _tally(self, outcome: Outcome, cells: int) -> None:
        self._metrics.cells.labels(outcome).inc(cells)
        self.recent.count(outcome, cells)

    def _show_model(self) -> None:
        """Publish which bundle inspects, and start the series of its classes at zero."""
        model = self._slot.active
        self._backend = model.engine.backend
        self._metrics.model.info({**model.reference.model_dump(), "backend": self._backend})
        for name in model.bundle.card.classes.defects:
            self._metrics.defects.labels(name)

    def _advance(self, frame: Frame) -> None:
        coil = self._now
        self.watermark = Watermark(
            frame=frame.seq,
            line_m=self._told_m,
            coil=coil.coil.id if coil else None,
            coil_m=coil.account.end_m if coil else 0.0,
            tally=coil.account.tally() if coil else {},
            count=self._count,
            untold=coil.untold if coil else (),
            dense=coil.defects.dense if coil else (),
        )

    def _commit(self, grabbed: Stamp) -> Commit:
        commit = Commit(
            tuple(self._drafts),
            self.watermark,
            grabbed,
            tuple(self._pictures),
            tuple(self._tiles),
        )
        self._drafts, self._pictures, self._tiles = [], [], []
        return commit


def _model_changed(swap: Swap, coil: str, at_m: float | None, frame: Frame) -> Draft:
    body = ModelChanged(
        before=swap.before.reference,
        after=swap.after.reference,
        at_m=at_m,
        activation=swap.when,
        backend=swap.after.engine.backend,
    )
    return Draft(body, coil, f"model@{frame.seq}", frame.grabbed.utc())


def _fell_back(model: Model, section: Section) -> Draft:
    """The engine went on with its standby while it classified this section."""
    body = ModelChanged(
        before=model.reference,
        after=model.reference,
        at_m=section.from_m,
        activation="fallback",
        backend=model.engine.backend,
    )
    frame = section.frame
    return Draft(body, section.coil.id, f"fallback@{frame.seq}", frame.grabbed.utc())
