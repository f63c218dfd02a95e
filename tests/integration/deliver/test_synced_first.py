"""fdatasync before each hand-over: a real line under strace, and a power failure at any moment."""

import json
import random
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.events import Event
from edge.clock import SystemClock
from edge.ledger.day import connect_reader
from edge.ledger.evidence import evidence_path
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from tests.drills.impatient import PROGRAM
from tests.line.broker import Broker
from tests.line.daemon import Daemon, write_config
from tests.line.mill import Mill
from tests.line.power import Disk
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.line.trace import Call, read_calls, strace, tracer_of
from tests.unit.edge.ledger.making import commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
SOURCE = "/mill/line-1/top"
TOPIC = "stripsight/mill/line-1/top/events"
CUTS = 40
KILLED_AT = (7, 8, 9, 10)
"""At which fdatasync of a thread."""
ALL = 1_000_000
_EVENT = re.compile(rb'\{"specversion"')
_LAG = 'stripsight_ledger_lag_events{receiver="mqtt"}'


class Traced(Daemon):
    """A process of the line under strace, which writes to `trace`."""

    def __init__(self, config: Path, command: str, trace: Path, inject: str | None = None) -> None:
        super().__init__(config, command, program=PROGRAM)
        self.trace = trace
        self._command = [*strace(trace, inject), *self._command]

    def start(self) -> None:
        super().start()
        assert self.process is not None
        pid = self.process.pid
        self._tracer = wait_for(lambda: tracer_of(pid), "strace has it")

    def calls(self) -> list[Call]:
        """What it did, once it has ended."""
        wait_for(lambda: not Path(f"/proc/{self._tracer}").exists(), "strace has ended")
        return read_calls(self.trace)


class PowerFailures:
    """Walks through the calls of a line; at each hand-over, what is told must be on disk."""

    def __init__(self, ledger: Path, scratch: Path) -> None:
        self.disk = Disk(ledger)
        self.handed: dict[int, bytes] = {}
        self.wakes = 0
        self.cursor = 0
        self._scratch = scratch
        self._chance = random.Random(0)

    def walk(self, calls: list[Call], cuts: int) -> None:
        """Every hand-over is checked; the power fails at so many moments drawn by chance, strictly
        and with torn writes in turns.
        """
        edges = sorted(
            [(c.begun, 0, n) for n, c in enumerate(calls)]
            + [(c.ended, 1, n) for n, c in enumerate(calls)]
        )
        written = [k for k, (_, _, n) in enumerate(edges) if calls[n].name != "openat"]
        chosen = {k: torn % 2 for torn, k in enumerate(self._chance.sample(written, cuts))}
        for k, (_, ends, n) in enumerate(edges):
            if not ends:
                self._hand_over(calls[n])
            (self.disk.end if ends else self.disk.begin)(calls[n])
            if k in chosen:
                self.fail_power(torn=bool(chosen[k]))

    def fail_power(self, *, torn: bool) -> None:
        """The line starts again on what is left: nothing handed over is gone, no number of it is
        given to another event.
        """
        left = self._scratch / "left"
        self.disk.write_to(left, self._chance if torn else None)
        log = EventLog(left, SOURCE, SystemClock(), reserve_bytes=0)
        last = log.open().last_seq
        reader = EventReader(left)
        found = [(r.event, r.body) for r in reader.after(0, ALL)]
        assert [event.seq for event, _ in found] == list(range(1, last + 1))
        newest = max(self.handed, default=0)
        assert newest <= last, f"event {newest} was handed over, the disk ends with {last}"
        for seq, body in self.handed.items():
            assert found[seq - 1][1] == body
        for event, _ in found:
            _assert_picture(left, event)
        assert _cursor(left) <= last
        (new,) = log.commit(commit(defect("after the power failure")))
        assert new.seq == last + 1 > newest
        log.close()
        reader.close()
        self.cursor = _cursor(left)
        shutil.rmtree(left)

    def _hand_over(self, call: Call) -> None:
        if call.name != "sendto":
            return
        if "courier.sock" in call.paths[-1]:
            self.wakes += 1
            assert self.disk.unsynced("-wal", "/events-") == [], "woken before the log is synced"
            assert self.disk.unsynced(".jpg") == [], "woken before the pictures are synced"
        for seq, body in _events_in(call.data):
            self.handed[seq] = body
            assert self.disk.holds(body), f"event {seq} is sent before it is on disk"


