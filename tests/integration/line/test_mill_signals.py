"""The daemon on a line whose mill tells its coils over a real mosquitto."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.events import Event
from tests.integration.line.test_commands import edge
from tests.line.broker import Broker
from tests.line.daemon import Daemon, write_config
from tests.line.mill_signals import TOPIC, MillSignals
from tests.line.strip import WIDTH_MM, sections, write_line_bundle, write_strip
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
OFFSET_M = 0.5
BEFORE_NOW = "unnamed~"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def mill(broker: Broker) -> Iterator[MillSignals]:
    with contextlib.closing(MillSignals(broker.port)) as made:
        yield made


def line(
    folder: Path, port: int, max_age_s: dict[str, float] | None = None, **changes: object
) -> Path:
    write_line_bundle(folder / "bundle")
    write_strip(folder / "frames", 10, [(0, 0, 3), (2, 7, 5)])
    source = {"name": "level2", "host": "127.0.0.1", "port": port, "timeout_s": 2,
              "topics": [f"{TOPIC}/#"]}  # fmt: skip
    settings = sections(folder, folder / "frames") | {
        "coils": {"width_mm": WIDTH_MM},
        "mounting": {"offset_m": OFFSET_M, "side": "bottom"},
        "mill": {"mqtt": [source], "bounce_m": 0.1, "max_age_s": max_age_s or {}},
        "record": {"path": "recording", "max_gb": 2},
    }
    return write_config(folder, settings | changes)


def coil_events(daemon: Daemon, kind: str) -> list[Event]:
    """Oldest first."""
    return [r.event for r in daemon.reader().latest([kind], 1000)][::-1]


def names(daemon: Daemon) -> dict[str, str]:
    """Subject -> the mill's id, as a consumer knows it: the newest word holds."""
    told = {
        e.subject or "": e.subject or ""
        for e in coil_events(daemon, "coil_started")
        if not e.data["provisional"]
    }
    for event in coil_events(daemon, "coil_corrected"):
        told[event.subject or ""] = event.data["coil_id"]
    return told


def running(daemon: Daemon) -> str:
    return str(daemon.status().get("coil"))


def wait_for_coil(daemon: Daemon, subject: str) -> None:
    wait_for(lambda: running(daemon) == subject, f"coil {subject} runs", 40)


