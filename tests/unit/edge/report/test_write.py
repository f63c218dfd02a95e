import json
import os
import re
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from contract.bodies import DefectDensity, EventBody, Extent, NotInspected
from contract.events import Draft
from edge.clock import SystemClock
from edge.errors import ConfigError
from edge.ledger.inspections import find, inspections
from edge.ledger.reader import EventReader
from edge.report.compose import compose
from edge.report.document import CoilDocument, document_schema
from edge.report.listing import as_table, listed
from edge.report.strip import scale_for
from edge.report.write import Format, file_name, render, render_page, save
from edge.types import Watermark
from tests.conftest import ROOT
from tests.unit.edge.console.strip_events import (
    START,
    coil_report,
    coil_started,
    corrected,
    defect,
    missed,
)
from tests.unit.edge.report.ledger_of import (
    COIL,
    GRADE,
    MEASURE,
    config_of,
    dense,
    graded,
    record,
    repeat,
    report_of,
)


@given(st.text(max_size=200), st.sampled_from(get_args(Format)))
def test_a_file_name_leads_nowhere_else(coil_id: str, form: Format) -> None:
    name = file_name(coil_id, form)
    assert re.fullmatch(r"coil-[A-Za-z0-9][A-Za-z0-9._-]*\.(json|csv|html)", name)
    assert len(name) < 100
    assert Path(name).name == name


def test_ids_that_look_alike_have_files_of_their_own() -> None:
    ids = ["26/4711", "26:4711", "26_4711", "..", "", "26_4711_", "x" * 70, "x" * 80]
    assert len({file_name(i, "html") for i in ids}) == len(ids)
    assert file_name("26-4711", "csv") == "coil-26-4711.csv"


def _document(folder: Path) -> CoilDocument:
    reader = record(
        folder,
        [coil_started(COIL), defect(COIL, f"{COIL}/1", measure=MEASURE, severity="minor"),
         defect(COIL, f"{COIL}/2"), missed(COIL, 1.0, 2.0), dense(COIL, 5.0, 15.0), repeat(COIL),
         coil_report(COIL), graded(COIL), corrected(COIL, "26-4711")],
    )  # fmt: skip
    found = find(inspections(reader), "26-4711")
    return compose(reader, found, config_of(folder), SystemClock())


def test_the_json_is_what_the_published_schema_says(tmp_path: Path) -> None:
    schema = document_schema()
    Draft202012Validator.check_schema(schema)
    document = _document(tmp_path)
    told = json.loads(render(document, "json", config_of(tmp_path)))
    Draft202012Validator(schema).validate(told)
    assert CoilDocument.model_validate(told) == document
    assert told["coil"]["id"] == "26-4711"
    assert (told["coil"]["length_m"], told["coil"]["width_mm"]) == (400, 1100)
    assert (told["certificate"]["coverage"], told["certificate"]["expected_cells"]) == (1, 10)
    assert told["grade"]["name"] == "C"
    assert [c["in_density"] for c in told["classes"] if c["class_name"] == "scale"] == [50]


def test_severities_of_other_rules_than_the_grade_s_are_said(tmp_path: Path) -> None:
    by_old = coil_report(COIL).body.model_copy(update={"rules": "1@old"})
    draft = Draft(by_old, COIL, "report", START)
    spoken = "by other rules than the severities"
    document = report_of(tmp_path, coil_started(COIL), draft)
    assert document.certificate.severity_rules == document.certificate.rules == "1@old"
    assert not any(spoken in remark for remark in document.remarks)
    record(tmp_path, [graded(COIL)])
    again = report_of(tmp_path)
    assert (again.certificate.severity_rules, again.certificate.rules) == ("1@old", GRADE.rules)
    assert any(spoken in remark for remark in again.remarks)
    assert b"1@old" in render(again, "html", config_of(tmp_path))


