"""The whole daemon over a strip whose defects are known tile by tile."""

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.control import Request, ask
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config
from tests.line.strip import ROWS, sections, write_line_bundle, write_strip
from tests.unit.edge.ledger.rewriting import rewrite
from tests.unit.runtime.small_bundle import write_small_bundle
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.integration
TOPIC = "stripsight/mill/line-1/top/events"
DEFECTS = [(0, 0, 3), (2, 7, 5), (3, 0, 5), (3, 1, 6), (9, 7, 0)]
"""Three defects a coil: one tile, three tiles over a frame border, one on the coil's last cells."""
TILES = {1, 3}


@pytest.fixture
def line(tmp_path: Path) -> Path:
    write_line_bundle(tmp_path / "bundle")
    write_strip(tmp_path / "frames", 10, DEFECTS)
    return tmp_path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def config_of(line: Path, **changes: object) -> Path:
    return write_config(line, sections(line, line / "frames", **changes))


def reports(daemon: Daemon) -> list[dict[str, Any]]:
    found = daemon.reader().latest(["coil_report"], 1000)
    return [r.event.data for r in reversed(found)]


def activation(daemon: Daemon) -> str:
    return str(daemon.reader().latest(["model_changed"], 1)[0].event.data["activation"])


def finals(daemon: Daemon, coil: str) -> list[dict[str, Any]]:
    """The last revision of each defect of a coil."""
    last = {}
    for recorded in daemon.reader().of_coil(coil, ["defect"]):
        last[recorded.event.data["defect_id"]] = recorded.event.data
    return list(last.values())


def test_every_planted_defect_is_recorded_where_it_lies(line: Path) -> None:
    with Daemon(config_of(line), "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: len(reports(daemon)) >= 3, "three coils")
    tile_m = 16 * 0.0005
    expected = {
        (0.0, tile_m, 24.0, 32.0, 1),
        ((2 * ROWS + 7) * tile_m, (3 * ROWS + 2) * tile_m, 40.0, 56.0, 3),
        ((9 * ROWS + 7) * tile_m, 10 * ROWS * tile_m, 0.0, 8.0, 1),
    }
    for number in (1, 2, 3):
        found = {
            (*(round(v, 6) for v in d["extent"].values()), d["tiles"])
            for d in finals(daemon, f"coil-{number:04d}")
        }
        assert found == {tuple(round(v, 6) for v in e) for e in expected}
        report = reports(daemon)[number - 1]
        assert report["cells"] == {"on_time": report["expected_cells"]}
        assert (report["coverage"], report["inspection_valid"]) == (1.0, True)
        assert report["defects"] == {"right": 3}


def test_the_stop_loses_nothing(line: Path, broker: Broker) -> None:
    mqtt = {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]}
    consumer = Consumer(broker.port, TOPIC)
    with Daemon(config_of(line, deliver=mqtt)) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: len(reports(daemon)) >= 1, "a coil")
    last = daemon.reader().last_seq()
    wait_for(lambda: consumer.seq == last, "the consumer has everything")
    consumer.close()
    assert not consumer.gaps
    final = consumer.events[-1]
    assert final["type"] == "stripsight.coil_report"
    assert final["data"]["interrupted"]
    assert sum(final["data"]["cells"].values()) == final["data"]["expected_cells"]


def test_a_killed_inspector_is_restarted_and_says_what_it_left_open(
    line: Path, broker: Broker
) -> None:
    mqtt = {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]}
    consumer = Consumer(broker.port, TOPIC)
    with Daemon(config_of(line, deliver=mqtt)) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: len(reports(daemon)) >= 1, "a coil")
        seq = daemon.reader().last_seq()
        os.kill(daemon.pid_of("inspect"), signal.SIGKILL)
        wait_for(lambda: any(r["interrupted"] for r in reports(daemon)), "the broken coil's report")
        wait_for(lambda: daemon.status().get("source_up"), "inspection goes on", 60)
        wait_for(lambda: daemon.reader().last_seq() > seq + 10, "new events")
    wait_for(lambda: consumer.seq == daemon.reader().last_seq(), "the consumer has everything")
    consumer.close()
    assert not consumer.gaps
    started = [e["subject"] for e in consumer.of_type("coil_started")]
    assert len(set(started)) == len(started), "a coil's id must not come again"
    open_phases = {"opened", "extended"}
    last = {e["data"]["defect_id"]: e["data"]["phase"] for e in consumer.of_type("defect")}
    assert not open_phases & set(last.values())
    assert sorted(started) == sorted(e["subject"] for e in consumer.of_type("coil_report"))
    (lost,) = [e for e in consumer.of_type("not_inspected") if e["data"]["reason"] == "restart"]
    (broken, _) = [e for e in consumer.of_type("coil_report") if e["data"]["interrupted"]]
    assert lost["subject"] == broken["subject"]
    assert lost["data"]["extent"]["to_m"] == pytest.approx(broken["data"]["length_m"])
    assert broken["data"]["inspection_valid"], "all that came before the kill was seen"


