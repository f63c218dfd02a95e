"""One coil under inspection: its account, its open defects, the models that looked at it."""

from datetime import datetime

from contract.bodies import (
    CoilCorrected,
    CoilReport,
    CoilStarted,
    ModelReference,
    NotInspected,
    Outcome,
)
from contract.events import Draft
from contract.tiles import CellLattice
from edge.config import Inspect, Rolls
from edge.grading.live import CoilGrading
from edge.grading.rules_file import RulesFile
from edge.inspect.account import UNSEEN, CoilAccount, Fate, News, Totals
from edge.inspect.decide import DefectTracker, Ending
from edge.inspect.density import Density
from edge.inspect.outcomes import SEEN, coverage, is_valid
from edge.inspect.rolls import RollRepeats
from edge.inspect.screening import Screen
from edge.inspect.stretches import FromTo, Stretches, not_inspected, tell
from edge.lifecycle.geometry import TileSize
from edge.lifecycle.model import Model
from edge.types import Coil, Correction, Frame


class CoilInspection:
    """All that is known of the coil under the camera. Owned by the inspecting thread."""

    def __init__(
        self,
        coil: Coil,
        size: TileSize,
        row_m: float,
        rules: Inspect,
        rolls: Rolls = Rolls(),  # noqa: B008 - frozen
        grading: RulesFile | None = None,
    ) -> None:
        self.coil = coil
        self._known = coil
        lattice = CellLattice(size.cell_m, size.cell_mm, coil.width_mm)
        self.account = CoilAccount(lattice, row_m)
        self.grading = CoilGrading(grading, coil)
        self.defects = DefectTracker(
            coil.id,
            rules.confirm_tiles,
            rules.close_after_m,
            Density(rules.defects_per_10_m),
            self.grading.assess,
        )
        self.repeats = RollRepeats(coil, size, rolls)
        self._models: list[ModelReference] = []
        self._screen: Screen | None = None
        self._screened_for: Model | None = None
        self._stretches = Stretches(row_m / 2)
        self._doubts: set[Fate] = set()

    def started(self, model: ModelReference, time: datetime) -> list[Draft]:
        """The event for the coil's head, and the mill's own id where it is another."""
        lattice, coil = self.account.lattice, self.coil
        body = CoilStarted(
            width_mm=coil.width_mm,
            cell_m=lattice.cell_m,
            cell_mm=lattice.cell_mm,
            model=model,
            provisional=coil.provisional,
            data=coil.data,
            late_m=coil.late_m,
            head_seen=coil.head_seen,
            rules=self.grading.label,
        )
        named = [] if coil.named is None else [Draft(_corrected(coil, "mill"), coil.id, "id", time)]
        return [Draft(body, coil.id, "started", time), *named]

    @property
    def known(self) -> Coil:
        """The coil as it is known now; it began as `coil`."""
        return self._known

    def correct(self, correction: Correction) -> None:
        """The report tells of the coil as it is known now; its cells stay those it began with."""
        self._known = correction.coil

    def inspected_by(self, model: ModelReference) -> None:
        """Remember a model for the report."""
        if model not in self._models:
            self._models.append(model)

    def forget_screen(self) -> None:
        """A model has taken over, be it the same bundle again: its screen learns the coil anew."""
        self._screened_for = None

    def screen_of(self, model: Model) -> Screen | None:
        """The model's screen of this coil."""
        if self._screened_for is not model:
            self._screened_for = model
            self._screen = Screen(model.screen) if model.screen else None
        return self._screen

    def record(self, stretch: FromTo, mm: FromTo, fate: Fate, *, lasts: bool = False) -> News:
        """Give a rectangle its fate; `due` tells of it when nobody looked at it in time. `lasts`:
        it is known to go on all along the coil, and its length is told at the coil's end.
        """
        news = self.account.record(*stretch, fate, mm)
        if fate.outcome not in SEEN:
            self._stretches.add(fate, stretch, mm, news.cells, lasts=lasts)
        return news

    def doubt(self, stretch: FromTo, mm: FromTo, fate: Fate, time: datetime) -> list[Draft]:
        """Say once per coil that the strip is not where or not as wide as it should be; the report
        is then not valid, even if every cell was seen.
        """
        if fate in self._doubts:
            return []
        self._doubts.add(fate)
        return [tell(not_inspected(fate, stretch, mm), self.coil.id, time)]

    def due(self, frame: Frame) -> list[Draft]:
        """What is to be told of strip not inspected and of rolls whose marks have ceased, now that
        this frame has been dealt with.
        """
        at_m = frame.rows.end_m - self.coil.head_m
        time = frame.grabbed.utc()
        told = self._stretches.due(at_m, frame.grabbed.monotonic_ns)
        drafts = [tell(body, self.coil.id, time) for body in told]
        return drafts + self.repeats.passed(at_m, time)

    @property
    def untold(self) -> tuple[NotInspected, ...]:
        """Strip not inspected that is not told yet, for the watermark."""
        return self._stretches.untold()

    def finish(
        self, length_m: float, time: datetime, *, interrupted: bool
    ) -> tuple[list[Draft], Totals]:
        """Close what is open, say how many cells nobody can account for, and report.

        An account that contradicts itself is not valid: better a false alarm than a certificate
        that a fault of this program has signed.
        """
        phase: Ending = "interrupted" if interrupted else "closed"
        drafts = self.defects.finish(phase, length_m)
        self.grading.take(drafts)
        drafts += self.repeats.finish(phase, time)
        totals = self.account.totals(length_m)
        untold = [*self.untold]
        if totals.unseen:
            whole = (0.0, length_m), (0.0, self.coil.width_mm)
            untold.append(not_inspected(UNSEEN, *whole, totals.unseen))
        drafts += [tell(body, self.coil.id, time) for body in untold]
        cells: dict[Outcome, int] = {}
        for fate, count in totals.fates.items():
            cells[fate.outcome] = cells.get(fate.outcome, 0) + count
        in_doubt = bool(self._doubts or totals.breach)
        report = CoilReport(
            length_m=length_m,
            width_mm=self.coil.width_mm,
            expected_cells=totals.expected,
            cells=cells,
            reasons={f.label: n for f, n in totals.fates.items() if f.reason},
            coverage=coverage(cells),
            inspection_valid=bool(cells) and is_valid(cells) and not in_doubt,
            defects=dict(self.defects.announced),
            models=tuple(self._models),
            interrupted=interrupted,
            provisional=self._known.provisional,
            data=self._known.data,
            severities=self.grading.severities,
            rules=self.grading.label,
        )
        report = report.model_copy(update={"grade": self.grading.grade(report)})
        return [*drafts, Draft(report, self.coil.id, "report", time)], totals


def corrected(correction: Correction) -> Draft:
    """The event for a coil that was told wrongly, whether it runs or has left."""
    coil, told = correction.coil, correction.told
    key = f"corrected@{told.utc_ns}"
    return Draft(_corrected(coil, correction.by), coil.id, key, told.utc())


def _corrected(coil: Coil, by: str) -> CoilCorrected:
    named = coil.named or coil.id
    return CoilCorrected(coil_id=named, width_mm=coil.width_mm, data=coil.data, by=by)
