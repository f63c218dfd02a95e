"""Roll marks are found, named and ended; clutter and bad places are not taken for one."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import Defect, Extent, RollRepeat
from contract.events import Draft
from edge.config import Roll, Rolls
from edge.inspect import periodic, roll_marks, rolls
from edge.inspect.rolls import RollRepeats, name_rolls, raised
from edge.types import Coil
from tests.rolls.strips import ROLLS, TILE, WHEN, announced, crowd, defect, places
from tests.rolls.strips import Coil as ClutteredCoil

F7_M, F6_M = 2.1, 2.32
WORK_ROLL = Rolls(table=(Roll(name="work roll", diameter_mm=(636.7, 668.5)),))  # 2.0 to 2.1 m


def watching(rules: Rolls = ROLLS) -> RollRepeats:
    return RollRepeats(Coil("c", 0.0, None, 1200.0), TILE, rules)


def bodies(drafts: list[Draft]) -> list[RollRepeat]:
    return [draft.body for draft in drafts if isinstance(draft.body, RollRepeat)]


def told(
    marks_m: list[float], rules: Rolls = ROLLS, across_mm: float = 500.0, end_m: float | None = None
) -> list[RollRepeat]:
    """What is told of marks at these places, each announced by itself."""
    repeats = watching(rules)
    drafts = []
    for number, along_m in enumerate(marks_m):
        drafts += repeats.passed(along_m, WHEN)
        drafts += repeats.update([defect(f"c/{number}", along_m, across_mm)])
    if end_m is not None:
        drafts += repeats.passed(end_m, WHEN)
    return bodies(drafts + repeats.finish("closed", WHEN))


def turns(period_m: float, *which: int, from_m: float = 100.0) -> list[float]:
    return [from_m + turn * period_m for turn in which]


def test_the_third_mark_raises_the_repeat_with_the_rolls_name() -> None:
    first, closed = told(turns(F7_M, 0, 1, 2))
    assert (first.phase, first.revision, first.repeats) == ("opened", 1, 3)
    assert first.rolls[0] == "F7 work roll"
    assert abs(first.period_m - F7_M) < 3 * first.period_error_m < 0.1
    assert first.confidence > ROLLS.confidence
    assert first.defects == ("c/0", "c/1", "c/2")
    assert (first.extent.from_m, first.extent.to_m) == pytest.approx((99.968, 104.256))
    assert (closed.phase, closed.revision, closed.repeat_id) == ("closed", 2, first.repeat_id)


def test_two_marks_are_no_repeat() -> None:
    assert told(turns(F7_M, 0, 1)) == []


def test_a_distance_that_no_roll_has_is_none() -> None:
    assert told(turns(1.8, 0, 1, 2, 3)) == []
    (any_period,) = {b.rolls for b in told(turns(1.8, 0, 1, 2, 3, 4), Rolls(any_period_m=(1, 3)))}
    assert any_period == ()


def test_nothing_is_looked_for_without_rolls() -> None:
    assert told(turns(F7_M, *range(9)), Rolls()) == []


def test_marks_in_other_bands_or_of_other_classes_do_not_add_up() -> None:
    repeats = watching()
    marks = turns(F7_M, 0, 1, 2, 3)
    drafts = [defect(f"c/{i}", m, 100.0 + 200 * i) for i, m in enumerate(marks)]
    drafts += [defect(f"d/{i}", m, 900.0, None, "ab"[i % 2]) for i, m in enumerate(marks)]
    assert repeats.update(drafts) == []


def test_a_repeat_with_gaps_is_found_and_goes_on() -> None:
    events = told(turns(F7_M, 0, 1, 3, 4, 6, 7, 9))
    assert {event.repeat_id for event in events} == {"c/repeat-1"}
    assert {event.rolls[0] for event in events} == {"F7 work roll"}
    assert events[-1].repeats == 7
    assert events[-1].period_m == pytest.approx(F7_M, abs=0.01)


def test_each_mark_is_a_revision_and_the_period_gets_surer() -> None:
    events = told(turns(F7_M, *range(40)))
    assert [event.revision for event in events] == list(range(1, 40))
    assert [event.phase for event in events[1:-1]] == ["extended"] * 37
    assert events[-1].repeats == 40
    assert events[-1].period_error_m < events[0].period_error_m / 3
    assert sorted(event.confidence for event in events) == [event.confidence for event in events]


def test_three_missing_marks_close_it_and_two_do_not() -> None:
    marks = turns(F7_M, 0, 1, 2)
    last_m = marks[-1]
    assert [e.phase for e in told(marks, end_m=last_m + 2.5 * F7_M)] == ["opened", "closed"]
    repeats = watching()
    for number, along_m in enumerate(marks):
        repeats.update([defect(f"c/{number}", along_m, 500)])
    assert repeats.passed(last_m + 2.9 * F7_M, WHEN) == []
    assert [b.phase for b in bodies(repeats.passed(last_m + 3.2 * F7_M, WHEN))] == ["closed"]
    assert repeats.finish("closed", WHEN) == []


def test_a_daemon_that_stops_interrupts_what_is_open() -> None:
    repeats = watching()
    repeats.update([defect(f"c/{i}", m, 500) for i, m in enumerate(turns(F7_M, 0, 1, 2))])
    assert [b.phase for b in bodies(repeats.finish("interrupted", WHEN))] == ["interrupted"]


def test_of_a_period_and_its_multiples_the_fundamental_is_told() -> None:
    table = tuple(
        Roll(name=f"{k} turns", diameter_mm=(k * 660, k * 680)) for k in (1, 2, 3)
    )  # 2.07 to 2.14 m, and twice and three times that
    events = told(turns(F7_M, *range(12)), Rolls(table=table))
    assert {event.rolls for event in events} == {("1 turns",)}


def test_a_mark_that_is_missed_at_first_on_every_second_turn_is_corrected() -> None:
    table = tuple(Roll(name=f"{k} turns", diameter_mm=(k * 660, k * 680)) for k in (1, 2))
    events = told(turns(F7_M, 0, 2, 4, 6, *range(7, 19)), Rolls(table=table))
    assert events[0].rolls == ("2 turns",)
    assert events[-1].rolls == ("1 turns",)
    assert {event.repeat_id for event in events} == {"c/repeat-1"}


def test_a_mark_that_is_clearest_on_every_second_turn_is_told_with_its_own_period() -> None:
    """Twelve turns of the longer period are twice as far back, with fewer marks missing there."""
    table = tuple(Roll(name=f"{k} turns", diameter_mm=(k * 660, k * 680)) for k in (1, 2))
    rng = np.random.default_rng(0)
    for _ in range(12):
        seen = [turn for turn in range(40) if rng.random() > (0.05 if turn % 2 else 0.6)]
        events = told(turns(F7_M, *seen), Rolls(table=table))
        assert events[-1].rolls == ("1 turns",)


def test_a_mark_that_was_measured_at_a_wrong_place_does_not_end_the_repeat() -> None:
    """The fourth one's box took in something beside it: its middle is 39 mm too far."""
    repeats = watching(Rolls(table=(Roll(name="work roll", diameter_mm=(600, 830)),)))
    told = []
    for turn in range(10):
        at_m = 0.6 + turn * F7_M + (0.039 if turn == 3 else 0)
        told += bodies(repeats.passed(at_m, WHEN))
        told += bodies(repeats.update([defect(f"c/{turn}", at_m, 500, at_m)]))
    assert [body.revision for body in told] == list(range(1, 9))
    assert {body.repeat_id for body in told} == {"c/repeat-1"}
    assert told[-1].period_m == pytest.approx(F7_M, abs=0.002)