@pytest.mark.parametrize(
    ("change", "ends"), [({"later": {"field": 1}}, True), ({"schema_version": "2"}, False)]
)
def test_inspection_goes_on_where_a_later_version_was_rolled_back(
    line: Path, change: dict[str, object], *, ends: bool
) -> None:
    with Daemon(config_of(line), "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: len(reports(daemon)) >= 1, "a coil")
        daemon.end_by(signal.SIGKILL)
        (newest,) = daemon.reader().latest(["coil_started"], 1)
        coil, ledger = newest.event.subject or "", line / "ledger"
        for kind in ("coil_started", "defect"):
            rewrite(ledger, kind, coil, {"data": change})
        daemon.start()
        daemon.wait_until_inspecting()
        assert [r["interrupted"] for r in reports(daemon)].count(True) == ends
        seq = daemon.reader().last_seq()
        wait_for(lambda: daemon.reader().last_seq() > seq + 10, "new events")
    log = daemon.log.read_text()
    assert "Traceback" not in log
    assert (f"event {newest.event.seq}" in log) != ends


def test_a_broker_that_stops_in_between_costs_only_time(line: Path, broker: Broker) -> None:
    mqtt = {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]}
    consumer = Consumer(broker.port, TOPIC)
    with Daemon(config_of(line, deliver=mqtt)) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: consumer.seq > 3, "first events")
        broker.stop()
        before = daemon.reader().last_seq()
        wait_for(lambda: daemon.reader().last_seq() > before + 20, "events without a broker")
        broker.start()
        wait_for(lambda: consumer.seq > before + 20, "the backlog drains", 60)
    wait_for(lambda: consumer.seq == daemon.reader().last_seq(), "the consumer has everything")
    consumer.close()
    assert not consumer.gaps


@pytest.mark.parametrize("when", ["coil_start", "now"])
def test_a_model_takes_over_between_two_frames_and_no_cell_is_lost(line: Path, when: str) -> None:
    write_line_bundle(line / "better", version="2")
    with Daemon(config_of(line), "inspect") as daemon:
        daemon.wait_until_inspecting()
        arguments = {"bundle": str(line / "better"), "when": when}
        reply = ask(line / "run", Request(action="activate", by="test", arguments=arguments), 60)
        assert reply.ok, reply.error
        wait_for(lambda: activation(daemon) == when, "the change")
        coils = len(reports(daemon))
        wait_for(lambda: len(reports(daemon)) >= coils + 2, "two more coils")
    data = daemon.reader().latest(["model_changed"], 1)[0].event.data
    assert (data["before"]["version"], data["after"]["version"]) == ("1", "2")
    complete = [r for r in reports(daemon) if not r["interrupted"]]
    assert all(r["cells"] == {"on_time": r["expected_cells"]} for r in complete)
    mixed = [r for r in complete if len(r["models"]) == 2]
    assert len(mixed) == (1 if when == "now" else 0)
    (action,) = daemon.reader().latest(["action"], 10)
    assert (action.event.data["by"], action.event.data["action"]) == ("test", "activate")


def test_a_broken_bundle_is_refused_and_the_line_goes_on(line: Path) -> None:
    broken = line / "broken"
    shutil.copytree(line / "bundle", broken)
    (broken / "card.json").write_bytes((broken / "card.json").read_bytes() + b" ")
    with Daemon(config_of(line), "inspect") as daemon:
        daemon.wait_until_inspecting()
        request = Request(action="activate", by="test", arguments={"bundle": str(broken)})
        reply = ask(line / "run", request, 60)
        assert not reply.ok
        assert "card.json" in (reply.error or "")
        seq = daemon.reader().last_seq()
        wait_for(lambda: daemon.reader().last_seq() > seq, "inspection goes on")


