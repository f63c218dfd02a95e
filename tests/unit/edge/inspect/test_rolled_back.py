"""What the start after a rollback makes of what a later version of this program left open."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from contract.bodies import CoilReport, Defect, DefectDensity, Extent, NotInspected, RollRepeat
from contract.events import Draft
from edge.inspect.recover import NAMED, end_open
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.types import Commit, Watermark
from tests.unit.edge.ledger.making import SOURCE, SetClock, coil_started, defect, roll_repeat
from tests.unit.edge.ledger.rewriting import rewrite, rewrite_mark

OTHER = {"data": {"schema_version": "2"}}
LATER = {"data": {"later": 1, "model": {"later": 1}}, "traceparent": "00-1"}
DARK = NotInspected(
    extent=Extent(from_m=1, to_m=2, from_mm=0, to_mm=900), outcome="unusable", reason="dark",
    cells=6,
)  # fmt: skip
DENSE = DefectDensity(class_name="scale", from_m=0, to_m=4, count=9, told=2, per_10_m=9)
MARK = Watermark(
    9, 20.0, "c-1", 4.5, {"on_time": 90, "unusable(dark)": 6}, untold=(DARK,), dense=(DENSE,)
)


class Left:
    """A ledger that a crash left, with a coil, two defects and a roll repeat open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = EventLog(folder, SOURCE, SetClock(), reserve_bytes=0)
        self._log.open()
        open_ = (coil_started("c-1"), defect("c-1/1"), defect("c-1/2"), roll_repeat("c-1/repeat-1"))
        self._log.commit(Commit(open_, MARK, SetClock().now()))
        self._log.close(clean=False)

    def change(self, kind: str, change: Mapping[str, object]) -> list[int]:
        return rewrite(self.folder, kind, "c-1", change)

    def start(self) -> list[Draft]:
        """What the next start tells; then it crashes, too."""
        now = SetClock().now()
        drafts = end_open(self._log.open(), self.folder, now.utc())
        self._log.commit(Commit(tuple(drafts), None, now))
        self._log.close(clean=False)
        return drafts

    def told(self) -> list[str]:
        return [r.event.kind for r in EventReader(self.folder).after(4, 99)]


@pytest.fixture
def left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Left]:
    caplog.set_level(logging.WARNING)
    yield Left(tmp_path)
    assert "Traceback" not in caplog.text


def report_of(drafts: list[Draft]) -> CoilReport:
    body = drafts[-1].body
    assert isinstance(body, CoilReport)
    return body


def test_fields_that_a_later_version_added_hinder_nothing(
    left: Left, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in ("coil_started", "defect", "roll_repeat"):
        left.change(kind, LATER)
    drafts = left.start()
    ended = [d.body for d in drafts if isinstance(d.body, Defect | RollRepeat)]
    assert [(body.phase, body.revision) for body in ended] == [("interrupted", 2)] * 3
    report = report_of(drafts)
    assert (report.length_m, report.defects) == (4.5, {"scale": 2 + 7})
    assert not caplog.records
    assert [draft.body.kind for draft in left.start()] == [], "nothing is left open"


def test_a_defect_that_cannot_be_read_stays_open_and_is_named(
    left: Left, caplog: pytest.LogCaptureFixture
) -> None:
    left.change("defect", OTHER)
    drafts = left.start()
    kinds = [draft.body.kind for draft in drafts]
    assert kinds == [
        "roll_repeat", "defect_density", "not_inspected", "not_inspected", "coil_report",
    ]  # fmt: skip
    assert not report_of(drafts).inspection_valid, "some of what was told of it is not known"
    (warning,) = caplog.messages
    assert f"{left.folder}: event 2, event 3 cannot be read" in warning
    assert "the version that wrote it ends that when it is started once more" in warning
    left.change("defect", {"data": {"schema_version": "1"}})
    assert [draft.body.kind for draft in left.start()] == ["defect", "defect"]


def test_a_coil_that_cannot_be_read_gets_no_report_but_what_was_untold_is_told_once(
    left: Left, caplog: pytest.LogCaptureFixture
) -> None:
    left.change("coil_started", OTHER)
    bodies = [draft.body for draft in left.start()]
    assert bodies[-2:] == [DENSE, DARK]
    assert [body.kind for body in bodies[:-2]] == ["defect", "defect", "roll_repeat"]
    (warning,) = caplog.messages
    assert "event 1 cannot be read" in warning
    left.start()
    assert left.told() == ["defect", "defect", "roll_repeat", "defect_density", "not_inspected"]


def test_cells_of_an_outcome_that_nobody_knows_here_were_not_seen(
    left: Left, caplog: pytest.LogCaptureFixture
) -> None:
    untold = DARK.model_dump() | {"outcome": "dimmed", "reason": "dusk"}
    rewrite_mark(left.folder, {"tally": {"dimmed(dusk)": 10, "better": 4}, "untold": [untold]})
    report = report_of(left.start())
    assert report.cells == {"on_time": 90, "unusable": 20}
    assert report.reasons == {
        "unusable(dark)": 6, "unusable(dimmed(dusk))": 10, "unusable(better)": 4,
    }  # fmt: skip
    assert not report.inspection_valid
    (warning,) = caplog.messages
    assert "the watermark cannot be read" in warning


def test_what_the_watermark_held_untold_is_missed_in_the_coils_verdict(left: Left) -> None:
    tally = {"unusable(dark)": None}
    rewrite_mark(left.folder, {"tally": tally, "dense": [{"schema_version": "2"}]})
    report = report_of(left.start())
    assert (report.cells, report.inspection_valid) == ({"on_time": 90}, False)


def test_without_a_watermark_nothing_is_claimed(
    left: Left, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite_mark(left.folder, {"coil_m": "far"})
    assert [d.body.kind for d in left.start()] == ["defect", "defect", "roll_repeat"]
    assert len(caplog.messages) == 1


def test_a_warning_names_a_few_events_and_how_many_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    log.open()
    now = SetClock().now()
    log.commit(Commit(tuple(defect(f"c-1/{n}") for n in range(NAMED + 3)), None, now))
    log.close(clean=False)
    rewrite(tmp_path, "defect", "c-1", OTHER)
    assert end_open(log.open(), tmp_path, now.utc()) == []
    log.close()
    (warning,) = caplog.messages
    assert "event 4, event 5, 3 more events cannot be read" in warning
