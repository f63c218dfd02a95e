"""Readers: ranges over day files, order, kinds, coils, tiles, gaps, retention, wake-ups."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from contract.bodies import CoilCorrected, CoilData, CoilGraded, CoilStarted, Grade, Measure
from contract.events import Draft, number
from edge.errors import ConfigError, LedgerError
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader, _File
from edge.ledger.retention import retain
from edge.ledger.tail import Gap, follow, format_line
from edge.ledger.wake import WakeReceiver, WakeSender
from edge.types import Picture, Recorded, TileRecord
from tests.unit.edge.ledger.making import (
    DAY_NS,
    EXTENT,
    MODEL,
    SOURCE,
    SetClock,
    action,
    coil_report,
    coil_started,
    commit,
    defect,
    roll_repeat,
)


def four_days(folder: Path, per_day: int = 3) -> EventLog:
    """Days 23 to 26: each `per_day` defects of coil `c-<day>`."""
    clock = SetClock()
    log = EventLog(folder, SOURCE, clock, reserve_bytes=0)
    log.open()
    for day in range(4):
        tile = TileRecord(day, 0, 1, f"c-{day}", 0.5, 100.0, "clean", 0.75)
        drafts = [defect(f"d-{day}-{i}", coil=f"c-{day}") for i in range(per_day)]
        log.commit(commit(*drafts, frame=day, tiles=(tile,)))
        clock.utc_ns += DAY_NS
    return log


def seqs(found: list[Recorded]) -> list[int]:
    return [recorded.event.seq for recorded in found]


def test_reading_runs_over_the_day_files(tmp_path: Path) -> None:
    log = four_days(tmp_path)
    reader = EventReader(tmp_path)
    assert seqs(reader.after(0, 100)) == list(range(1, 13))
    assert seqs(reader.after(2, 5)) == [3, 4, 5, 6, 7]
    assert seqs(reader.after(12, 5)) == []
    assert seqs(reader.after(99, 5)) == []
    assert reader.last_seq() == 12
    log.commit(commit(action("later")))
    assert seqs(reader.after(12, 5)) == [13]
    assert reader.last_seq() == 13
    reader.close()
    log.close()


def test_only_the_needed_files_are_read(tmp_path: Path) -> None:
    four_days(tmp_path).close()
    reader = EventReader(tmp_path)
    reader.close()
    reader.after(10, 5)
    assert [path.name for path in reader._open] == ["events-2026-11-26.sqlite"]
    reader.close()


def test_latest_and_coil(tmp_path: Path) -> None:
    log = four_days(tmp_path)
    log.commit(commit(coil_started("c-3"), coil_report("c-3")))
    reader = EventReader(tmp_path)
    assert seqs(reader.latest([], 3)) == [14, 13, 12]
    assert seqs(reader.latest(["defect"], 4)) == [12, 11, 10, 9]
    assert seqs(reader.latest(["coil_report", "defect"], 2)) == [14, 12]
    assert seqs(reader.latest(["action"], 2)) == []
    assert seqs(reader.of_coil("c-3", [])) == [10, 11, 12, 13, 14]
    assert seqs(reader.of_coil("c-3", ["coil_started"])) == [13]
    assert seqs(reader.of_coil("'; DROP TABLE events", [])) == []
    reader.close()
    log.close()


def test_no_question_looks_at_every_event_or_sorts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a week of events stays fast; `python -m tests.bench.ledger_week` measures it."""
    four_days(tmp_path).close()
    reader, plans = EventReader(tmp_path), set[str]()
    query = reader._query

    def explain(file: _File, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        steps = query(file, f"EXPLAIN QUERY PLAN {sql}", values)
        plans.update(str(step[3]) for step in steps)
        return query(file, sql, values)

    monkeypatch.setattr(reader, "_query", explain)
    assert len(reader.after(2, 5)) == 5
    assert len(reader.latest(["defect", "action"], 5)) == 5
    assert len(reader.of_coil("c-1", ["defect"])) == 3
    assert len(reader.of_coil("c-1", [])) == 3
    assert len(list(reader.bodies_of_coil("c-1", 1, 9))) == 3
    assert len(list(reader.tiles())) == 4
    assert reader.last_seq() == 12
    reader.close()
    assert plans
    one_row = "SCAN state"
    assert not [p for p in plans - {one_row} if "TEMP B-TREE" in p or p.startswith("SCAN")]


def test_tile_log_comes_back_in_order(tmp_path: Path) -> None:
    four_days(tmp_path).close()
    reader = EventReader(tmp_path)
    tiles = list(reader.tiles())
    reader.close()
    assert [tile.frame for tile in tiles] == [0, 1, 2, 3]
    assert tiles[0] == TileRecord(0, 0, 1, "c-0", 0.5, 100.0, "clean", 0.75)


def test_reader_cannot_write(tmp_path: Path) -> None:
    four_days(tmp_path).close()
    reader = EventReader(tmp_path)
    with pytest.raises(LedgerError, match="readonly"):
        reader._query(reader._files[0], "DELETE FROM events", ())
    reader.close()


def test_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"no event log there .* check ledger\.path"):
        EventReader(tmp_path / "nowhere")


