"""Coils whose older events retention has taken away, or of which a part was told elsewhere."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.bodies import CoilReport, EventBody, Outcome
from contract.events import Draft
from edge.clock import Stamp, SystemClock
from edge.ledger.inspections import find, inspections
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.ledger.retention import retain
from edge.palette import Palette
from edge.report.compose import compose
from edge.report.document import CoilDocument
from edge.report.listing import as_table, listed
from edge.report.page import draw_page
from edge.types import Commit
from tests.unit.edge.console.strip_events import (
    SOURCE,
    START,
    coil_report,
    coil_started,
    defect,
    missed,
)
from tests.unit.edge.report.ledger_of import COIL, config_of, dense, report_of
from tests.unit.edge.report.test_page import Page

NO_DEFECT = "No defect was reported"
NOTHING_LEFT_OUT = "was left out"
GONE = "Part of this coil's events is gone"


class Tomorrow(SystemClock):
    def now(self) -> Stamp:
        now = super().now()
        return now._replace(utc_ns=now.utc_ns + 86_400_000_000_000)


def _report(defects: int = 2, **changes: object) -> Draft:
    """Of a coil of ten cells, one of them lost."""
    cells: dict[Outcome, int] = {"on_time": 9, "lost": 1}
    lost = {"cells": cells, "reasons": {"lost(camera)": 1}, "coverage": 0.9}
    body = coil_report(COIL, defects=defects).body
    return Draft(body.model_copy(update=lost | changes), COIL, "report", START)


def _over_midnight(folder: Path, before: Sequence[Draft], after: Sequence[Draft]) -> CoilDocument:
    """A coil's report, when the day file is gone in which the coil began."""
    for drafts, clock in ((before, SystemClock()), (after, Tomorrow())):
        log = EventLog(folder / "ledger", SOURCE, clock, reserve_bytes=4096)
        log.open()
        log.commit(Commit(tuple(drafts), None, SystemClock().now()))
        log.close()
    assert retain(folder / "ledger", keep_days=0, max_evidence_mb=1, passed=None).files == 1
    reader = EventReader(folder / "ledger")
    return compose(reader, find(inspections(reader), COIL), config_of(folder), SystemClock())


def _page(document: CoilDocument) -> Page:
    return Page(draw_page(document, Palette(["scratch"]), (), Path("nowhere")))


def _certifies_nothing(page: Page) -> None:
    for told in (NO_DEFECT, NOTHING_LEFT_OUT, "nothing in doubt", "as far as inspected", "✓"):
        assert told not in page.text, told
    assert ("class", "verdict good") not in page.attributes


def test_a_coil_whose_older_events_are_gone_is_not_called_clean(tmp_path: Path) -> None:
    begun = [coil_started(COIL), defect(COIL, f"{COIL}/1"), defect(COIL, f"{COIL}/2", 50.0)]
    document = _over_midnight(tmp_path, [*begun, missed(COIL, 60.0, 70.0)], [_report()])
    assert (document.coil.head_seen, document.coil.late_m) == (None, None)
    assert (document.events_missing, document.counted) == (True, {"scratch": 2})
    told = " ".join(document.remarks)
    assert GONE in told
    assert "counted 2 defects (0 of them here), and 1 of 10 cells as not" in told
    assert "the certificate says where" not in told
    page = _page(document)
    _certifies_nothing(page)
    for words in (
        "0 left", "its own report counted 2", "Not proven", "there may have been more defects",
        "does not hold where strip was not inspected. The coil's own report counted 1 of 10 cells",
        "By the coil's own report 90.00 % of 10 expected cells", "this report does not prove it",
    ):  # fmt: skip
        assert words in page.text, words
    (coil,) = map(listed, inspections(EventReader(tmp_path / "ledger")))
    assert coil.head_seen is None
    assert "beginning gone" in as_table([coil])