def test_coils_are_those_of_the_mill(tmp_path: Path, broker: Broker, mill: MillSignals) -> None:
    with Daemon(line(tmp_path, broker.port)) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: daemon.status().get("mill") == "fine", "the mill is heard")
        mill.announce("A", width_mm=WIDTH_MM, thickness_mm=0.8, order="7", steel_grade="DX51D")
        mill.head()
        wait_for_coil(daemon, "A")
        ids_come_late(daemon, mill)
        bad_messages(daemon, mill)
        a_broker_goes_away(daemon, broker, mill)
        two_coils_are_open(daemon, mill)
        mill.say("tail")
        wait_for(lambda: running(daemon).startswith("between~"), "no coil runs")
        mill.head("A")
        wait_for_coil(daemon, "A~2")
        wait_for(lambda: daemon.status()["coil_m"] > 0.5, "a bit of it")
    everything_adds_up(daemon)
    told = names(daemon)
    assert (told["A"], told["A~2"], told["D"]) == ("A1", "A", "D")
    assert "B/7" in told.values()
    started = {e.subject: e.data for e in coil_events(daemon, "coil_started")}
    data = started["A"]["data"]
    assert (data["order"], data["steel_grade"], data["thickness_mm"]) == ("7", "DX51D", 0.8)
    assert data["side"] == "bottom"
    done = edge("replay", "--from", tmp_path / "recording", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal" in done.stdout


def ids_come_late(daemon: Daemon, mill: MillSignals) -> None:
    """A head without an announcement, its id when it runs, and one that was wrong."""
    mill.head()
    wait_for(lambda: running(daemon).startswith("unnamed~"), "a coil without an id")
    subject = running(daemon)
    mill.announce("B/7")
    wait_for(lambda: names(daemon).get(subject) == "B/7", "the id that came late")
    assert running(daemon) == subject
    assert daemon.status()["coil_id"] == "B/7"
    wait_for(lambda: reports(daemon).get("A"), "A has its report")
    mill.say("correction", before="A", id="A1")
    wait_for(lambda: names(daemon)["A"] == "A1", "the correction of a coil that has left")


def bad_messages(daemon: Daemon, mill: MillSignals) -> None:
    for body in (b"{", b'{"signal": "speed", "m_per_s": 500}',
                 b'{"signal": "coil", "id": "' + b"x" * 10_000 + b'"}',
                 b'{"signal": "coil", "id": "a\\u0000"}'):  # fmt: skip
        mill.send("bad", body)
    mill.say("correction", before="nobody", id="E")

    def refused(reason: str) -> float:
        name = f'stripsight_mill_refused_total{{reason="{reason}",source="level2"}}'
        return daemon.metrics("courier_port").get(name, 0)

    for reason in ("malformed", "impossible_speed", "too_long", "bad_id"):
        wait_for(lambda reason=reason: refused(reason) == 1, reason)  # type: ignore[misc]
    doubt = 'stripsight_mill_doubts_total{doubt="unknown_coil"}'
    wait_for(lambda: daemon.metrics().get(doubt) == 1, "a correction of nobody")
    log = daemon.log.read_text()
    assert re.search(r"mill.mqtt 'level2': mill/line-1/bad: .*malformed|Invalid JSON", log)
    assert "a correction of 'nobody', which nobody knows" in log


def a_broker_goes_away(daemon: Daemon, broker: Broker, mill: MillSignals) -> None:
    """In the middle of C: visible, the strip goes on, and what was retained is right after it."""
    mill.head("C")
    wait_for_coil(daemon, "C")
    broker.stop()
    wait_for(lambda: daemon.status()["mill"] == "missing", "the loss is seen")
    status = daemon.status()
    assert status["state"] == "degraded"
    assert any("the mill's signals are missing: level2" in why for why in status["degraded"])
    assert daemon.metrics()['stripsight_mill_state{state="missing"}'] == 1
    frames = status["frames"]
    wait_for(lambda: daemon.status()["frames"] > frames + 50, "inspection goes on")
    assert daemon.status()["inspection_valid"]
    assert running(daemon) == "C"
    broker.start()
    mill.wait_until_back()
    wait_for(lambda: daemon.status()["mill"] == "fine", "the mill is heard again", 40)
    assert running(daemon) == "C", "the head that the broker retained is known"
    mill.head("D")
    wait_for_coil(daemon, "D")


def two_coils_are_open(daemon: Daemon, mill: MillSignals) -> None:
    """Two are announced before a head, and a head comes while a coil runs."""
    mill.announce("E")
    mill.announce("F", order="8")
    mill.head("E")
    wait_for_coil(daemon, "E")
    assert daemon.metrics()['stripsight_mill_doubts_total{doubt="replaced"}'] == 1
    assert "E" not in reports(daemon)
    mill.head()
    wait_for_coil(daemon, "F")
    wait_for(lambda: "E" in reports(daemon), "E ends where F begins")
    assert not reports(daemon)["E"]["interrupted"]


def reports(daemon: Daemon) -> dict[str, dict[str, Any]]:
    return {e.subject or "": e.data for e in coil_events(daemon, "coil_report")}


def everything_adds_up(daemon: Daemon) -> None:
    """Every coil has one report whose cells are all accounted for, and no strip is without one."""
    started = [e.subject for e in coil_events(daemon, "coil_started")]
    told = reports(daemon)
    assert sorted(told) == sorted(str(subject) for subject in started)
    assert len(coil_events(daemon, "coil_report")) == len(told)
    for report in told.values():
        assert sum(report["cells"].values()) == report["expected_cells"]
        assert report["inspection_valid"]
    seqs = [r.event.seq for r in daemon.reader().after(0, 100_000)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_after_a_crash_the_coil_is_known_by_what_the_mill_retained(
    tmp_path: Path, broker: Broker, mill: MillSignals
) -> None:
    with Daemon(line(tmp_path, broker.port)) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: daemon.status().get("mill") == "fine", "the mill is heard")
        mill.announce("A")
        mill.head()
        mill.announce("B")
        wait_for_coil(daemon, "A")
        mill.say("correction", before="A", id="A1")
        wait_for(lambda: names(daemon)["A"] == "A1", "the correction")
        wait_for(lambda: daemon.status()["coil_m"] > 0.5, "a bit of it")
        before = daemon.status()["pid"]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: daemon.status().get("pid", before) != before, "another process", 60)
        # At once where the courier told it before the first frame, else by a correction.
        wait_for(lambda: list(names(daemon).values()).count("A1") == 2, "it goes on", 60)
        assert names(daemon)[running(daemon)] == "A1"
        assert names(daemon)["A"] == "A1"
        assert reports(daemon)["A"]["interrupted"]
        mill.head()
        wait_for_coil(daemon, "B")
    everything_adds_up(daemon)


