"""What a start learns of the coils before it from a real event log."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.bodies import CoilCorrected, CoilData, CoilStarted, EventBody
from contract.events import Draft
from edge.ledger.log import EventLog
from edge.mill.past import Past
from edge.mill.signals import CoilSignal, CorrectionSignal, HeadSignal
from edge.types import Commit
from tests.unit.edge.ledger.making import MODEL
from tests.unit.edge.ledger.rewriting import rewrite
from tests.unit.edge.mill.passage import Passage, Time

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DATA = CoilData(order="7", side="top")


def started(*, provisional: bool = False) -> CoilStarted:
    return CoilStarted(
        width_mm=900, cell_m=0.1, cell_mm=100, model=MODEL, provisional=provisional, data=DATA
    )


def named(coil_id: str, width_mm: float = 900) -> CoilCorrected:
    return CoilCorrected(coil_id=coil_id, width_mm=width_mm, data=DATA, by="level2")


def ledger_of(folder: Path, told: Iterable[tuple[str, EventBody]]) -> Path:
    log = EventLog(folder / "ledger", "/s/l/c", Time(), reserve_bytes=0)
    log.open()
    drafts = tuple(Draft(body, subject, str(n), NOW) for n, (subject, body) in enumerate(told))
    log.commit(Commit(drafts, None, Time().now()))
    log.close()
    return folder / "ledger"


TOLD: tuple[tuple[str, EventBody], ...] = (
    ("A", started()),
    ("unnamed~1", started(provisional=True)),
    ("A", named("B/1", 800)),
    ("unnamed~1", named("C")),
)


def test_coils_are_known_by_their_newest_id_and_by_their_subject(tmp_path: Path) -> None:
    past = Past(ledger_of(tmp_path, TOLD), before_m=-1.0)
    assert past.last_name == "C"
    assert past.began("A")
    assert not past.began("B")
    for name, subject in (("B/1", "A"), ("A", "A"), ("C", "unnamed~1"), ("unnamed~1", "unnamed~1")):
        found = past.find([name])
        assert found is not None
        assert found.coil.id == subject
    corrected = past.find(["A"])
    assert corrected is not None
    assert (corrected.known.named, corrected.known.width_mm) == ("B/1", 800)
    assert corrected.coil.head_m == -1.0
    assert past.find(["B"]) is None


def test_an_empty_log_knows_nothing(ledger: Path) -> None:
    past = Past(ledger, before_m=0.0)
    assert past.last_name is None
    assert past.find(["A"]) is None


def test_an_old_file_that_is_damaged_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    past = Past(ledger_of(tmp_path, TOLD), before_m=0.0)
    (tmp_path / "ledger" / "events-2026-01-01.sqlite").write_bytes(b"damaged" * 1000)
    assert past.find(["Z"]) is None
    assert not past.began("Z")
    assert "coils of before" in caplog.text


def test_fields_that_a_later_version_added_are_read_past(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, TOLD)
    for kind in ("coil_started", "coil_corrected"):
        added = {"later": 1, "data": {"later": 1, "data": {"later": 1}}}
        rewrite(ledger, kind, "A", added)
    found = Past(ledger, before_m=0.0).find(["B/1"])
    assert found is not None
    assert (found.known.named, found.known.width_mm, found.known.data) == ("B/1", 800, DATA)


@pytest.mark.parametrize("kind", ["coil_started", "coil_corrected"])
def test_a_coil_that_cannot_be_read_has_no_name_but_its_subject_is_taken(
    tmp_path: Path, kind: str
) -> None:
    ledger = ledger_of(tmp_path, TOLD)
    rewrite(ledger, kind, "unnamed~1", {"data": {"schema_version": "2"}})
    past = Past(ledger, before_m=0.0)
    assert past.last_name is None, "not that of the coil before"
    assert (past.last_named, past.began("unnamed~1")) == ("B/1", True)
    assert past.find(["unnamed~1"]) is None
    assert past.find(["C"]) is None
    found = past.find(["A"])
    assert found is not None, "the others are known"


def test_a_coil_of_an_earlier_run_is_corrected_under_its_subject(tmp_path: Path) -> None:
    passage = Passage(ledger_of(tmp_path, TOLD))
    passage.run(1)
    passage.say(CorrectionSignal(before="C", id="D", width_mm=850))
    passage.run(1)
    (told,) = passage.corrections
    assert (told.coil.id, told.coil.named, told.coil.width_mm) == ("unnamed~1", "D", 850)
    assert told.coil.data == DATA, "what was not said stays"
    assert told.coil.head_m < passage.coils[0].head_m


def test_an_id_that_the_log_holds_gets_a_subject_of_its_own(tmp_path: Path) -> None:
    passage = Passage(ledger_of(tmp_path, TOLD))
    passage.say(HeadSignal(id="A"))
    passage.run(7)
    assert (passage.coils[-1].id, passage.coils[-1].named) == ("A~2", "A")


def test_the_coil_that_ran_at_the_stop_runs_on_where_the_mill_still_announces_it(
    tmp_path: Path,
) -> None:
    passage = Passage(ledger_of(tmp_path, TOLD))
    passage.run(1)
    passage.say(CoilSignal(id="C"), retained=True)
    passage.run(1)
    assert [c.coil.named for c in passage.corrections] == ["C"]
    assert passage.corrections[0].coil.id.startswith("unnamed~2026")
