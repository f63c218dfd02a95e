from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import JsonValue

from contract.bodies import EventBody
from contract.events import Draft
from edge.clock import Stamp, SystemClock
from edge.config import load_config
from edge.console.watcher import Watcher
from edge.control import ControlServer
from edge.ledger.log import EventLog
from edge.types import Commit, Watermark
from tests.line.daemon import write_config
from tests.line.strip import sections, write_line_bundle
from tests.unit.edge.console.strip_events import SOURCE, START, coil_started, defect

STATUS: dict[str, JsonValue] = {
    "state": "running",
    "inspection_valid": True,
    "source_up": True,
    "coil": "c1",
}


class FromTheFuture(EventBody):
    kind: ClassVar[str] = "from_the_future"


class LateClock:
    """The system's clock, some seconds on."""

    late_s = 0.0

    def now(self) -> Stamp:
        now = SystemClock().now()
        return now._replace(monotonic_ns=now.monotonic_ns + int(self.late_s * 1e9))

    def sleep_until(self, monotonic_ns: int) -> None:
        raise NotImplementedError


class Parts:
    def __init__(self, folder: Path) -> None:
        self.config = load_config(write_config(folder, sections(folder, folder / "frames")))
        self.clock = LateClock()
        self.log = EventLog(self.config.ledger.path, SOURCE, SystemClock(), reserve_bytes=4096)

    def watcher(self) -> Watcher:
        return Watcher(self.config, lambda: None, self.clock)

    def record(self, *drafts: Draft) -> None:
        watermark = Watermark(frame=1, line_m=0.0, coil=None, coil_m=0.0)
        self.log.commit(Commit(drafts, watermark, SystemClock().now()))


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    ready = Parts(tmp_path)
    ready.log.open()
    yield ready
    ready.log.close()


def test_colours_follow_the_bundle_and_not_the_order_of_appearance(parts: Parts) -> None:
    write_line_bundle(parts.config.bundle)
    parts.record(coil_started("c1"), defect("c1", "d1", class_name="scratch"))
    watcher = parts.watcher()
    watcher.round()
    assert watcher.drawn.coil.index("right") < watcher.drawn.coil.index("scratch")


def test_an_event_of_a_newer_version_is_left_out_and_the_rest_shown(parts: Parts) -> None:
    parts.record(coil_started("c1"), Draft(FromTheFuture(), "c1", "x", START), defect("c1", "d1"))
    watcher = parts.watcher()
    watcher.round()
    assert "scratch" in watcher.drawn.defects
    assert "newest event no. 3" in watcher.drawn.foot


def test_the_ledger_is_read_once_and_then_followed(parts: Parts) -> None:
    parts.record(coil_started("c1"), defect("c1", "d1"))
    watcher = parts.watcher()
    watcher.round()
    first = watcher.drawn
    parts.record(defect("c1", "d2", class_name="roll_mark"))
    watcher.round()
    assert "roll mark" not in first.defects
    assert "roll mark" in watcher.drawn.defects
    assert watcher.drawn.beat == first.beat + 1


def test_status_ages_when_the_inspecting_process_falls_silent(parts: Parts) -> None:
    server = ControlServer(parts.config.run_path, {"status": lambda _: dict(STATUS)})
    server.start()
    watcher = parts.watcher()
    watcher.round()
    fresh = watcher.drawn
    server.stop()
    parts.clock.late_s = 12.0
    watcher.round()
    assert (fresh.stale, watcher.drawn.stale) == (False, True)
    assert "No news for 12 s" in watcher.drawn.state


def test_no_ledger_yet_is_said_and_survived(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    watcher = parts.watcher()
    watcher.round()
    assert "the event log cannot be read" in watcher.drawn.state
    parts.log.open()
    parts.record(coil_started("c1"), defect("c1", "d1"))
    watcher.round()
    parts.log.close()
    assert "cannot be read" not in watcher.drawn.state
    assert "scratch" in watcher.drawn.defects