def test_empty_folder_is_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / "events-2026-99-99.sqlite").write_text("not ours")
    reader = EventReader(tmp_path)
    assert (reader.last_seq(), reader.after(0, 5), list(reader.tiles())) == (0, [], [])


def test_damaged_body_is_told(tmp_path: Path) -> None:
    four_days(tmp_path).close()
    with sqlite3.connect(tmp_path / "events-2026-11-23.sqlite") as file:
        file.execute("UPDATE events SET body = x'7b7b' WHERE seq = 2")
    file.close()
    reader = EventReader(tmp_path)
    assert seqs(reader.after(0, 5)) == [1]
    with pytest.raises(LedgerError, match="event 2 is damaged"):
        reader.after(1, 5)
    with pytest.raises(LedgerError, match="event 2 is damaged"):
        reader.of_coil("c-0", [])
    reader.close()


def test_another_log_in_the_same_folder_is_noticed(tmp_path: Path) -> None:
    four_days(tmp_path).close()
    reader = EventReader(tmp_path)
    assert reader.last_seq() == 12
    for path in tmp_path.glob("events-*"):
        path.unlink()
    log = four_days(tmp_path, per_day=1)
    assert reader.last_seq() == 4
    log.commit(commit(action("later")))
    assert seqs(reader.after(0, 10)) == [1, 2, 3, 4, 5]
    reader.close()
    log.close()


def test_retention_removes_old_days_and_says_what_was_not_delivered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = four_days(tmp_path)
    reader = EventReader(tmp_path)
    reader.after(0, 100)
    kept = retain(tmp_path, keep_days=3, max_evidence_mb=1, passed=0)
    assert kept == (0, 0, 0)
    gone = retain(tmp_path, keep_days=1, max_evidence_mb=1, passed=2)
    assert gone == (2, 4, 0)
    assert "4 events from before the last 1 days" in caplog.text
    assert seqs(reader.after(0, 100)) == [7, 8, 9, 10, 11, 12]
    assert log.commit(commit(action("goes on")))[0].seq == 13
    reader.close()
    log.close()


def test_a_clock_ten_years_ahead_for_a_moment_costs_no_event(tmp_path: Path) -> None:
    log, clock = four_days(tmp_path), SetClock()
    log.close()
    for turn, jump_days in enumerate((3650, -3640)):
        clock.utc_ns += jump_days * DAY_NS
        log = EventLog(tmp_path, SOURCE, clock, reserve_bytes=0)
        log.open()
        log.commit(commit(action(f"{turn}")))
        log.close()
        assert retain(tmp_path, keep_days=4, max_evidence_mb=1, passed=0).files == 0
    assert seqs(EventReader(tmp_path).after(0, 100)) == list(range(1, 15))


def test_retention_trims_the_oldest_pictures(tmp_path: Path) -> None:
    log = four_days(tmp_path)
    for i in range(5):
        log.commit(commit(pictures=(Picture(f"{i}.jpg", bytes(300_000)),)))
    log.close()
    removed = retain(tmp_path, keep_days=9, max_evidence_mb=1, passed=None)
    assert removed.pictures == 2
    assert sorted(p.name for p in (tmp_path / "evidence").iterdir()) == ["2.jpg", "3.jpg", "4.jpg"]


def test_a_picture_that_is_renamed_while_retention_looks_stops_nothing(tmp_path: Path) -> None:
    log = four_days(tmp_path)
    for i in range(5):
        log.commit(commit(pictures=(Picture(f"{i}.jpg", bytes(300_000)),)))
    log.close()
    # To whoever asks for its size a link to nowhere is a name that has just gone.
    (tmp_path / "evidence" / "5.jpg.partial").symlink_to("nowhere")
    removed = retain(tmp_path, keep_days=9, max_evidence_mb=1, passed=None)
    assert removed.pictures == 2


def test_follow_reports_gaps_and_ends(tmp_path: Path) -> None:
    log = four_days(tmp_path, per_day=1)
    retain(tmp_path, keep_days=1, max_evidence_mb=1, passed=None)
    stop = threading.Event()
    reader = EventReader(tmp_path)

    def more(_: float) -> None:
        log.commit(commit(action("while waiting")))
        stop.set()

    found = list(follow(reader, 0, stop, more))
    assert [i if isinstance(i, Gap) else i.event.seq for i in found] == [Gap(1, 2), 3, 4, 5]
    reader.close()
    log.close()