def test_one_roll_that_marks_two_bands_is_told_for_each() -> None:
    repeats = watching()
    drafts = []
    for turn in range(8):
        marks = enumerate(((F7_M * turn, 200.0), (F7_M * turn + 0.03, 800.0)))
        new = [defect(f"c/{turn}.{i}", m, y) for i, (m, y) in marks]
        drafts += repeats.update(new[turn == 5 :])
    last = {body.repeat_id: body for body in bodies(drafts)}
    bands = [(body.extent.from_mm, body.extent.to_mm, body.repeats) for body in last.values()]
    assert bands == [(192, 256, 7), (768, 832, 8)]


def test_rolls_of_nearly_one_circumference_are_all_named_the_likelier_first() -> None:
    wide = Roll(name="wide", diameter_mm=(600, 800))
    narrow = Roll(name="narrow", diameter_mm=(660, 680))
    other = Roll(name="other", diameter_mm=(900, 950))
    assert name_rolls((wide, narrow, other), F7_M, 0.003) == ("narrow", "wide")
    assert name_rolls((wide, narrow), narrow.period.greatest_m + 0.008, 0.003) == ("wide", "narrow")


def test_measured_places_tell_a_mark_from_clutter_sooner() -> None:
    rng = np.random.default_rng(1)
    clutter = rng.uniform((0, 0), (130, 1200), (400, 2)).tolist()
    everything = sorted([*clutter, *([m, 500.0] for m in turns(F7_M, *range(14)))])

    def first(*, measured: bool) -> int:
        repeats = watching()
        drafts = [
            defect(f"c/{i}", m, y, m if measured else None) for i, (m, y) in enumerate(everything)
        ]
        events = (b for draft in drafts for b in bodies(repeats.update([draft])))
        return next(e.repeats for e in events if e.rolls[0] == "F7 work roll")

    assert first(measured=True) < first(measured=False)