def test_a_width_that_was_corrected_is_told_beside_the_one_of_the_cells(tmp_path: Path) -> None:
    at_edge = Extent(from_m=5.0, to_m=5.4, from_mm=1120.0, to_mm=1200.0)
    document = report_of(
        tmp_path, coil_started(COIL), defect(COIL, f"{COIL}/1", extent=at_edge), coil_report(COIL),
        corrected(COIL, COIL),
    )  # fmt: skip
    assert (document.coil.width_mm, document.certificate.width_mm) == (1100.0, 1200.0)
    assert any(
        "width to 1100 mm; cells and coverage are of the 1200" in r for r in document.remarks
    )
    assert scale_for(document).width_mm == 1200.0


def test_a_report_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent/x\.html: cannot be written"):
        save(b"", tmp_path / "absent" / "x.html")


def test_a_report_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ConfigError, match=r"report\.html: cannot be written"):
            save(b"x" * 100_000, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_report_goes_where_a_link_leads_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link, loop = (tmp_path / name for name in ("far/report.html", "link.html", "loop"))
    link.symlink_to(target)
    for told in (b"to a place where nothing is", b"once more"):
        save(told, link)
        assert (target.read_bytes(), link.is_symlink()) == (told, True)
    assert list(target.parent.iterdir()) == [target]
    loop.symlink_to(loop)
    with pytest.raises(ConfigError, match="loop: cannot be written"):
        save(b"", loop)
    assert loop.is_symlink()


def test_a_fifo_gets_the_report_and_stays_one(tmp_path: Path) -> None:
    fifo, told = tmp_path / "fifo", list[bytes]()
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: told.append(fifo.read_bytes()), daemon=True)
    reader.start()
    save(b"x" * 200_000, fifo)
    reader.join(timeout=10)
    assert (told, fifo.is_fifo()) == ([b"x" * 200_000], True)
    with pytest.raises(ConfigError, match="cannot be written"):
        save(b"", tmp_path)


def test_the_running_coil_is_reported_as_far_as_the_last_commit_tells(tmp_path: Path) -> None:
    mark = Watermark(5, 22.5, COIL, 22.5, {"on_time": 30, "late": 10})
    reader = record(tmp_path, [coil_started(COIL), defect(COIL, f"{COIL}/1")], mark=mark)
    found = find(inspections(reader), COIL)
    document = compose(reader, found, config_of(tmp_path), SystemClock())
    assert document.coil.state == "not_finished"
    assert document.coil.length_m == 22.5
    assert (document.certificate.coverage, document.certificate.expected_cells) == (0.75, 40)
    assert document.remarks[0].startswith("Preliminary")
    other = Watermark(5, 22.5, "another", 22.5, {"on_time": 30})
    record(tmp_path, [defect(COIL, f"{COIL}/2")], mark=other)
    assert compose(reader, found, config_of(tmp_path), SystemClock()).coil.length_m == 0


class _ReportOfNextVersion(EventBody):
    kind = "coil_report"
    colour: str = "red"


def test_a_report_of_another_version_is_said_and_no_figure_is_invented(tmp_path: Path) -> None:
    strange = Draft(_ReportOfNextVersion(), COIL, "report", START)
    mark = Watermark(5, 22.5, COIL, 22.5, {"on_time": 30})
    document = report_of(tmp_path, coil_started(COIL), strange, coil=COIL, mark=mark)
    assert document.coil.state == "unreadable"
    assert (document.coil.length_m, document.certificate.expected_cells) == (0, 0)
    assert "of another version of this program and cannot be read" in document.remarks[0]
    assert any(r.startswith("1 events are of another version") for r in document.remarks)
    assert b"Not readable" in render(document, "html", config_of(tmp_path))
    assert as_table([listed(i) for i in inspections(EventReader(tmp_path / "ledger"))]).endswith(
        "of another version"
    )


