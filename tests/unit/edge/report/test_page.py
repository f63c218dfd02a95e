import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import CoilReport
from contract.events import Draft
from edge.ledger.inspections import inspections
from edge.ledger.reader import EventReader
from edge.palette import Palette
from edge.report.document import CoilDocument, Regrading
from edge.report.listing import as_table, listed
from edge.report.page import css_string, draw_page
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
    dense,
    graded,
    repeat,
    report_of,
)

HOSTILE = st.text(st.sampled_from("<>&\"'/\\;{}()=:* \n\x00\x1baé–script"), max_size=30)  # noqa: RUF001
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Elements, texts and attributes; counts what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def _broken_off(length_m: float, cells: int, **changes: object) -> Draft:
    """The report that a daemon gives of the coil under which it was stopped."""
    body = coil_report(COIL, length_m, defects=0).body
    counts = {"interrupted": True, "expected_cells": cells, "cells": {"on_time": cells}}
    return Draft(body.model_copy(update=counts | changes), COIL, "report", START)


def _page(document: CoilDocument) -> Page:
    return Page(draw_page(document, Palette(["scratch"]), ("minor", "major"), Path("nowhere")))


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> CoilDocument:
    body = coil_report(COIL, 60.0, valid=False).body
    assert isinstance(body, CoilReport)
    report = body.model_copy(
        update={
            "cells": {"on_time": 6, "lost": 4}, "reasons": {"lost(restart)": 4}, "coverage": 0.6,
            "grade": GRADE, "provisional": True,
        }
    )  # fmt: skip
    return report_of(
        tmp_path_factory.mktemp("page"),
        coil_started(COIL),
        defect(COIL, f"{COIL}/1", 10.0, measure=MEASURE, severity="major", evidence="d1.jpg"),
        defect(COIL, f"{COIL}/2", 30.0, class_name="oxide_scale", severity="minor", crowded=True),
        missed(COIL, 40.0, 50.0),
        dense(COIL, 20.0, 30.0),
        repeat(COIL),
        Draft(report, COIL, "report", START),
    )


def test_what_was_found_and_what_was_not_looked_at_stand_on_the_page(
    document: CoilDocument,
) -> None:
    page = _page(document)
    for told in (
        COIL, "Not valid", "60.00 %", "not proven clean", "provisional", "oxide scale", "F5 top",
        "lost(restart)", "40.00–50.00", "2.3100 ± 0.0040", GRADE.reasons[0], GRADE.rules,  # noqa: RUF001
        document.certificate.ledger.sha256, "420.5", "crowded", "90.0",
    ):  # fmt: skip
        assert told in page.text, told
    assert page.open == []


