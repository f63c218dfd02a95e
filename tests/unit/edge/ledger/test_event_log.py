"""The event log's promises: gapless, once, complete after any stop, one writer, clear errors."""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import Defect
from contract.events import Draft
from edge.clock import Stamp
from edge.errors import LedgerError, LedgerFullError
from edge.ledger import evidence
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.types import Commit, Picture, Watermark
from tests.unit.edge.ledger.making import (
    DAY_NS,
    SOURCE,
    SetClock,
    action,
    coil_report,
    coil_started,
    commit,
    defect,
    roll_repeat,
)


def opened(folder: Path, clock: SetClock | None = None, reserve_bytes: int = 0) -> EventLog:
    log = EventLog(folder, SOURCE, clock or SetClock(), reserve_bytes=reserve_bytes)
    log.open()
    return log


def test_new_log_is_clean_and_empty(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "a" / "ledger", SOURCE, SetClock(), reserve_bytes=0)
    recovered = log.open()
    log.close()
    assert recovered == (0, None, True, [], None, None, [], (), True)


def test_what_is_committed_is_read_back_to_the_byte(tmp_path: Path) -> None:
    log = opened(tmp_path)
    events = log.commit(commit(coil_started("c-1"), defect("d-1"), frame=3))
    read = EventReader(tmp_path).after(0, 10)
    log.close()
    assert [event.seq for event in events] == [1, 2]
    assert [r.event for r in read] == events
    assert [r.body for r in read] == [event.model_dump_json().encode() for event in events]
    assert read[0].committed == SetClock().now()
    assert isinstance(read[1].event.body(), Defect)


def test_every_commit_is_synced(tmp_path: Path) -> None:
    log = opened(tmp_path)
    assert log._file is not None
    modes = [
        log._file.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]
    log.close()
    assert modes == ["wal", 2]


def test_recovery_tells_what_was_left_open(tmp_path: Path) -> None:
    clock = SetClock()
    log = opened(tmp_path, clock)
    log.commit(commit(coil_started("c-1"), defect("d-1"), defect("d-2"), frame=1))
    clock.utc_ns += DAY_NS
    log.commit(commit(coil_report("c-1"), coil_started("c-2"), defect("d-2", 2, "closed")))
    log.commit(commit(defect("d-1", 2, "extended"), frame=9))
    log.close(clean=False)
    log = EventLog(tmp_path, SOURCE, clock, reserve_bytes=0)
    recovered = log.open()
    log.close()
    assert recovered.last_seq == 7
    assert not recovered.clean
    assert [(e.data["defect_id"], e.data["revision"]) for e in recovered.open_defects] == [
        ("d-1", 2)
    ]
    assert recovered.open_coil is not None
    assert (recovered.open_coil.subject, recovered.last_coil) == ("c-2", "c-2")
    assert recovered.watermark == commit(frame=9).watermark


def test_recovery_tells_which_roll_repeats_were_left_open(tmp_path: Path) -> None:
    clock = SetClock()
    log = opened(tmp_path, clock)
    log.commit(commit(roll_repeat("c-1/repeat-1"), roll_repeat("c-1/repeat-2")))
    clock.utc_ns += DAY_NS
    log.commit(commit(roll_repeat("c-1/repeat-1", 2, "extended"), frame=1))
    log.commit(commit(roll_repeat("c-1/repeat-2", 2, "closed"), frame=2))
    log.close(clean=False)
    again = EventLog(tmp_path, SOURCE, clock, reserve_bytes=0)
    recovered = again.open()
    again.close()
    assert [e.data["repeat_id"] for e in recovered.open_repeats] == ["c-1/repeat-1"]
    assert recovered.open_repeats[0].data["revision"] == 2
    assert recovered.open_defects == []


def test_a_watermark_of_an_earlier_program_is_read(tmp_path: Path) -> None:
    log = opened(tmp_path)
    assert log._file is not None
    stored = b'{"frame":9,"line_m":2.0,"coil":"c-1","coil_m":2.0,"tally":{"on_time":4}}'
    log._file.execute("UPDATE state SET watermark = ?", (stored,))
    log.close(clean=False)
    again = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    watermark = again.open().watermark
    again.close()
    assert watermark == Watermark(9, 2.0, "c-1", 2.0, {"on_time": 4}, None, ())


def test_clean_stop_is_remembered_until_the_next_start_only(tmp_path: Path) -> None:
    opened(tmp_path).close(clean=True)
    second = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    assert second.open().clean
    second.close(clean=False)
    third = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    assert not third.open().clean
    third.close()