def test_position_by_the_metres_that_the_mill_counts(
    tmp_path: Path, broker: Broker, mill: MillSignals
) -> None:
    """Its count stands, runs and begins anew; the strip is placed as far as the count went."""
    position = {"kind": "speed_signal", "signal": "position", "pitch_at_m_per_s": 3.2}
    with Daemon(line(tmp_path, broker.port, position=position)) as daemon:
        daemon.wait_until_inspecting()
        mill.say("speed", m_per_s=3.2)
        wait_for(lambda: daemon.status()["frames"] > 20, "frames")
        assert abs(daemon.status()["line_m"] + OFFSET_M) < 0.1, "a speed is not asked for"
        counted = Counted()

        def stands_at(zero_m: float, most_m: float) -> bool:
            mill.say("position", position_m=zero_m + counted.to(most_m))
            return bool(abs(daemon.status()["line_m"] + OFFSET_M - most_m) < 0.5)

        wait_for(lambda: stands_at(1000.0, 6.0), "the strip is where the count is", 40)
        assert daemon.status()["inspection_valid"]
        wait_for(lambda: stands_at(-50.0, 12.0), "it goes on from a count that began anew", 40)
        speeds = daemon.metrics()
        assert speeds['stripsight_mill_signals_total{signal="position"}'] > 5


def test_a_head_lies_where_the_mill_s_count_or_clock_says(
    tmp_path: Path, broker: Broker, mill: MillSignals
) -> None:
    """Both are doubted where they cannot be: then the head is where the strip is now."""
    settings = line(tmp_path, broker.port)
    told = yaml.safe_load(settings.read_text())
    told["mill"]["synchronised"] = True
    settings.write_text(yaml.safe_dump(told))
    with Daemon(settings) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: daemon.status().get("mill") == "fine", "the mill is heard")

        def doubted(doubt: str) -> bool:
            name = f'stripsight_mill_doubts_total{{doubt="{doubt}"}}'
            return daemon.metrics().get(name) == 1

        mill.say("head", id="A", position_m=7.0)
        wait_for(lambda: doubted("no_position"), "nobody has told a count")
        wait_for_coil(daemon, "A")
        mill.say("position", position_m=5000.0)
        mill.say("head", id="B", position_m=5001.0)
        mill.say("head", id="C", position_m=5002.25)
        wait_for_coil(daemon, "C")
        now = datetime.now(UTC)
        mill.say("head", id="D", time=(now + timedelta(seconds=0.2)).isoformat())
        mill.say("head", id="E", time=(now + timedelta(hours=1)).isoformat())
        wait_for(lambda: doubted("clock"), "a clock that has jumped ahead")
        wait_for_coil(daemon, "E")
        mill.say("head", id="F", time=(now - timedelta(hours=1)).isoformat())
        wait_for_coil(daemon, "F")
    everything_adds_up(daemon)
    assert abs(reports(daemon)["B"]["length_m"] - 1.25) < 0.01


class Counted:
    """Strip that runs at 3.2 m/s until it is to stop."""

    def __init__(self) -> None:
        self._at_s, self._at_m = time.monotonic(), 0.0

    def to(self, most_m: float) -> float:
        now_s = time.monotonic()
        self._at_m = min(most_m, self._at_m + 3.2 * (now_s - self._at_s))
        self._at_s = now_s
        return self._at_m


def test_position_by_the_speed_that_the_mill_tells(
    tmp_path: Path, broker: Broker, mill: MillSignals
) -> None:
    position = {"kind": "speed_signal", "pitch_at_m_per_s": 3.2, "max_age_s": 2}
    settings = line(tmp_path, broker.port, max_age_s={"speed": 1.0}, position=position)
    with Daemon(settings) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: daemon.status()["frames"] > 20, "frames")
        assert not daemon.status()["inspection_valid"], "nobody has told a speed"
        assert abs(daemon.status()["line_m"] + OFFSET_M) < 0.1

        def far() -> bool:
            mill.say("speed", m_per_s=3.2)
            return bool(daemon.status()["line_m"] > 3)

        wait_for(far, "the strip runs as the mill says", 40)
        assert daemon.status()["inspection_valid"]
        assert daemon.status()["mill"] == "fine"
        wait_for(lambda: daemon.status()["mill"] == "stale", "the mill is silent")
        assert any("the mill's speed is stale" in why for why in daemon.status()["degraded"])
        assert daemon.metrics()['stripsight_mill_state{state="stale"}'] == 1