def test_what_is_left_of_it_is_called_so(tmp_path: Path) -> None:
    begun = [coil_started(COIL), defect(COIL, f"{COIL}/1"), missed(COIL, 60.0, 70.0)]
    rest = [defect(COIL, f"{COIL}/2", 80.0), missed(COIL, 90.0, 91.0), _report()]
    page = _page(_over_midnight(tmp_path, begun, rest))
    _certifies_nothing(page)
    for words in ("1 left", "than the 1 that are here", "The 1 that are left", "all of where"):
        assert words in page.text, words
    assert "All 1" not in page.text


@pytest.mark.parametrize("counted", [0, 1])
def test_without_its_start_or_a_defect_no_coil_has_a_good_verdict(
    tmp_path: Path, counted: int
) -> None:
    start = [coil_started(COIL)] if counted else []
    seen = {"cells": {"on_time": 10}, "reasons": {}, "coverage": 1.0}
    document = report_of(tmp_path, *start, _report(counted, **seen))
    assert document.events_missing
    assert any(GONE in remark for remark in document.remarks)
    _certifies_nothing(_page(document))


def test_merged_and_dense_defects_are_accounted_for(tmp_path: Path) -> None:
    merged = defect(COIL, f"{COIL}/2", revision=2, phase="closed", merged_into=f"{COIL}/1")
    found = [defect(COIL, f"{COIL}/1"), defect(COIL, f"{COIL}/2"), merged, dense(COIL, 5.0, 15.0)]
    document = report_of(tmp_path, coil_started(COIL), *found, coil_report(COIL, defects=52))
    assert not document.events_missing
    assert "✓" in _page(document).text


class _CoilStartedOfNextVersion(EventBody):
    kind = "coil_started"
    colour: str = "red"


def test_a_start_of_another_version_says_nothing_of_the_head(tmp_path: Path) -> None:
    strange = Draft(_CoilStartedOfNextVersion(), COIL, "start", START)
    document = report_of(tmp_path, strange, coil_report(COIL, defects=0))
    assert document.coil.head_seen is None
    _certifies_nothing(_page(document))


def test_cells_that_no_stretch_tells_of_are_not_called_seen(tmp_path: Path) -> None:
    page = _page(report_of(tmp_path, coil_started(COIL), _report(0)))
    assert NOTHING_LEFT_OUT not in page.text
    assert "counted 1 of 10 cells as not inspected in time" in page.text


def _late(coil: str, late_m: float) -> Draft:
    started = coil_started(coil)
    return started._replace(body=started.body.model_copy(update={"late_m": late_m}))


def test_a_coil_whose_head_was_told_late_is_certified_as_the_rest_that_it_is(
    tmp_path: Path,
) -> None:
    document = report_of(tmp_path, _late(COIL, 180.0), coil_report(COIL, defects=0))
    assert (document.coil.head_seen, document.coil.late_m) == (True, 180.0)
    assert any("its first 180.00 m passed as the coil before" in r for r in document.remarks)
    page = _page(document)
    assert "✓" not in page.text
    part = "the 400.00 m behind its first 180.00 m"
    for words in (
        "Rest of a coil", f"100 % of 10 expected cells of {part} were inspected",
        "the rest is in the report of the coil before",
 f"No defect was reported on {part}", f"No stretch of {part} was left out", f"for {part}",
        "told too late (180.00 m passed as the coil before)",
    ):  # fmt: skip
        assert words in page.text, words
    (coil,) = map(listed, inspections(EventReader(tmp_path / "ledger")))
    assert "without its first 180.00 m" in as_table([coil])


def test_the_coil_before_says_whose_strip_its_end_is(tmp_path: Path) -> None:
    before = coil_report("before", 400.0, defects=0)
    ends = [coil_started("before"), before, _late(COIL, 180.0), coil_report(COIL, defects=0)]
    document = report_of(tmp_path, *ends, coil="before")
    (told,) = [r for r in document.remarks if "told here are of the coil that followed" in r]
    assert told.startswith(f"The last 180.00 m told here are of the coil that followed, {COIL}")
    assert isinstance(before.body, CoilReport)
