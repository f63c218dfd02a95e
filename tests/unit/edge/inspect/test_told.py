"""What is kept of a coil's events, read from their bytes."""

import tracemalloc
from pathlib import Path

import pytest

from contract.bodies import (
    CoilCorrected,
    CoilData,
    CoilReport,
    DefectDensity,
    EventBody,
    Extent,
    ModelChanged,
    NotInspected,
)
from contract.events import Draft, Event, number
from edge.inspect.recover import end_open
from edge.inspect.told import Told
from edge.ledger.log import EventLog
from edge.types import Commit, Watermark
from tests.unit.edge.ledger.making import MODEL, SOURCE, SetClock, coil_started, defect

DEFECTS = 3000
PEAK_BYTES = 8e6
EXTENT = Extent(from_m=0, to_m=1, from_mm=0, to_mm=900)
MAJOR = defect("c-1/1", 2, "closed").body.model_copy(update={"severity": "major"})
MERGED = defect("c-1/2").body.model_copy(update={"severity": "minor", "merged_into": "c-1/1"})
BODIES: tuple[EventBody, ...] = (
    coil_started("c-1").body, defect("c-1/1").body, MAJOR, MERGED,
    DefectDensity(class_name="scale", from_m=0, to_m=10, count=9, told=2, per_10_m=9),
    NotInspected(extent=EXTENT, outcome="lost", reason="camera", cells=1),
    ModelChanged(before=None, after=MODEL, at_m=2.0, activation="now", backend="x"),
    CoilCorrected(coil_id="A", width_mm=900, data=CoilData(order="7"), by="level2"),
)  # fmt: skip


def event_of(body: EventBody, **data: object) -> Event:
    draft = coil_started("c-1")
    event = number(Draft(body, "c-1", "key", draft.time), SOURCE, 7)
    return event.model_copy(update={"data": event.data | data})


def read(*events: Event) -> Told:
    told = Told()
    for event in events:
        told.read(event.seq, event.kind, event.model_dump_json().encode())
    return told


def test_bytes_say_what_bodies_do_and_what_a_later_version_added_is_read_past() -> None:
    told = Told.by(BODIES)
    assert told.defects == {"scale": 9}
    assert told.severities == {"c-1/1": "major", "c-1/2": None}
    assert (told.outcomes, told.models, told.data) == ({"lost"}, [MODEL], CoilData(order="7"))
    assert read(*(event_of(body) for body in BODIES)) == told
    assert read(*(event_of(body, later={"field": 1}) for body in BODIES)) == told
    assert told.whole


@pytest.mark.parametrize("body", BODIES[1:], ids=lambda body: body.kind)
def test_what_cannot_be_read_is_known_by_its_number(body: EventBody) -> None:
    told = read(event_of(body, schema_version="2"))
    assert told == Told(unread=[7])
    assert not told.whole
    broken = Told()
    broken.read(8, body.kind, b'{"data": {')
    assert broken.unread == [8]


def test_an_event_that_counts_for_nothing_may_be_of_any_kind() -> None:
    event = event_of(BODIES[0], schema_version="2")
    later = event.model_copy(update={"type": "stripsight.later"})
    assert read(event, later).whole


def test_the_defects_of_a_large_coil_are_never_all_in_memory(tmp_path: Path) -> None:
    log, clock = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0), SetClock()
    log.open()
    names = [f"c-1/{n}" for n in range(DEFECTS)]
    told = [defect(name, *last) for name in names for last in ((1, "opened"), (2, "closed"))]
    mark = Watermark(9, 20.0, "c-1", 20.0, {"on_time": 9})
    log.commit(Commit((coil_started("c-1"), *told), mark, clock.now()))
    log.close(clean=False)
    recovered = log.open()
    tracemalloc.start()
    drafts = end_open(recovered, tmp_path, clock.now().utc())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    log.close()
    report = drafts[-1].body
    assert isinstance(report, CoilReport)
    assert report.defects == {"scale": DEFECTS}
    assert peak_bytes < PEAK_BYTES