def test_repeating_a_commit_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SetClock()
    log = opened(tmp_path, clock)
    log.commit(commit(defect("d-1")))
    assert log.commit(commit(defect("d-1"), defect("d-2"), defect("d-2"))) != []
    clock.utc_ns += DAY_NS
    assert log.commit(commit(defect("d-2"), action("a"))) != []
    log.close()
    assert [r.event.seq for r in EventReader(tmp_path).after(0, 10)] == [1, 2, 3]
    assert "recorded already" in caplog.text


def test_commit_without_watermark_keeps_the_stored_one(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.commit(commit(frame=5))
    log.commit(Commit((action("a"),), None, Stamp(1, 1)))
    log.close()
    again = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    assert again.open().watermark == commit(frame=5).watermark
    again.close()


def test_clock_that_goes_back_stays_in_the_newest_file(tmp_path: Path) -> None:
    clock = SetClock()
    log = opened(tmp_path, clock)
    clock.utc_ns += 3 * DAY_NS
    log.commit(commit(defect("d-1")))
    clock.utc_ns -= 2 * DAY_NS
    log.commit(commit(defect("d-2")))
    log.close()
    log = opened(tmp_path, clock)
    log.commit(commit(defect("d-3")))
    log.close()
    names = sorted(p.name for p in tmp_path.glob("events-*.sqlite"))
    assert names == ["events-2026-11-23.sqlite", "events-2026-11-26.sqlite"]
    assert [r.event.seq for r in EventReader(tmp_path).after(0, 10)] == [1, 2, 3]


@pytest.mark.parametrize("restarted", [False, True])
def test_after_a_moment_ten_years_ahead_each_midnight_begins_a_file(
    tmp_path: Path, *, restarted: bool
) -> None:
    clock = SetClock()
    log = opened(tmp_path, clock)
    for turn, jump_days in enumerate((3650, -3650, 0, 1, 0, 2)):
        clock.utc_ns += jump_days * DAY_NS
        if restarted:
            log.close()
            log = opened(tmp_path, clock)
        log.commit(commit(defect(f"d-{turn}")))
    log.close()
    days = [p.name[7:17] for p in sorted(tmp_path.glob("events-*.sqlite"))]
    assert days == ["2026-11-23", "2036-11-20", "2036-11-21", "2036-11-22"]
    reader = EventReader(tmp_path)
    assert [r.event.seq for r in reader.after(0, 10)] == [1, 2, 3, 4, 5, 6]
    assert [len(reader._select(f, "", ())) for f in reader._files] == [0, 3, 2, 1]
    reader.close()


def test_second_writer_is_refused(tmp_path: Path) -> None:
    log = opened(tmp_path)
    with pytest.raises(LedgerError, match="another daemon writes"):
        EventLog(tmp_path, SOURCE, SetClock()).open()
    log.close()
    opened(tmp_path).close()


def test_other_source_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(LedgerError, match=r"own ledger\.path"):
        EventLog(tmp_path, "/mill/hot/bottom", SetClock()).open()
    opened(tmp_path).close()


def test_other_schema_version_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "events-2026-11-23.sqlite") as file:
        file.execute("PRAGMA user_version=99")
    file.close()
    with pytest.raises(LedgerError, match="schema version is 99"):
        EventLog(tmp_path, SOURCE, SetClock()).open()
    with pytest.raises(LedgerError, match="schema version is 99"):
        EventReader(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all, but long enough" * 300, b"\x00" * 5000])
def test_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events-2026-11-23.sqlite").write_bytes(content)
    with pytest.raises(LedgerError, match="damaged"):
        EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0).open()


def test_file_whose_creation_was_cut_short_is_made_again(tmp_path: Path) -> None:
    clock = SetClock()
    log = opened(tmp_path, clock)
    log.commit(commit(defect("d-1"), frame=4))
    log.close(clean=False)
    (tmp_path / "events-2026-11-24.sqlite").touch()
    clock.utc_ns += DAY_NS
    assert [r.event.seq for r in EventReader(tmp_path).after(0, 10)] == [1]
    log = EventLog(tmp_path, SOURCE, clock, reserve_bytes=0)
    recovered = log.open()
    log.commit(commit(defect("d-2")))
    log.close()
    assert (recovered.last_seq, len(recovered.open_defects)) == (1, 1)
    assert [r.event.seq for r in EventReader(tmp_path).after(0, 10)] == [1, 2]


def test_crash_between_picture_and_commit_leaves_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened(tmp_path)
    picture = Picture("d-1.jpg", b"\xff\xd8jpeg")
    before = commit(defect("d-1"), pictures=(picture,))

    with monkeypatch.context() as patch:
        patch.setattr("edge.ledger.log._track_unfinished", _killed)
        _commit_killed(log, before)
    assert evidence.evidence_path(tmp_path, "d-1.jpg").read_bytes() == picture.jpeg
    assert EventReader(tmp_path).last_seq() == 0
    log = opened(tmp_path)
    assert [event.seq for event in log.commit(before)] == [1]
    log.close()


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def _commit_killed(log: EventLog, before: Commit) -> None:
    with pytest.raises(KeyboardInterrupt):
        log.commit(before)
    log.close(clean=False)