def test_the_order_within_a_frame_does_not_matter() -> None:
    drafts = [defect(f"c/{i}", m, 500) for i, m in enumerate(turns(F7_M, *range(6)))]
    told_by = {
        tuple(b.model_dump_json() for b in bodies(watching().update(list(order))))
        for order in itertools.permutations(drafts, 6)
    }
    assert len(told_by) == 1


def test_a_revision_of_a_known_defect_is_no_new_mark() -> None:
    repeats = watching()
    first = defect("c/1", 100.0, 500)
    for turn in range(5):
        body = first.body
        assert isinstance(body, Defect)
        extent = body.extent.model_copy(update={"to_m": 100 + turn * F7_M})
        changed = body.model_copy(update={"revision": 2 + turn, "extent": extent})
        assert repeats.update([first._replace(body=changed)]) == []


def test_raised_counts_first_revisions() -> None:
    repeats = watching()
    drafts = [defect(f"c/{i}", m, 500) for i, m in enumerate(turns(F7_M, *range(5)))]
    counts = [raised(repeats.update([draft])) for draft in drafts]
    assert counts == [0, 0, 1, 0, 0]


def test_clutter_alone_raises_next_to_nothing() -> None:
    """Fewer than one coil in fifty; here 40 coils of 300 m at three rates."""
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        count = int(300 * (0.05, 0.5, 2.0)[seed % 3])
        repeats = watching()
        spots = zip(np.sort(rng.uniform(0, 300, count)), rng.uniform(0, 1200, count), strict=True)
        drafts = [defect(f"c/{i}", float(m), float(y)) for i, (m, y) in enumerate(spots)]
        alarms += sum(raised(repeats.update([draft])) for draft in drafts)
    assert alarms <= 2


spots_anywhere = st.tuples(
    st.floats(-1e300, 1e300) | st.floats(-10, 50) | st.integers(0, 40).map(lambda k: k * F7_M),
    st.floats(-1e300, 1e300) | st.floats(0, 1200) | st.just(500.0),
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(
    spots=st.lists(spots_anywhere, max_size=60),
    rules=st.sampled_from(
        [ROLLS, Rolls(any_period_m=(0.01, 1000), turns=24), Rolls(table=WORK_ROLL.table, turns=2)]
    ),
)
def test_whatever_comes_in_whatever_order_every_event_keeps_its_promises(
    spots: list[tuple[float, float, bool]], rules: Rolls
) -> None:
    repeats = watching(rules)
    drafts: list[Draft] = []
    for number, (along_m, across_mm, measured) in enumerate(spots):
        drafts += repeats.update(
            [defect(f"c/{number}", along_m, across_mm, along_m if measured else None)]
        )
        drafts += repeats.passed(along_m, WHEN)
    drafts += repeats.finish("closed", WHEN)
    assert len({draft.key for draft in drafts}) == len(drafts)
    by_id: dict[str, list[RollRepeat]] = {}
    for body in bodies(drafts):
        by_id.setdefault(body.repeat_id, []).append(body)
        assert rules.ranges[0].least_m * 0.8 <= body.period_m
        assert body.extent.from_m <= body.extent.to_m
        assert math.isfinite(body.period_error_m)
    for revisions in by_id.values():
        assert [r.revision for r in revisions] == list(range(1, len(revisions) + 1))
        assert [r.phase for r in revisions].count("opened") == 1
        assert revisions[-1].phase == "closed"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    period_m=st.floats(2.0, 2.1),
    jitter_m=st.floats(0, 0.01),
    missed=st.sampled_from([0.0, 0.1, 0.2]),
)
def test_a_mark_is_found_wherever_it_begins(
    seed: int, period_m: float, jitter_m: float, missed: float
) -> None:
    rng = np.random.default_rng(seed)
    marks = [
        m + rng.normal(0, jitter_m)
        for m in turns(period_m, *range(20), from_m=rng.uniform(0, 300))
        if rng.random() >= missed
    ]
    events = told(marks, WORK_ROLL, across_mm=float(rng.uniform(64, 1100)))
    assert events
    assert events[-1].rolls == ("work roll",)
    assert abs(events[-1].period_m - period_m) < 4 * events[-1].period_error_m