def test_lines_for_people(tmp_path: Path) -> None:
    log = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    log.open()
    nearly = {"expected_cells": 10**6, "cells": {"on_time": 10**6 - 1}, "coverage": 0.999999}
    almost_all = coil_report("c-2")._replace(body=coil_report("c-2").body.model_copy(update=nearly))
    lost = {"expected_cells": 9, "cells": {"lost": 9}, "coverage": 0.0}
    unseen = coil_report("c-3")._replace(body=coil_report("c-3").body.model_copy(update=lost))
    log.commit(
        commit(
            coil_started("c-1"), defect("d-1"), coil_report("c-1"), action("a"), roll_repeat("r"),
            almost_all, unseen,
        )
    )  # fmt: skip
    lines = [format_line(item) for item in EventReader(tmp_path).after(0, 10)]
    log.close()
    assert lines[1].split() == [
        "12:00:00.000", "2", "defect", "c-1", "opened", "1.00-1.20", "m", "300-400", "mm", "scale",
        "0.88", "d-1",
    ]  # fmt: skip
    assert "coverage 100 %, valid, 0 defects" in lines[2]
    assert lines[3].endswith("activate by test: done")
    assert lines[4].endswith("scale                3 times every 2.100 m, F7 or F6 (99.50 %)")
    assert "coverage 99.99 %, valid" in lines[5], "never rounded up"
    assert lines[6].endswith("m, nothing seen, 0 defects")
    assert format_line(Gap(3, 5)) == "-- gap: events 3 to 5 are not in the log --"


def test_a_coil_that_gets_its_id_later(tmp_path: Path) -> None:
    provisional = CoilStarted(width_mm=900, cell_m=0.1, cell_mm=100, model=MODEL, provisional=True)
    named = CoilCorrected(coil_id="4711/02", width_mm=880, data=CoilData(), by="level2")
    log = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    log.open()
    time = SetClock().now().utc()
    log.commit(commit(Draft(provisional, "unnamed~1", "started", time),
                      Draft(named, "unnamed~1", "corrected", time)))  # fmt: skip
    lines = [format_line(item) for item in EventReader(tmp_path).after(0, 10)]
    log.close()
    assert lines[0].endswith("900 mm wide, model m 1, not named yet")
    assert lines[1].endswith("is coil 4711/02, 880 mm wide, says level2")


@pytest.mark.parametrize(("complete", "size"), [(True, "12.3 x 4.6 mm"), (False, "(in part)")])
def test_a_line_ends_with_a_defect_s_size(*, complete: bool, size: str) -> None:
    measure = Measure(
        extent=EXTENT, area_mm2=30.0, length_mm=12.345, width_mm=4.56, orientation_deg=9.0,
        contrast=-0.2, complete=complete,
    )  # fmt: skip
    draft = defect("d-1")
    body = draft.body.model_copy(update={"measure": measure})
    event = number(draft._replace(body=body), SOURCE, 1)
    stamp = SetClock().now()
    assert format_line(Recorded(event, b"", stamp, stamp)).endswith(size)


def test_a_comment_forges_no_line_and_colours_no_terminal() -> None:
    grade = Grade(name="scrap", reasons=(), rules="1@d")
    said = "torn\n12:00:00.000        9 coil_report   c-1          fine\x1b[31m\x9b\u2028µ"
    body = CoilGraded(grade=grade, before=None, origin="inspector", by="uid 7\r", comment=said)
    event = number(Draft(body, "c-1\n", "1", SetClock().now().utc()), SOURCE, 1)
    stamp = SetClock().now()
    line = format_line(Recorded(event, b"", stamp, stamp))
    assert line.isprintable()
    assert r"c-1\n" in line
    assert r"by uid 7\r: torn\n12:00" in line
    assert line.endswith(r"fine\x1b[31m\x9b\u2028µ")


def test_commit_wakes_a_listener_and_never_fails_without_one(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "ledger", SOURCE, SetClock(), tmp_path, reserve_bytes=0)
    log.open()
    log.commit(commit(defect("unheard")))
    listener = WakeReceiver(tmp_path, "courier.sock")
    assert not listener.wait(0.0)
    log.commit(commit())
    assert not listener.wait(0.0)
    log.commit(commit(defect("heard")))
    log.commit(commit(defect("too")))
    assert listener.wait(1.0)
    assert not listener.wait(0.0)
    listener.close()
    log.commit(commit(defect("after")))
    log.close()


def test_full_wake_socket_does_not_hold_up_the_sender(tmp_path: Path) -> None:
    listener = WakeReceiver(tmp_path, "console.sock")
    sender = WakeSender(tmp_path)
    for _ in range(5000):
        sender.wake()
    assert listener.wait(0.0)
    assert not listener.wait(0.0)
    sender.close()
    listener.close()


def test_wake_socket_that_cannot_be_made_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="run_path"):
        WakeReceiver(tmp_path / "file", "courier.sock")


def test_a_watermark_of_a_later_program_holds_up_no_delivery(tmp_path: Path) -> None:
    log = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    log.open()
    log.commit(commit(defect("d-1")))
    assert log._file is not None
    log._file.execute("UPDATE state SET watermark = ?", (b'{"frame":9,"colour":"red"}',))
    reader = EventReader(tmp_path)
    assert reader.last_seq() == 1
    with pytest.raises(LedgerError, match="another version of this program"):
        reader.progress()
    reader.close()
    log.close()