def test_it_needs_nothing_from_elsewhere(document: CoilDocument) -> None:
    page = _page(document)
    assert {"script", "link", "iframe", "object", "base", "form"}.isdisjoint(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in {"src", "href"}:
            assert value.startswith("data:image/jpeg;base64,")
        assert "http" not in value


def test_a_coil_that_runs_has_a_preliminary_report(tmp_path: Path) -> None:
    page = _page(report_of(tmp_path, coil_started(COIL), defect(COIL, "d", 3.0), coil=COIL))
    assert "Preliminary" in page.text
    assert "not yet" in page.text
    assert "so far, 3.40 m" in page.text


def test_a_coil_that_broke_off_is_certified_as_far_as_it_was_seen(tmp_path: Path) -> None:
    page = _page(report_of(tmp_path, coil_started(COIL), _broken_off(200.0, 10)))
    for told in (
        "100 % of 10 expected cells of the first 200.00 m were inspected",
        "the rest was not seen",
        "The inspection of that part is  valid",
    ):  # fmt: skip
        assert told in page.text
    assert "for the first 200.00 m" in page.text
    assert "not seen (told 01 Mar 2026 08:00:00 UTC)" in page.text
    assert page.attributes.count(("class", "verdict warning")) == 3
    assert "No stretch of the first 200.00 m was left out" in page.text


def test_a_coil_in_which_inspection_began_is_certified_from_there(tmp_path: Path) -> None:
    started = coil_started(COIL)
    rest = started._replace(body=started.body.model_copy(update={"head_seen": False}))
    page = _page(report_of(tmp_path, rest, coil_report(COIL, defects=0)))
    assert "✓" not in page.text
    assert "from where inspection began were inspected" in page.text
    assert "the rest was not seen" in page.text
    assert "not seen (inspection began 01 Mar 2026" in page.text
    (coil,) = map(listed, inspections(EventReader(tmp_path / "ledger")))
    assert "head not seen" in as_table([coil])


@pytest.mark.parametrize("drafts", [(), (_broken_off(0.0, 0),)])
def test_where_nothing_was_inspected_there_is_no_tick(
    tmp_path: Path, drafts: tuple[Draft, ...]
) -> None:
    document = report_of(tmp_path, coil_started(COIL), *drafts, coil=COIL)
    page = _page(document)
    assert "✓" not in page.text
    assert page.text.count("Nothing was inspected") == 2
    assert page.attributes.count(("class", "verdict alarm")) == 2
    assert ("aria-label", "0.00 % inspected") in page.attributes
    (coil,) = map(listed, inspections(EventReader(tmp_path / "ledger")))
    assert (coil.coverage, coil.inspection_valid) == (None, None)


def test_a_coil_of_which_no_cell_was_seen_in_time_is_not_called_valid(tmp_path: Path) -> None:
    body = coil_report(COIL, defects=0).body
    lost = {"cells": {"lost": 4, "late": 6}, "coverage": 0.0}
    report = Draft(body.model_copy(update=lost), COIL, "report", START)
    document = report_of(tmp_path, coil_started(COIL), missed(COIL, 0.0, 400.0), report)
    assert document.certificate.inspection_valid
    page = _page(document)
    assert "valid" not in page.text.lower()
    for told in ("✕  Nothing", "✕  0.00 %", "not one of 10 cells was looked at in time"):
        assert told in page.text, told
    assert page.attributes.count(("class", "verdict alarm")) == 2
    assert any(r.startswith("Nothing was inspected: not one") for r in document.remarks)
    (coil,) = map(listed, inspections(EventReader(tmp_path / "ledger")))
    assert (coil.coverage, coil.inspection_valid) == (0.0, None)
    assert "0.00 %  -  " in as_table([coil])


def test_an_inspection_that_is_not_valid_is_always_remarked(tmp_path: Path) -> None:
    invalid = _broken_off(0.0, 0, inspection_valid=False)
    remarks = report_of(tmp_path, coil_started(COIL), invalid).remarks
    assert any(remark.startswith("The inspection is not valid") for remark in remarks)


def test_a_coil_of_which_part_was_seen_is_valid_as_far_as_that(tmp_path: Path) -> None:
    body = coil_report(COIL, defects=0).body
    part = {"cells": {"on_time": 4, "late": 6}, "coverage": 0.4}
    draft = Draft(body.model_copy(update=part), COIL, "report", START)
    page = _page(report_of(tmp_path, coil_started(COIL), draft))
    assert "▲  Valid as far as inspected" in page.text
    assert page.attributes.count(("class", "verdict warning")) == 2
    assert "nothing in doubt" not in page.text


def _rows(document: CoilDocument, table: str) -> list[list[str]]:
    html = draw_page(document, Palette(["scratch"]), ("minor", "major"), Path("nowhere"))
    (body,) = re.findall(rf'<table id="{table}">.*?<tbody>(.*?)</tbody>', html)
    rows = re.findall(r"<tr>(.*?)</tr>", body)
    return [re.findall(r'<td class="n">(.*?)</td>', row) for row in rows]


def test_what_was_measured_in_part_is_at_least_so_much(tmp_path: Path) -> None:
    part = MEASURE.model_copy(update={"complete": False})
    whole = [defect(COIL, "a", 10.0, measure=MEASURE, class_name="pit")]
    document = report_of(
        tmp_path, coil_started(COIL), *whole,
        defect(COIL, "b", 20.0, measure=part, class_name="scratch"),
        defect(COIL, "c", 30.0, measure=MEASURE, class_name="scale"), dense(COIL, 5.0, 15.0),
        defect(COIL, "d", 40.0, measure=MEASURE, class_name="dent"),
        defect(COIL, "e", 50.0, class_name="dent"), defect(COIL, "f", 60.0, class_name="oil"),
        coil_report(COIL, defects=56),
    )  # fmt: skip
    shown = [row[2:4] for row in _rows(document, "defects")]
    sizes = ["420.5", "201.0 × 2.5"]  # noqa: RUF001
    assert shown == [sizes, [f"≥ {s}" for s in sizes], sizes, sizes, ["", ""], ["", ""]]
    areas = sorted(row[1] for row in _rows(document, "classes")[:-1])
    assert areas == ["", "420", "≥ 420", "≥ 420", "≥ 420"]
    assert "or the tiles of one that was not measured whole" in _page(document).text
    alone = report_of(tmp_path / "w", coil_started(COIL), *whole, coil_report(COIL, defects=1))
    assert "boxes are what was measured of them." in _page(alone).text


def test_a_coil_without_defects_says_so(tmp_path: Path) -> None:
    page = _page(report_of(tmp_path, coil_started(COIL), coil_report(COIL, defects=0)))
    assert "No defect was reported" in page.text
    assert "No stretch of this coil was left out" in page.text


def test_the_right_id_and_the_inspector_s_grade_hold(tmp_path: Path) -> None:
    page = _page(
        report_of(
            tmp_path, coil_started("p-1"), coil_report("p-1"), corrected("p-1", "26-4711"),
            graded("p-1", "D"),
        )
    )  # fmt: skip
    assert "26-4711" in page.text
    assert "provisional id p-1" in page.text
    assert "by A. Inspector" in page.text


@pytest.mark.parametrize(
    ("grades", "said"),
    [
        ([graded(COIL, "A")], "Grade A, set by A. Inspector, instead of B by the rules: seen"),
        (
            [graded(COIL, "C"), graded(COIL, "A", "2", by="Ida <b>", comment="ash")],
            "Grade A, set by Ida <b>, instead of B by A. Inspector: ash",
        ),
        (
            [graded(COIL, "A", before=None, origin="rules", comment="")],
            "Grade A, by changed rules, recorded by A. Inspector, instead of no grade",
        ),
    ],
)
def test_a_grade_in_place_of_another_says_whose_and_why(
    tmp_path: Path, grades: list[Draft], said: str
) -> None:
    document = report_of(tmp_path, coil_started(COIL), coil_report(COIL), *grades)
    page = _page(document)
    assert said in page.texts
    by_hand = document.regraded is not None and document.regraded.by_hand
    assert ("Grade A, because of:" in page.texts) is not by_hand
    assert (GRADE.reasons[0] in page.texts) is not by_hand


@given(name=HOSTILE, other=HOSTILE)
@settings(max_examples=60)
def test_hostile_names_are_text_and_nothing_else(
    document: CoilDocument, name: str, other: str
) -> None:
    coil = document.coil.model_copy(update={"id": name, "subject": other, "source": other})
    classes = [c.model_copy(update={"class_name": name}) for c in document.classes]
    repeats = [
        r.model_copy(update={"rolls": (name,), "class_name": other}) for r in document.repeats
    ]
    again = Regrading(origin="inspector", comment=other, before=name, before_by=other)
    hostile = document.model_copy(
        update={"coil": coil, "classes": classes, "repeats": repeats, "remarks": [other],
                "graded_by": name, "regraded": again}
    )  # fmt: skip
    harmless, page = _page(document), _page(hostile)
    # A class more or less may be drawn, but no element of a kind that was not there before.
    assert set(page.tags) <= set(harmless.tags) | {"br", "small"}
    assert page.open == []
    known = {name for name, _ in harmless.attributes}
    assert {name for name, _ in page.attributes} <= known | {"class"}


@given(st.text(max_size=40))
def test_a_css_string_ends_where_it_should(text: str) -> None:
    quoted = css_string(text)
    assert re.fullmatch(r'"(?:[A-Za-z0-9]|\\[0-9a-f]{1,6} )*"', quoted)
    back = re.sub(r"\\([0-9a-f]+) ", lambda found: chr(int(found[1], 16)), quoted[1:-1])
    assert back == text
