"""The recorder over a disk that is small, slow, full or not there."""

import itertools
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from contract.bodies import ModelReference
from edge.metrics import InspectMetrics
from edge.record import ring
from edge.record.header import Header, Machine
from edge.record.reading import Hole, find_runs, read_run
from edge.record.recorder import PAUSE_NS, WAITING, Recorder
from edge.record.records import Committed, Ended
from edge.record.ring import Ring, segment_paths
from tests.unit.edge.ledger.making import SetClock

MODEL = ModelReference(name="m", version="1", digest="0")
MACHINE = Machine(backend="b", threads=1, cores=1, batch_sizes=(), cpu="", isa=(), packages={})
HEADER = Header(
    started_utc_ns=1, after_seq=0, config={}, model=MODEL, classes="", light=None, machine=MACHINE
)


class Recording:
    def __init__(self, folder: Path, max_bytes: int = 1 << 20) -> None:
        self.folder = folder
        self.registry = CollectorRegistry()
        metrics = InspectMetrics(self.registry)
        self.clock = SetClock()
        self.recorder = Recorder(Ring(folder, max_bytes, HEADER), metrics, self.clock)

    def record(self, numbers: Iterator[int] | range) -> None:
        for number in numbers:
            self.recorder.put(Committed(number, None, ()))

    def after_a_pause(self, number: int) -> None:
        self.clock.monotonic_ns += PAUSE_NS
        self.recorder._write(Committed(number, None, ()))

    def write(self) -> None:
        self.recorder.close(clean=False)
        self.recorder.run()

    @property
    def drops(self) -> float | None:
        return self.registry.get_sample_value(
            "stripsight_buffer_drops_total", {"buffer": "recording"}
        )

    def read(self) -> list[int | str]:
        runs, _ = find_runs(self.folder)
        (run,) = runs.values()
        found: list[int | str] = []
        for item, _ in read_run(run):
            if isinstance(item, Hole):
                found.append(item.why)
            elif isinstance(item, Committed):
                found.append(item.frame or 0)
        return found


@contextmanager
def small_files(size: int) -> Iterator[None]:
    """As on a disk that is full: a write goes so far and then fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_slow_disk_costs_the_oldest_records_and_says_how_many(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.record(range(WAITING + 5))
    recording.write()
    hole, *rest = recording.read()
    assert "5 records" in str(hole)
    assert rest == list(range(5, WAITING + 5))
    assert recording.drops == 5


def test_after_its_end_a_record_is_no_harm(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.record(range(1))
    recording.write()
    recording.record(range(1, 2))
    assert recording.read() == [0]


def test_a_write_that_breaks_off_is_a_hole_and_recording_goes_on(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.recorder._write(Committed(1, None, ()))
    (segment,) = segment_paths(tmp_path)
    for room in (segment.stat().st_size + 20, 20):  # within a record, then within a file's header
        with small_files(room):
            recording.after_a_pause(2)
        assert recording.recorder.failing
    recording.after_a_pause(3)
    assert not recording.recorder.failing
    recording.write()
    first, torn, missing, third = recording.read()
    assert (first, third) == (1, 3)
    assert "torn at byte" in str(torn)
    assert "2 records" in str(missing)
    assert recording.drops == 2


def test_a_disk_that_fails_for_a_thousand_records_is_tried_once_a_second(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    with small_files(20):
        for number in range(1000):
            recording.clock.monotonic_ns += PAUSE_NS // 500
            recording.recorder._write(Committed(number, None, ()))
    assert segment_paths(tmp_path) == [], "a file without a record is none"
    assert recording.drops == 1000
    recording.after_a_pause(7)
    recording.write()
    missing, seventh = recording.read()
    assert ("1000 records" in str(missing), seventh) == (True, 7)


def test_a_folder_that_cannot_be_made_costs_the_recording_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    recording = Recording(tmp_path / "file" / "recording")
    recording.record(range(3))
    recording.write()
    assert recording.drops == 3


def test_the_ring_keeps_the_newest_and_its_bound(tmp_path: Path) -> None:
    recording = Recording(tmp_path, 20_000)
    for number in range(500):
        recording.recorder._write(Committed(number, None, ()))
        assert sum(path.stat().st_size for path in segment_paths(tmp_path)) <= 20_000
    recording.write()
    hole, *rest = recording.read()
    assert "are gone" in str(hole)
    assert len(rest) > 50
    assert rest == list(range(500 - len(rest), 500))


def test_numbers_count_on_over_runs(tmp_path: Path) -> None:
    for _ in range(2):
        recording = Recording(tmp_path)
        recording.recorder.put(Ended())
        recording.write()
    assert [p.name for p in segment_paths(tmp_path)] == [
        "segment-00000001.rec", "segment-00000002.rec",
    ]  # fmt: skip
    assert list(find_runs(tmp_path)[0]) == [1, 2]


def test_the_ring_gives_way_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(tmp_path, 20_000)
    for number in itertools.takewhile(
        lambda _: len(segment_paths(tmp_path)) < 4, itertools.count()
    ):
        recording.recorder._write(Committed(number, None, ()))
    monkeypatch.setattr(ring, "KEEP_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(ring, "KEEP_FREE_SHARE", 1)
    for left in (3, 2, 1):
        recording.after_a_pause(0)
        assert len(segment_paths(tmp_path)) <= left
    assert recording.recorder.failing
