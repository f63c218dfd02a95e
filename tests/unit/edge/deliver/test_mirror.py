"""What a mirror shows again after a restart."""

from datetime import UTC, datetime
from pathlib import Path

from contract.bodies import CoilCorrected, CoilData
from contract.events import Draft
from edge.deliver.mirror import REACH, refill
from edge.deliver.plc_block import PlcBlock, line_state
from edge.ledger.log import EventLog
from tests.unit.edge.ledger.making import SOURCE, SetClock, coil_report, commit, defect


def test_ids_and_reports_are_found_behind_any_number_of_defects(tmp_path: Path) -> None:
    right = CoilCorrected(coil_id="right", width_mm=1.0, data=CoilData(), by="level2")
    named = Draft(right, "c-1", "id", datetime(2026, 11, 27, tzinfo=UTC))
    log = EventLog(tmp_path / "ledger", SOURCE, SetClock(), tmp_path / "run", reserve_bytes=0)
    log.open()
    log.commit(commit(coil_report("c-0"), named))
    log.commit(commit(*(defect("c-1/1", n) for n in range(1, REACH + 2))))
    log.close()
    block = PlcBlock(1, {}, {})
    shown = refill(block, tmp_path / "ledger", None, 1)
    block.beat(line_state({"coil": "c-1"}))
    assert (block.values()["Coil"], block.values()["Ring[1].Coil"]) == ("right", "right")
    assert [r.event.seq for r in shown] == [1, 2, *range(4, REACH + 4)]
    assert block.values()["Unread"] == 1
