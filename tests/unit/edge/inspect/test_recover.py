"""What the next start says of a coil that a crash broke off."""

from dataclasses import replace
from datetime import UTC, datetime

from contract.bodies import (
    CoilCorrected,
    CoilData,
    CoilReport,
    CoilStarted,
    DefectDensity,
    Extent,
    ModelChanged,
    ModelReference,
    NotInspected,
    RollRepeat,
)
from contract.events import Draft, Event, number
from edge.inspect.account import Fate
from edge.inspect.recover import end_coil, interrupt
from edge.inspect.stretches import not_inspected, tell
from edge.inspect.told import Told
from edge.types import Watermark
from tests.unit.edge.ledger.making import MODEL, SOURCE, coil_started, defect, roll_repeat

NOW = datetime(2026, 11, 23, 13, tzinfo=UTC)
STARTED = number(coil_started("c-1"), SOURCE, 1)
OTHER = ModelReference(name="m", version="2", digest="1" * 64)


def mark(coil: str, tally: dict[str, int]) -> Watermark:
    return Watermark(frame=9, line_m=20.0, coil=coil, coil_m=4.5, tally=tally)


def told(*events: Event) -> Told:
    return Told.by(event.body() for event in events)


def end(watermark: Watermark, *events: Event) -> tuple[NotInspected, CoilReport]:
    lost, report = (draft.body for draft in end_coil(STARTED, watermark, told(*events), NOW))
    assert isinstance(lost, NotInspected)
    assert isinstance(report, CoilReport)
    return lost, report


def test_the_strip_that_passed_meanwhile_is_told_without_length() -> None:
    lost, report = end(mark("c-1", {"on_time": 90, "lost(camera)": 10}))
    assert (lost.outcome, lost.reason, lost.cells) == ("lost", "restart", 0)
    assert (lost.extent.from_m, lost.extent.to_m, lost.extent.to_mm) == (4.5, 4.5, 1200.0)
    assert (report.length_m, report.expected_cells, report.coverage) == (4.5, 100, 0.9)
    assert report.reasons == {"lost(camera)": 10}
    assert report.inspection_valid
    assert report.interrupted


def test_what_was_still_untold_is_told_of_its_own_coil_only() -> None:
    open_ = not_inspected(Fate("unusable", "dark"), (4.0, 4.5), (0.0, 1200.0), 60)
    watermark = replace(mark("c-1", {"on_time": 90, "unusable(dark)": 70}), untold=(open_,))
    dark, lost, report = end_coil(STARTED, watermark, Told(), NOW)
    assert dark == tell(open_, "c-1", NOW)
    assert lost.key.startswith("lost(restart)@4.5000")
    assert isinstance(report.body, CoilReport)
    others = end_coil(STARTED, replace(watermark, coil="c-0"), Told(), NOW)
    assert [draft.body.kind for draft in others] == ["not_inspected", "coil_report"]


def test_dense_defects_that_nobody_was_told_are_told_once_and_counted() -> None:
    dense = DefectDensity(class_name="scale", from_m=0, to_m=4.5, count=300, told=2, per_10_m=667)
    minor, merged = (defect(f"c-1/{n}") for n in (1, 2))
    bodies = [
        draft.body.model_copy(update={"severity": name, "merged_into": into})
        for draft, name, into in ((minor, "minor", None), (merged, "major", "c-1/1"))
    ]
    events = [number(Draft(b, "c-1", str(i), NOW), SOURCE, 2 + i) for i, b in enumerate(bodies)]
    watermark = replace(mark("c-1", {"on_time": 90}), dense=(dense,))
    first, lost, report = (draft.body for draft in end_coil(STARTED, watermark, told(*events), NOW))
    assert (first, lost.kind) == (dense, "not_inspected")
    assert isinstance(report, CoilReport)
    assert report.defects == {"scale": 300}
    assert (report.severities, report.grade) == ({"minor": 1}, None)
    others = end_coil(STARTED, replace(watermark, coil="c-0"), told(*events), NOW)
    assert [draft.body.kind for draft in others] == ["not_inspected", "coil_report"]


def test_a_disagreement_before_the_crash_is_not_forgotten() -> None:
    _, report = end(mark("c-1", {"on_time": 90, "off_strip_disagreement": 1}))
    assert not report.inspection_valid


def test_a_doubt_that_cost_no_cell_is_not_forgotten_either() -> None:
    everywhere = Extent(from_m=0, to_m=1, from_mm=0, to_mm=1200)
    wider = NotInspected(
        extent=everywhere, outcome="off_strip_disagreement", reason="wider", cells=0
    )
    event = number(Draft(wider, "c-1", "wider", NOW), SOURCE, 2)
    _, report = end(mark("c-1", {"on_time": 90}), event)
    assert not report.inspection_valid


def test_a_crash_before_the_coils_first_commit_claims_nothing_of_the_coil_before() -> None:
    lost, report = end(mark("c-0", {"on_time": 90}))
    assert (lost.extent.to_m, report.length_m, report.expected_cells) == (0.0, 0.0, 0)


def test_defects_are_counted_once_and_both_models_named() -> None:
    changed = ModelChanged(before=MODEL, after=OTHER, at_m=2.0, activation="now", backend="x")
    events = (
        number(defect("c-1/1"), SOURCE, 2),
        number(defect("c-1/1", 2, "closed"), SOURCE, 3),
        number(Draft(changed, "c-1", "model@5", NOW), SOURCE, 4),
        number(defect("c-1/2"), SOURCE, 5),
    )
    _, report = end(mark("c-1", {"on_time": 9}), *events)
    assert report.defects == {"scale": 2}
    assert report.models == (MODEL, OTHER)


def test_an_open_defect_gets_its_last_revision() -> None:
    draft = interrupt(number(defect("c-1/7", 3, "extended"), SOURCE, 9), NOW)
    assert draft is not None
    assert (draft.coil, draft.key) == ("c-1", "7.4")


def test_an_open_roll_repeat_is_interrupted_with_the_key_of_its_next_revision() -> None:
    event = number(roll_repeat("c-1/repeat-7", 4, "extended"), SOURCE, 6)
    draft = interrupt(event, NOW)
    assert draft is not None
    assert isinstance(draft.body, RollRepeat)
    assert (draft.body.phase, draft.body.revision, draft.key) == ("interrupted", 5, "7.5")
    assert (draft.coil, draft.time) == ("c-1", NOW)


def test_a_coil_that_was_corrected_before_the_crash_is_reported_as_corrected() -> None:
    provisional = CoilStarted(width_mm=1200, cell_m=0.1, cell_mm=100, model=MODEL, provisional=True)
    started = number(Draft(provisional, "unnamed~1", "started", NOW), SOURCE, 1)
    data = CoilData(order="7", side="top")
    named = CoilCorrected(coil_id="4711/02", width_mm=1100, data=data, by="level2")
    event = number(Draft(named, "unnamed~1", "corrected@1", NOW), SOURCE, 2)
    for events, expected in (((), (True, CoilData())), ((event,), (False, data))):
        report = end_coil(started, mark("unnamed~1", {"on_time": 9}), told(*events), NOW)[-1].body
        assert isinstance(report, CoilReport)
        assert (report.provisional, report.data) == expected
        assert report.width_mm == 1200, "the width that its cells were counted by"
