"""kill -9 of a process that writes: everything it was told is there, with its pictures."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge.ledger.evidence import evidence_path
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from tests.conftest import ROOT
from tests.unit.edge.ledger.making import SOURCE, SetClock

pytestmark = pytest.mark.integration

WRITER = """
import itertools, sys
from pathlib import Path
from edge.ledger.log import EventLog
from edge.types import Picture
from tests.unit.edge.ledger.making import SOURCE, SetClock, commit, defect
log = EventLog(Path(sys.argv[1]), SOURCE, SetClock(), reserve_bytes=0)
start = log.open().last_seq
for i in itertools.count(start):
    picture = Picture(f"{i}.jpg", b"jpeg" * 1000)
    events = log.commit(commit(defect(f"d-{i}"), frame=i, pictures=(picture,)))
    sys.stdout.write(f"{events[-1].seq}\\n")
    sys.stdout.flush()
"""


def test_nothing_acknowledged_is_lost_over_kills(tmp_path: Path) -> None:
    told = 0
    for round_number in range(1, 6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            for _ in range(7 * round_number):
                told = int(writer.stdout.readline())
            writer.kill()
            told = max([told, *(int(line) for line in writer.stdout.read().split())])
        log = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
        recovered = log.open()
        log.close(clean=False)
        assert recovered.last_seq >= told > 0
        assert not recovered.clean
        assert recovered.watermark is not None
        assert recovered.watermark.frame == recovered.last_seq - 1
    reader = EventReader(tmp_path)
    events = [recorded.event for recorded in reader.after(0, 1_000_000)]
    reader.close()
    assert [event.seq for event in events] == list(range(1, recovered.last_seq + 1))
    for event in events:
        assert evidence_path(tmp_path, f"{event.seq - 1}.jpg").stat().st_size == 4000