@pytest.mark.parametrize("name", ["../x.jpg", "a/b.jpg", "", ".hidden", "x" * 300, "a\x00b"])
def test_picture_names_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    log = opened(tmp_path)
    with pytest.raises(LedgerError, match="no name"):
        log.commit(commit(defect("d-1"), pictures=(Picture(name, b"x"),)))
    log.close()


def fill(log: EventLog) -> None:
    """Let SQLite itself find the file full."""
    assert log._file is not None
    pages = log._file.execute("PRAGMA page_count").fetchone()[0]
    log._file.execute(f"PRAGMA max_page_count={pages}")


def make_room(log: EventLog) -> None:
    assert log._file is not None
    log._file.execute("PRAGMA max_page_count=1000000")


def large(start: int) -> Commit:
    return commit(*(defect(f"d-{start}-{i}") for i in range(50)))


def test_full_disk_uses_up_no_number(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log)
    with pytest.raises(LedgerFullError, match="free some"):
        log.commit(large(0))
    make_room(log)
    assert log.commit(large(0))[0].seq == 1
    log.close()


def test_reserve_is_given_up_once_and_taken_again(tmp_path: Path) -> None:
    clock = SetClock()
    log = opened(tmp_path, clock, reserve_bytes=1 << 20)
    reserve = tmp_path / "reserve.bin"
    assert reserve.stat().st_blocks * 512 >= 1 << 20
    fill(log)
    with pytest.raises(LedgerFullError):
        log.commit(large(0))
    assert not reserve.exists()
    make_room(log)
    log.commit(commit())
    clock.monotonic_ns += 61_000_000_000
    log.commit(commit())
    assert reserve.exists()
    log.close()


def test_a_reserve_that_was_cut_short_is_none(tmp_path: Path) -> None:
    (tmp_path / "reserve.bin").touch()
    log = opened(tmp_path, reserve_bytes=1 << 20)
    assert (tmp_path / "reserve.bin").stat().st_blocks * 512 >= 1 << 20
    log.close()


def test_full_disk_at_a_picture_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fdatasync", full)
    with pytest.raises(LedgerFullError):
        log.commit(commit(defect("d-1"), pictures=(Picture("p.jpg", b"x"),)))
    log.close()


def test_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("")
    with pytest.raises(LedgerError, match=r"ledger\.path"):
        EventLog(tmp_path / "ledger", SOURCE, SetClock()).open()


def test_closed_log_refuses(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.close()
    with pytest.raises(LedgerError, match="not open"):
        log.commit(commit())


steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.lists(st.integers(0, 30), max_size=5)),
        st.tuples(st.sampled_from(["crash", "stop"]), st.just([])),
        st.tuples(st.just("days"), st.lists(st.integers(-3, 3), min_size=1, max_size=1)),
    ),
    max_size=25,
)


@settings(max_examples=15)
@given(steps)
def test_seq_is_gapless_over_days_and_restarts(plan: list[tuple[str, list[int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, clock = Path(folder), SetClock()
        log, revisions, count, frame = opened(path, clock), dict[int, int](), 0, 0
        for what, values in plan:
            if what == "commit":
                frame += 1
                count += len(log.commit(commit(*_revised(values, revisions), frame=frame)))
            elif what == "days":
                clock.utc_ns += values[0] * DAY_NS
            else:
                log.close(clean=what == "stop")
                log = EventLog(path, SOURCE, clock, reserve_bytes=0)
                recovered = log.open()
                assert recovered.last_seq == count
                assert recovered.clean == (what == "stop")
                assert frame == 0 or recovered.watermark == commit(frame=frame).watermark
                assert {
                    e.data["defect_id"]: e.data["revision"] for e in recovered.open_defects
                } == {str(name): last for name, last in revisions.items() if last % 3}
        reader = EventReader(path)
        read = [r.event.seq for r in reader.after(0, 10_000)]
        assert read == list(range(1, count + 1))
        assert count == sum(revisions.values())
        assert reader.last_seq() == count
        reader.close()
        log.close()


def _revised(values: list[int], revisions: dict[int, int]) -> list[Draft]:
    """The next revision of each defect; every third closes it."""
    drafts = []
    for value in values:
        revisions[value] = revision = revisions.get(value, 0) + 1
        phase = "closed" if revision % 3 == 0 else "extended"
        drafts.append(defect(str(value), revision, phase))
    return drafts
