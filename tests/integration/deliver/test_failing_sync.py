"""fdatasync that fails, or takes its time: strace tampers with that of a real writer."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.line.trace import strace

pytestmark = pytest.mark.integration
COMMITS = 8
DELAY_S = 0.3

OPEN = """
import sys, threading, time
from pathlib import Path
from edge.errors import LedgerError
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from tests.unit.edge.ledger.making import SOURCE, SetClock, commit, defect
folder = Path(sys.argv[1])
log = EventLog(folder, SOURCE, SetClock(), reserve_bytes=0)
log.open()
reader = EventReader(folder)
"""

REPEATING = """
number = 0
while number < int(sys.argv[2]):
    try:
        (event,) = log.commit(commit(defect(f"d-{number}")))
    except LedgerError as error:
        print("refused", reader.last_seq(), error, flush=True)
    else:
        print("recorded", event.seq, event.data["defect_id"], flush=True)
        number += 1
for recorded in reader.after(0, 100):
    print("read", recorded.event.seq, recorded.event.data["defect_id"], flush=True)
"""

WATCHING = """
seen = {}
def watch():
    while len(seen) < int(sys.argv[2]):
        seen.setdefault(reader.last_seq(), time.monotonic())
        time.sleep(0.01)
watcher = threading.Thread(target=watch)
seen[0] = 0.0
begun = {}
watcher.start()
for number in range(1, int(sys.argv[2])):
    begun[number] = time.monotonic()
    log.commit(commit(defect(f"d-{number}")))
watcher.join()
for number, begun_s in begun.items():
    print(seen[number] - begun_s)
"""


def _write(folder: Path, program: str, inject: str) -> list[str]:
    command = [sys.executable, "-c", OPEN + program, str(folder / "ledger"), str(COMMITS)]
    done = subprocess.run(
        [*strace(folder / "trace", inject), *command],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_commit_whose_sync_fails_is_refused_and_its_number_used_by_its_repetition(
    tmp_path: Path,
) -> None:
    lines = _write(tmp_path, REPEATING, "fdatasync:error=EIO:when=9+4")
    words = [line.split() for line in lines]
    assert [line[0] for line in words].count("refused") >= 2
    recorded = 0
    for line in words:
        if line[0] == "refused":
            assert int(line[1]) == recorded, "a refused commit can be read"
        elif line[0] == "recorded":
            recorded += 1
            assert line[1:] == [f"{recorded}", f"d-{recorded - 1}"]
    read = [line[1:] for line in words if line[0] == "read"]
    assert read == [line[1:] for line in words if line[0] == "recorded"]


def test_a_commit_is_seen_by_nobody_before_its_sync_has_returned(tmp_path: Path) -> None:
    delay = f"fdatasync:delay_exit={int(DELAY_S * 1e6)}:when=4+"
    waited_s = [float(line) for line in _write(tmp_path, WATCHING, delay)]
    assert len(waited_s) == COMMITS - 1
    assert min(waited_s) > DELAY_S
