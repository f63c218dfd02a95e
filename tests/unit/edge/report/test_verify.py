"""Reports held to the ledger that they were made from."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract.bodies import CoilReport, NotInspected, Outcome
from contract.events import Draft
from edge.clock import SystemClock
from edge.errors import ConfigError
from edge.ledger.inspections import find, inspections
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.ledger.retention import retain
from edge.report.compose import compose
from edge.report.gather import coil_digest
from edge.report.verify import Verified, verify
from edge.report.write import render, save
from edge.types import Commit, Watermark
from tests.unit.edge.console.strip_events import (
    SOURCE,
    START,
    coil_report,
    coil_started,
    corrected,
    defect,
    missed,
)
from tests.unit.edge.report.ledger_of import (
    COIL,
    MEASURE,
    config_of,
    dense,
    graded,
    record,
    repeat,
)
from tests.unit.edge.report.test_gone import Tomorrow

Edit = Callable[[dict[str, Any]], object]


def _drafts() -> list[Draft]:
    cells: dict[Outcome, int] = {"on_time": 9, "lost": 1}
    body = coil_report(COIL, defects=52).body
    assert isinstance(body, CoilReport)
    lost = {"cells": cells, "reasons": {"lost(restart)": 1}, "coverage": 0.9}
    return [
        coil_started(COIL), defect(COIL, f"{COIL}/1", measure=MEASURE, severity="minor"),
        defect(COIL, f"{COIL}/2"), missed(COIL, 1.0, 2.0), dense(COIL, 5.0, 15.0), repeat(COIL),
        Draft(body.model_copy(update=lost), COIL, "report", START),
        graded(COIL), corrected(COIL, "26-4711"),
    ]  # fmt: skip


def _written(folder: Path, *drafts: Draft, mark: Watermark | None = None) -> Path:
    """A coil's report in JSON, as its ledger is with these events."""
    reader = record(folder, drafts, mark=mark)
    document = compose(reader, inspections(reader)[0], config_of(folder), SystemClock())
    path = folder / "report.json"
    save(render(document, "json", config_of(folder)), path)
    return path


def _verify(folder: Path) -> Verified:
    return verify(EventReader(folder / "ledger"), folder / "report.json", config_of(folder))


def _edit(path: Path, edit: Edit) -> None:
    told = json.loads(path.read_text("utf-8"))
    edit(told)
    path.write_text(json.dumps(told), "utf-8")


def test_a_report_is_held_to_the_ledger(tmp_path: Path) -> None:
    path = _written(tmp_path, *_drafts())
    assert (_verify(tmp_path).ledger.events, _verify(tmp_path).not_compared) == (9, ())
    path.write_text(path.read_text().replace('"last_seq":9', '"last_seq":8'))
    with pytest.raises(ValueError, match=r"made from 9 events .* holds 8"):
        _verify(tmp_path)
    path.write_text("<html>")
    with pytest.raises(ConfigError, match="is no coil report in JSON"):
        _verify(tmp_path)
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        _verify(tmp_path)


@pytest.mark.parametrize(
    ("part", "edit"),
    [
        ("coil.id", lambda told: told["coil"].update(id="26-4712")),
        ("coil.length_m", lambda told: told["coil"].update(length_m=1.0)),
        ("coil.late_m", lambda told: told["coil"].pop("late_m")),
        ("remarks", lambda told: told["remarks"].pop()),
        ("grade.name", lambda told: told["grade"].update(name="A")),
        ("regraded.before", lambda told: told["regraded"].update(before="A")),
        ("graded_by", lambda told: told.update(graded_by=None)),
        ("classes", lambda told: told["classes"].pop()),
        ("severities.minor", lambda told: told.update(severities={})),
        ("counted.scratch", lambda told: told.update(counted={})),
        ("certificate.coverage", lambda told: told["certificate"].update(coverage=1.0)),
        (
            "certificate.cells.on_time",
            lambda told: told["certificate"].update(cells={"on_time": 10}),
        ),
        ("certificate.missing", lambda told: told["certificate"]["missing"].clear()),
        ("densities", lambda told: told["densities"].clear()),
        ("repeats", lambda told: told["repeats"].clear()),
        ("merged", lambda told: told.update(merged=1)),
        ("defects", lambda told: told["defects"].pop()),
        (
            "defects[0].measure.area_mm2",
            lambda told: told["defects"][0]["measure"].update(area_mm2=1.0),
        ),
    ],
)
def test_a_figure_that_was_changed_is_named(tmp_path: Path, part: str, edit: Edit) -> None:
    _edit(_written(tmp_path, *_drafts()), edit)
    with pytest.raises(
        ValueError, match=f"does not say what its events say: {re.escape(part)} is "
    ):
        _verify(tmp_path)