def _events_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The events in what goes to a broker."""
    for match in _EVENT.finditer(data):
        text = data[match.start() :].decode("latin-1")
        event, end = json.JSONDecoder().raw_decode(text)
        yield event["seq"], text[:end].encode("latin-1")


def _assert_picture(folder: Path, event: Event) -> None:
    name = event.data.get("evidence")
    if name:
        assert evidence_path(folder, name).read_bytes()[:2] == b"\xff\xd8"


def _cursor(folder: Path) -> int:
    path = folder / "cursors.sqlite"
    if not path.exists():
        return 0
    file = connect_reader(path)
    try:
        tables = file.execute("SELECT name FROM sqlite_master").fetchall()
        row = file.execute("SELECT max(seq) FROM cursors").fetchone() if tables else None
    finally:
        file.close()
    return row[0] or 0 if row else 0


def _pass_events(daemon: Daemon, count: int) -> None:
    reader = daemon.reader()
    last = reader.last_seq()
    wait_for(lambda: reader.last_seq() >= last + count, f"{count} events", 60)
    reader.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Path]:
    """The config of a line whose mill has subscribed; the ledger's folder is there and empty."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    mill = Mill(broker.port, TOPIC, tmp_path / "mill.sqlite")
    mill.start()
    mill.wait_until_subscribed()
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 20, [(n, 1 + n % 6, n % 16) for n in range(20)])
    source = {"kind": "folder", "path": str(frames), "frames_per_s": 20, "repeat": True}
    deliver = {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]}
    config = write_config(tmp_path, sections(tmp_path, frames, source=source, deliver=deliver))
    (tmp_path / "ledger").mkdir()
    yield config
    mill.kill()
    broker.stop()


def test_what_is_handed_over_is_on_disk_first_over_kills_too(line: Path) -> None:
    daemon = Traced(line, "run", line.with_name("run.trace"))
    daemon.start()
    for name in ("inspect", "courier", "inspect"):
        daemon.wait_until_inspecting()
        _pass_events(daemon, 60)
        daemon.kill_child(name)
    daemon.wait_until_inspecting()
    _pass_events(daemon, 400)
    assert daemon.stop() == 0, daemon.log.read_text()
    last = daemon.reader().last_seq()
    power = PowerFailures(line.parent / "ledger", line.parent)
    power.walk(daemon.calls(), CUTS)
    assert power.handed.keys() == set(range(1, last + 1))
    assert power.wakes > 20
    power.fail_power(torn=False)
    assert power.cursor == last


def test_a_commit_that_was_not_synced_is_not_handed_over_by_who_finds_it(line: Path) -> None:
    """Inspect is killed in fdatasync: who opens the log next finds a commit in memory alone."""
    power, unsynced = PowerFailures(line.parent / "ledger", line.parent), 0
    for n in KILLED_AT:
        kill = f"fdatasync:signal=SIGKILL:when={n}"
        inspect = Traced(line, "inspect", line.with_name(f"{n}.inspect"), kill)
        inspect.start()
        assert inspect.wait() == -signal.SIGKILL, inspect.log.read_text()
        power.walk(inspect.calls(), 4)
        unsynced += bool(power.disk.unsynced("-wal", "/events-"))
        courier = Traced(line, "courier", line.with_name(f"{n}.courier"))
        courier.start()
        wait_for(lambda: courier.metrics("courier_port").get(_LAG) == 0, "all is delivered")  # noqa: B023
        assert courier.stop() == 0
        power.walk(courier.calls(), 4)
    assert unsynced >= len(KILLED_AT) / 2
