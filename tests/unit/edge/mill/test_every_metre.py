"""Whatever the mill says, in whatever order: every metre of strip is of exactly one coil."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.mill.row import LEAST_M
from edge.mill.signals import (
    CoilSignal,
    CorrectionSignal,
    HeadSignal,
    PositionSignal,
    Signal,
    TailSignal,
)
from edge.types import Coil
from tests.unit.edge.mill.passage import FRAME_M, NOON_NS, Passage

IDS = st.sampled_from(["A", "B", "C", "A/1", "A_1", "\u00fc"])
NO_ID = st.none() | IDS
SECONDS = st.none() | st.floats(-30, 5)
PLACES = st.none() | st.floats(-200, 200)
SAID = st.one_of(
    st.tuples(st.just("coil"), IDS, st.sampled_from([None, "next", "running"])),
    st.tuples(st.just("head"), NO_ID, SECONDS, PLACES),
    st.tuples(st.just("tail"), SECONDS, PLACES),
    st.tuples(st.just("correction"), NO_ID, IDS),
    st.tuples(st.just("position"), st.floats(-200, 200)),
)
STEPS = st.lists(st.integers(1, 30) | st.tuples(SAID, st.booleans()), max_size=40)


def made(said: tuple[object, ...], passage: Passage) -> Signal:
    """The message, its time counted from now."""

    def time(seconds: object) -> datetime | None:
        if not isinstance(seconds, float):
            return None
        return datetime.fromtimestamp((NOON_NS + passage.time.ns) / 1e9 + seconds, UTC)

    match said:
        case ("coil", str(name), place):
            return CoilSignal.model_validate({"id": name, "place": place})
        case ("head", name, seconds, place):
            return HeadSignal.model_validate(
                {"id": name, "time": time(seconds), "position_m": place}
            )
        case ("tail", seconds, place):
            return TailSignal.model_validate({"time": time(seconds), "position_m": place})
        case ("correction", before, str(name)):
            return CorrectionSignal.model_validate({"before": before, "id": name, "order": "7"})
        case ("position", float(metres)):
            return PositionSignal(position_m=metres)
    raise ValueError(said)


@settings(max_examples=300)
@given(steps=STEPS, synchronised=st.booleans())
def test_every_metre_is_of_one_coil(ledger: Path, steps: list[object], synchronised: bool) -> None:  # noqa: FBT001
    passage = Passage(ledger, synchronised=synchronised, late_id_s=5)
    for step in steps:
        match step:
            case int():
                passage.run(step * FRAME_M)
            case (tuple() as said, bool() as retained):
                passage.say(made(said, passage), retained=retained)
    passage.run(FRAME_M)
    passage.settle()
    heads = heads_of([coils for _, _, coils in passage.answers])
    for first_m, end_m, coils in passage.answers:
        without_holes(first_m, end_m, coils, heads)
    subjects = set(heads)
    for correction in passage.corrections:
        known = correction.coil
        assert known.id in subjects, "only what was told is corrected"
        assert known.head_m == heads[known.id]
        assert not known.provisional


def heads_of(answers: Sequence[tuple[Coil, ...]]) -> dict[str, float]:
    """By subject, in the order of telling; a coil keeps what was told of it."""
    told: dict[str, Coil] = {}
    for coils in answers:
        for coil in coils:
            before = told.setdefault(coil.id, coil)
            assert before.head_m == coil.head_m
            assert (before.width_mm, before.data) == (coil.width_mm, coil.data)
    heads = {name: coil.head_m for name, coil in told.items()}
    rising = list(heads.values())
    assert all(b - a >= LEAST_M - 1e-9 for a, b in itertools.pairwise(rising))
    return heads


def without_holes(
    first_m: float, end_m: float, coils: Sequence[Coil], heads: dict[str, float]
) -> None:
    """Head to tail over the stretch, and no head in it is left out, whenever it was told."""
    assert coils
    assert coils[0].head_m <= first_m
    assert all(coil.head_m < end_m for coil in coils)
    for one, other in itertools.pairwise(coils):
        assert one.tail_m == other.head_m
    assert coils[-1].tail_m is None
    inside = [name for name, head_m in heads.items() if first_m < head_m < end_m]
    assert inside == [coil.id for coil in coils if first_m < coil.head_m]
