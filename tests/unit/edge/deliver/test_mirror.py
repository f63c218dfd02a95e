"""What a mirror shows again after a restart."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.bodies import CoilCorrected, CoilData
from contract.events import Draft
from edge.deliver.mirror import REACH, refill
from edge.deliver.plc_block import PlcBlock, line_state
from edge.ledger.log import EventLog
from tests.unit.edge.ledger.making import SOURCE, SetClock, coil_report, commit, defect


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    made = EventLog(tmp_path / "ledger", SOURCE, SetClock(), tmp_path / "run", reserve_bytes=0)
    made.open()
    yield made
    made.close()


def ring(ledger: Path, before: int | None, slots: int, taken: int = 0) -> dict[int, int]:
    """Of a block that is filled again: the defects by number, and the events that show them."""
    block = PlcBlock(slots, {}, {})
    refill(block, ledger, before, slots, taken)
    shown = block.values()
    found = [(shown[f"Ring[{n}].Defect"], shown[f"Ring[{n}].Seq"]) for n in range(1, slots + 1)]
    return {int(number): int(seq) for number, seq in found if seq}


def test_ids_and_reports_are_found_behind_any_number_of_defects(
    tmp_path: Path, log: EventLog
) -> None:
    right = CoilCorrected(coil_id="right", width_mm=1.0, data=CoilData(), by="level2")
    named = Draft(right, "c-1", "id", datetime(2026, 11, 27, tzinfo=UTC))
    log.commit(commit(coil_report("c-0"), named))
    log.commit(commit(*(defect("c-1/1", n) for n in range(1, REACH + 2))))
    block = PlcBlock(1, {}, {})
    shown = refill(block, tmp_path / "ledger", None, 1)
    block.beat(line_state({"coil": "c-1"}))
    assert (block.values()["Coil"], block.values()["Ring[1].Coil"]) == ("right", "right")
    assert [r.event.seq for r in shown] == [1, 2, *range(4, REACH + 4)]
    assert block.values()["Unread"] == 1


def test_a_defect_is_found_behind_any_number_of_anothers_revisions(
    tmp_path: Path, log: EventLog
) -> None:
    many = 3 * REACH
    log.commit(commit(defect("c-1/1"), defect("c-1/2"), defect("c-1/1", 2)))
    log.commit(commit(*(defect("c-1/3", n) for n in range(1, many + 1))))
    ledger = tmp_path / "ledger"
    assert ring(ledger, None, 3) == {2: 2, 1: 3, 3: many + 3}
    assert ring(ledger, None, 2) == {1: 3, 3: many + 3}
    assert ring(ledger, None, 3, taken=2) == {1: 3, 3: many + 3}


def test_defects_are_found_before_any_number_that_wait(tmp_path: Path, log: EventLog) -> None:
    log.commit(commit(defect("c-1/1"), defect("c-1/2")))
    log.commit(commit(*(defect(f"c-1/{n}") for n in range(3, 3 * REACH))))
    assert ring(tmp_path / "ledger", 3, 2) == {1: 1, 2: 2}


def test_looking_back_has_an_end(
    tmp_path: Path, log: EventLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.deliver.mirror.FARTHEST", 2 * REACH)
    log.commit(commit(defect("c-1/1")))
    log.commit(commit(*(defect("c-1/2", n) for n in range(1, 3 * REACH))))
    assert ring(tmp_path / "ledger", None, 2) == {2: 3 * REACH}
    assert f"the newest {2 * REACH} revisions are of 1 defects" in caplog.text
