"""Files whose day is over: read without a trace, and whole where the writer was killed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from tests.unit.edge.ledger.making import DAY_NS, SOURCE, SetClock, commit, defect

DAYS = 4


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """A log with a commit on each of four days, still open."""
    clock = SetClock()
    log = EventLog(tmp_path / "ledger", SOURCE, clock, reserve_bytes=0)
    log.open()
    for number in range(DAYS):
        log.commit(commit(defect(f"d-{number}", coil=f"c-{number}")))
        clock.utc_ns += DAY_NS
    yield log
    log.close()


def _seqs(folder: Path) -> list[int]:
    reader = EventReader(folder)
    found = [recorded.event.seq for recorded in reader.after(0, 100)]
    for seq in found:
        assert [r.event.seq for r in reader.of_coil(f"c-{seq - 1}", [])] == [seq]
    reader.close()
    return found


def test_reading_leaves_nothing_beside_a_file_whose_day_is_over(
    tmp_path: Path, log: EventLog
) -> None:
    log.close()
    folder = tmp_path / "ledger"
    assert _seqs(folder) == list(range(1, DAYS + 1))
    newest = max(path.name for path in folder.glob("*.sqlite"))
    beside = {path.name for path in [*folder.glob("*-wal"), *folder.glob("*-shm")]}
    assert beside == {f"{newest}-wal", f"{newest}-shm"}


@pytest.mark.usefixtures("log")
def test_what_a_killed_writer_left_beside_such_a_file_is_read(tmp_path: Path) -> None:
    """As long as the day after it, a file's commits stand in its write-ahead log alone."""
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path / "ledger", killed, ignore=shutil.ignore_patterns("*-shm"))
    assert _seqs(killed) == list(range(1, DAYS + 1))