def test_a_slow_reader_loses_frames_by_name(line: Path) -> None:
    source = {"kind": "folder", "path": str(line / "frames"), "frames_per_s": 5000, "repeat": True}
    with Daemon(config_of(line, source=source, inspect={"frame_buffer": 1}), "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: any("lost" in r["cells"] for r in reports(daemon)), "losses")
    for report in reports(daemon):
        assert sum(report["cells"].values()) == report["expected_cells"]


def test_a_source_that_ends_ends_the_daemon_with_zero(line: Path) -> None:
    source = {"kind": "folder", "path": str(line / "frames"), "frames_per_s": 100}
    daemon = Daemon(config_of(line, source=source))
    daemon.start()
    assert daemon.wait() == 0, daemon.log.read_text()
    assert [r["interrupted"] for r in reports(daemon)] == [True]


def test_for_stops_by_itself(line: Path) -> None:
    daemon = Daemon(config_of(line), "run", "--for", "4")
    daemon.start()
    assert daemon.wait() == 0, daemon.log.read_text()


def _missing_camera(_: Path) -> dict[str, Any]:
    return {"source": {"kind": "pylon", "serial": "99999999"}}


def _missing_bundle(line: Path) -> dict[str, Any]:
    return {"bundle": str(line / "nothing")}


def _no_clean_class(line: Path) -> dict[str, Any]:
    shutil.rmtree(line / "bundle")
    write_small_bundle(line / "bundle")
    return {}


def _ledger_is_a_file(line: Path) -> dict[str, Any]:
    (line / "ledger").write_text("not a folder")
    return {}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (_missing_camera, 4, "99999999"),
        (_missing_bundle, 3, "nothing"),
        (_no_clean_class, 3, "clean class"),
        (lambda _: {"sourc": {}}, 2, "did you mean 'source'"),
        (_ledger_is_a_file, 5, "ledger"),
    ],
)
def test_a_start_that_fails_says_why_and_ends_with_its_code(
    line: Path, change: Callable[[Path], dict[str, Any]], code: int, words: str
) -> None:
    daemon = Daemon(config_of(line, **change(line)))
    daemon.start()
    assert daemon.wait() == code
    log = daemon.log.read_text()
    assert words in log
    assert "Traceback" not in log


@pytest.mark.parametrize("key", ["inspect_port", "courier_port"])
def test_a_port_in_use_is_named(line: Path, key: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        metrics = {"inspect_port": free_port(), "courier_port": free_port(), key: port}
        daemon = Daemon(config_of(line, metrics=metrics))
        daemon.start()
        assert daemon.wait() == 2
    assert str(port) in daemon.log.read_text()


def test_a_second_daemon_ends_and_the_first_goes_on(line: Path) -> None:
    with Daemon(config_of(line)) as first:
        first.wait_until_inspecting()
        # The second one's config takes the place of the first one's, which all must have read.
        wait_for(lambda: first.metrics("courier_port"), "the first courier runs")
        for changes, code, words in (
            ({}, 5, "another daemon writes this event log"),
            ({"ledger": {"path": "elsewhere"}}, 2, "another daemon runs in"),
        ):
            config = config_of(line, **changes).rename(line / "second.yaml")
            second = Daemon(config, "inspect" if changes else "run")
            second.start()
            assert second.wait() == code
            log = second.log.read_text()
            assert words in log
            assert "Traceback" not in log
            assert "is inspecting" not in log
        seq = first.reader().last_seq()
        wait_for(lambda: first.reader().last_seq() > seq, "the first goes on")


def test_a_camera_that_falls_silent_is_not_valid_inspection(line: Path) -> None:
    source = {
        "kind": "pylon",
        "emulation": str(line / "frames"),
        "frames_per_s": 0.3,
        "grab_timeout_s": 0.5,
    }
    with Daemon(config_of(line, source=source), "inspect") as daemon:

        def silent() -> dict[str, float]:
            found = daemon.metrics()
            down = found.get("stripsight_frames_total") and not found["stripsight_source_up"]
            return found if down else {}

        found = wait_for(silent, "a silent camera", 60)
        assert not found["stripsight_inspection_valid"]
        assert found["stripsight_threads"] > 3, "grab, inspect, ledger and who watches them"
        assert found["process_resident_memory_bytes"] > 50e6
        assert found["process_open_fds"] > 3
        wait_for(lambda: daemon.metrics()["stripsight_inspection_valid"], "the next frame")