def test_crowds_are_no_marks_wherever_their_boxes_lie() -> None:
    """Their middles lie a whole number of frames apart, which is what a roll's marks do, too."""
    coil = ClutteredCoil(length_m=200.0, clutter_per_m=0.0, crowded=0.1)
    alarms = 0
    for seed in range(20):
        repeats = watching()
        drafts = announced(coil, places(coil, seed), seed)
        alarms += sum(raised(repeats.update([draft])) for draft in drafts)
    assert alarms == 0


def test_a_mark_between_crowds_is_still_found() -> None:
    repeats = watching()
    drafts = []
    for turn, along_m in enumerate(turns(F7_M, *range(5))):
        box = Extent(from_m=along_m + 1, to_m=along_m + 1.512, from_mm=0, to_mm=1152)
        new = [defect(f"c/{turn}", along_m, 500), crowd(f"c/{turn} crowd", box)]
        drafts += repeats.update(new)
    assert [body.repeats for body in bodies(drafts)] == [3, 4, 5]


def test_a_frame_full_of_new_defects_is_searched_from_a_few_and_forgets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched = 0

    def counted(*given: object) -> periodic.Found | None:
        nonlocal searched
        searched += 1
        return periodic.find_lattice(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(rolls, "find_lattice", counted)
    repeats, rng = watching(), np.random.default_rng(0)
    drafts = []
    for turn, along_m in enumerate(turns(F7_M, 0, 1, 2)):
        side = (-1, -1, 1)[turn]
        offsets = side * rng.uniform(0.01, 0.4, 24)
        clutter = [
            defect(f"c/{turn}.{i}", along_m + off_m, 45.0 * i, None, "b")
            for i, off_m in enumerate(offsets.tolist())
        ]
        searched = 0
        drafts += repeats.update([*clutter, defect(f"c/{turn}", along_m, 500)])
        assert searched == rolls.SEARCHED
    (found,) = bodies(drafts)
    assert found.defects == ("c/0", "c/1", "c/2")


def test_work_and_memory_for_a_defect_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of defects in the window: never more compared, never more kept."""
    compared = []
    lattice = periodic._lattice

    def counted(band: periodic.Band, periods: periodic.F64, *rest: object) -> object:
        compared.append(len(periods) * len(band.behind_m))
        return lattice(band, periods, *rest)  # type: ignore[arg-type]

    window_m = periodic._window_m

    def tabled(band: periodic.Band, periods: periodic.F64, turns: int, error: float) -> object:
        compared.append(len(periods) * turns)
        return window_m(band, periods, turns, error)

    monkeypatch.setattr(periodic, "_lattice", counted)
    monkeypatch.setattr(periodic, "_window_m", tabled)
    rng = np.random.default_rng(5)
    repeats = watching(Rolls(any_period_m=(0.5, 12), turns=24))
    along = np.sort(rng.uniform(0, 100, 5000))
    for number, (along_m, across_mm) in enumerate(
        zip(along.tolist(), rng.uniform(400, 600, 5000).tolist(), strict=True)
    ):
        compared.clear()
        repeats.update([defect(f"c/{number}", along_m, across_mm, along_m)])
        assert sum(compared) <= 5 * periodic.MOST_MARKS * periodic.MOST_PERIODS
    (kept,) = repeats._classes.values()
    assert len(kept.marks) == roll_marks.REMEMBERED
    assert len(repeats._open) <= rolls.OPEN_AT_ONCE


def test_a_person_is_told_at_which_distances_marks_are_looked_for() -> None:
    drawn = Roll(name="F6 work roll", diameter_mm=(630, 710), reduction_percent=(8, 14))
    assert Rolls(table=(*WORK_ROLL.table, drawn), any_period_m=(0.3, 12)).searched == (
        "work roll 2.00-2.10 m",
        "F6 work roll 2.15-2.59 m",
        "any roll 0.30-12.00 m",
    )
    assert Rolls().searched == ()