class _Busy(EventReader):
    """A ledger whose next coil begins while the events of one are read."""

    def bodies_of_coil(self, coil_id: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        next_mark = Watermark(9, 500.0, "next", 1.0, {"on_time": 1})
        record(self._directory.parent, [coil_report(COIL), coil_started("next")], mark=next_mark)
        return super().bodies_of_coil(coil_id, first, last)


def test_a_coil_that_ends_meanwhile_is_reported_as_it_was_or_as_it_ended(tmp_path: Path) -> None:
    mark = Watermark(5, 22.5, COIL, 22.5, {"on_time": 30})
    reader = record(tmp_path, [coil_started(COIL)], mark=mark)
    found = find(inspections(reader), COIL)
    busy = _Busy(tmp_path / "ledger")
    before = compose(busy, found, config_of(tmp_path), SystemClock())
    assert (before.coil.length_m, before.certificate.expected_cells) == (22.5, 30)
    assert before.certificate.ledger.last_seq == 1
    after = compose(reader, found, config_of(tmp_path), SystemClock())
    assert (after.coil.state, after.coil.length_m) == ("finished", 400)


def test_a_preliminary_report_knows_what_is_in_no_event_yet(tmp_path: Path) -> None:
    untold, stretch = missed(COIL, 2.0, 3.0).body, dense(COIL, 5.0, 15.0).body
    assert isinstance(untold, NotInspected)
    assert isinstance(stretch, DefectDensity)
    cells = {"on_time": 30, "lost(restart)": 24}
    mark = Watermark(5, 22.5, COIL, 22.5, cells, untold=(untold,), dense=(stretch,))
    drafts = (coil_started(COIL), missed(COIL, 1.0, 2.0))
    document = report_of(tmp_path, *drafts, coil=COIL, mark=mark)
    (gap,) = document.certificate.missing
    assert (gap.extent.from_m, gap.extent.to_m, gap.cells) == (1.0, 3.0, 24)
    assert document.densities == [stretch]
    assert [(c.class_name, c.in_density) for c in document.classes] == [("scale", 50)]


def test_a_list_says_what_each_coil_came_to(tmp_path: Path) -> None:
    reader = record(
        tmp_path,
        [coil_started("p-1"), coil_report("p-1", 400.0), corrected("p-1", "26\x1b-1"),
         graded("p-1"), coil_started("c" * 300)],
    )  # fmt: skip
    coils = [listed(i) for i in inspections(reader)]
    head, first, second = as_table(coils).splitlines()
    assert head.split() == [
        "coil", "started", "(UTC)", "length", "coverage", "valid", "defects", "grade",
    ]  # fmt: skip
    assert first.split() == [
        "26\\x1b-1", "2026-03-01", "08:00:00", "400.00", "m", "100", "%", "yes", "3", "C",
        "by", "hand,", "told", "as", "p-1",
    ]  # fmt: skip
    assert [coil.graded_by_hand for coil in coils] == [True, False]
    record(tmp_path, [graded("p-1", "D", "rules", origin="rules")])
    assert "by hand" not in as_table([listed(i) for i in inspections(reader)])
    assert second.endswith("not finished")
    assert len(second) < 130
    assert json.loads(coils[0].model_dump_json())["from_seq"] == 1


def test_severities_stand_as_the_rules_have_them(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "config" / "grading.yaml").read_text("utf-8")
    for old, new in (("minor", "alpha"), ("major", "gamma"), ("critical", "beta")):
        text = text.replace(old, new)
    rules = tmp_path / "rules.yaml"
    found = {"alpha": 2, "beta": 1, "gamma": 1}
    document = _document(tmp_path).model_copy(update={"severities": found})
    config = config_of(tmp_path).model_copy(update={"grading": rules})

    def heads() -> list[str]:
        page = render_page(document, config)
        return re.findall(r"<th[^>]*>(alpha|beta|gamma)</th>", page)

    assert heads() == ["alpha", "beta", "gamma"], "by name while somebody moves the rules"
    rules.write_text(text, "utf-8")
    assert heads() == ["beta", "gamma", "alpha"], "the worst first"
