import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.report.document import Box, CoilDocument, FoundDefect, Measured
from edge.report.table import COLUMNS, as_csv, harmless
from tests.unit.edge.console.strip_events import coil_report, coil_started, defect
from tests.unit.edge.report.ledger_of import COIL, MEASURE, report_of

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # noqa: RUF001 - full-width too
HOSTILE = st.text(alphabet=st.sampled_from("=+-@;,\"'\t\r\n| aA1(＝"), max_size=12)  # noqa: RUF001


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> CoilDocument:
    folder: Path = tmp_path_factory.mktemp("csv")
    return report_of(
        folder,
        coil_started(COIL),
        defect(COIL, f"{COIL}/1", 10.0, measure=MEASURE, severity="major", evidence="d1.jpg"),
        defect(COIL, f"{COIL}/2", -0.5, crowded=True),
        coil_report(COIL),
    )


def test_a_line_per_defect_with_its_units_in_the_header(document: CoilDocument) -> None:
    text = as_csv(document)
    assert text.count("\r\n") == 3
    assert "\n" not in text.replace("\r\n", "")
    before, after = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(before) == COLUMNS
    assert (before["from_m"], before["crowded"], before["area_mm2"]) == ("-0.5", "yes", "")
    assert before["measured"] == "no"
    told = {k: after[k] for k in ("class", "severity", "area_mm2", "contrast", "measured")}
    assert told == {
        "class": "scratch", "severity": "major", "area_mm2": "420.5", "contrast": "-0.2",
        "measured": "yes",
    }  # fmt: skip
    assert after["seen_utc"] == "2026-03-01T08:00:10Z"
    assert after["picture"] == "d1.jpg"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "a;=1+1"])
def test_what_would_be_a_formula_gets_an_apostrophe(name: str) -> None:
    assert harmless(name).replace("'", "") == name.replace("'", "")
    assert not any(part.startswith(FORMULA) for part in harmless(name).split(";"))


def test_a_plain_id_stays_as_it_is() -> None:
    assert harmless("26-4711/A 3.5") == "26-4711/A 3.5"


@given(coil=HOSTILE, class_name=HOSTILE, severity=HOSTILE, evidence=HOSTILE)
def test_no_cell_begins_a_formula_however_a_spreadsheet_cuts_lines(
    document: CoilDocument, coil: str, class_name: str, severity: str, evidence: str
) -> None:
    names = {"coil": coil, "class_name": class_name, "severity": severity, "evidence": evidence}
    text = as_csv(_with_names(document, **names))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 2
    assert len(rows[1]) == len(COLUMNS)
    texts = [COLUMNS.index(c) for c in ("coil_id", "defect_id", "class", "severity", "picture")]
    told = (coil, f"{coil}/1", class_name, severity, evidence)
    assert [rows[1][i] for i in texts] == [harmless(text) for text in told]
    for cell in (rows[1][i] for i in texts):
        for separator in (",", ";", "\t", "\r", "\n"):
            for part in cell.split(separator):
                assert not part.lstrip(" ").startswith(FORMULA), (cell, separator)


@given(st.floats(-1e5, 1e5))
def test_numbers_are_those_of_the_report(document: CoilDocument, number: float) -> None:
    found = replace(document.defects[0], extent=Box(number, 1.5, 2.5, 3.5), probability=number)
    text = as_csv(document.model_copy(update={"defects": [found]}))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (float(row["from_m"]), float(row["probability"])) == (number, number)
    assert (row["to_m"], row["tiles"]) == ("1.5", "2")


def _with_names(document: CoilDocument, **names: Any) -> CoilDocument:  # noqa: ANN401
    box = Box(0.0, 1.0, 0.0, 1.0)
    found = FoundDefect(
        f"{names['coil']}/1", names["class_name"], "closed", box, 0.5, 1, None,
        names["evidence"], "2026-03-01T08:00:10Z",
        measure=Measured(box, 1, 1, 1, 1, 0), severity=names["severity"],
    )  # fmt: skip
    coil = document.coil.model_copy(update={"id": names["coil"]})
    return document.model_copy(update={"coil": coil, "defects": [found]})