@pytest.mark.parametrize(
    ("said", "edit"),
    [
        (
            'defects[0].severity is "major", by the ledger\'s events 1 to 9 it is "minor"',
            lambda told: told["defects"][0].update(severity="major"),
        ),
        (
            "defects is a list of 1, by the ledger's events 1 to 9 it is a list of 2",
            lambda told: told["defects"].pop(),
        ),
        (
            "classes[1].by_severity.minor is not there, by the ledger's events 1 to 9 it is 1",
            lambda told: told["classes"][1]["by_severity"].clear(),
        ),
        (
            "defects[0].measure.complete is false, by the ledger's events 1 to 9 it is true",
            lambda told: told["defects"][0]["measure"].update(complete=False),
        ),
        (
            "remarks[0] is … strip was inspected! the certificate says where and why t…",
            lambda told: told.update(remarks=[r.replace(";", "!") for r in told["remarks"]]),
        ),
        (
            'grade is null, by the ledger\'s events 1 to 9 it is {"name": "C", "reasons": [',
            lambda told: told.update(grade=None),
        ),
    ],
)
def test_the_difference_itself_is_named_in_the_words_of_json(
    tmp_path: Path, said: str, edit: Edit
) -> None:
    _edit(_written(tmp_path, *_drafts()), edit)
    with pytest.raises(ValueError, match=re.escape(said)):
        _verify(tmp_path)


def test_when_and_by_which_config_it_was_made_is_left_out(tmp_path: Path) -> None:
    path = _written(tmp_path, *_drafts())
    _edit(path, lambda told: told.update(generated="2020-01-01T00:00:00Z"))
    _edit(path, lambda told: told["certificate"].update(deadline_s=9.0))
    assert _verify(tmp_path).not_compared == ()


def test_another_version_may_word_its_remarks_otherwise(tmp_path: Path) -> None:
    path = _written(tmp_path, *_drafts())
    _edit(path, lambda told: told.update(generator="stripsight 0", remarks=["Mind the gap."]))
    _edit(path, lambda told: (told.pop("counted"), told["coil"].pop("late_m")))
    assert _verify(tmp_path).not_compared == ("remarks",)
    _edit(path, lambda told: told["certificate"].update(coverage=1.0))
    with pytest.raises(ValueError, match=r"certificate\.coverage is 1\.0, .* it is 0\.9"):
        _verify(tmp_path)


def test_what_comes_later_does_not_change_what_was(tmp_path: Path) -> None:
    _written(tmp_path, *_drafts())
    again = coil_started(COIL)._replace(key="again")
    record(tmp_path, [graded(COIL, "D", "later"), corrected(COIL, "26-4713", "later"), again])
    assert _verify(tmp_path).ledger.events == 9


def test_a_grade_of_just_now_is_not_in_the_report_s_range(tmp_path: Path) -> None:
    reader = record(tmp_path, _drafts())
    found = find(inspections(reader), "26-4711")
    record(tmp_path, [graded(COIL, "D", "later")])
    document = compose(reader, found, config_of(tmp_path), SystemClock())
    save(render(document, "json", config_of(tmp_path)), tmp_path / "report.json")
    assert _verify(tmp_path).ledger.events == 9


def test_a_coil_before_one_that_was_told_late_keeps_its_remark(tmp_path: Path) -> None:
    late = coil_started("next")
    late = late._replace(body=late.body.model_copy(update={"late_m": 180.0}))
    path = _written(tmp_path, coil_started(COIL), coil_report(COIL, defects=0), late)
    record(tmp_path, [corrected("next", "26-4714")])
    assert _verify(tmp_path).not_compared == ()
    _edit(path, lambda told: told["remarks"].pop())
    with pytest.raises(ValueError, match="remarks is a list of 0"):
        _verify(tmp_path)


def test_a_preliminary_report_is_compared_without_what_was_in_no_event(tmp_path: Path) -> None:
    untold = missed(COIL, 2.0, 3.0).body
    assert isinstance(untold, NotInspected)
    mark = Watermark(5, 22.5, COIL, 22.5, {"on_time": 30, "lost(restart)": 24}, untold=(untold,))
    drafts = coil_started(COIL), defect(COIL, f"{COIL}/1", measure=MEASURE)
    path = _written(tmp_path, *drafts, mark=mark)
    record(tmp_path, [missed(COIL, 2.0, 3.0), defect(COIL, f"{COIL}/2"), coil_report(COIL)])
    assert "certificate.coverage" in _verify(tmp_path).not_compared
    _edit(path, lambda told: told["certificate"].update(coverage=1.0))
    _verify(tmp_path)
    _edit(path, lambda told: told["defects"].clear())
    with pytest.raises(ValueError, match="defects is a list of 0"):
        _verify(tmp_path)


def test_a_range_that_was_cut_is_not_taken_for_the_coil(tmp_path: Path) -> None:
    path = _written(tmp_path, *_drafts())
    reader = EventReader(tmp_path / "ledger")
    cut = coil_digest(reader, COIL, 4, 9).model_dump()
    _edit(path, lambda told: told["certificate"].update(ledger=cut))
    with pytest.raises(ValueError, match="does not say what its events say"):
        _verify(tmp_path)


def test_a_report_older_than_the_ledger_is_not_called_forged(tmp_path: Path) -> None:
    _written(tmp_path, *_drafts())
    log = EventLog(tmp_path / "ledger", SOURCE, Tomorrow(), reserve_bytes=4096)
    log.open()
    log.commit(Commit((coil_started("next"),), None, SystemClock().now()))
    log.close()
    gone = retain(tmp_path / "ledger", keep_days=0, max_evidence_mb=1, passed=None)
    assert gone.files == 1
    with pytest.raises(ValueError, match=r"begins with event 10, .* past ledger\.keep_days"):
        _verify(tmp_path)
