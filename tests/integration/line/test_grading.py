"""Rules at work in the whole daemon: severities, grades, inspectors, dense strip, a crash."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract.bodies import DefectDensity
from tests.integration.line.test_commands import edge
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config
from tests.line.strip import COLUMNS, FRAME_M, ROWS, sections, write_line_bundle, write_strip
from tests.line.truth import Strip, look_up
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
TOPIC = "stripsight/mill/line-1/top/events"
DEFECTS = [(0, 0, 3), (2, 7, 5), (3, 0, 5), (3, 1, 6), (9, 7, 0)]
"""Three defects a coil, of which the second is three tiles long: 24 mm."""
UNMEASURED = {"deadline_s": 5.0, "quantified_px": 0}
"""So that a defect is as large as its tiles."""
RULES: dict[str, Any] = {
    "version": "1",
    "severities": ["minor", "major"],
    "grades": ["prime", "second", "scrap"],
    "defects": [
        {"rule": "all", "severity": "minor"},
        {"rule": "long", "classes": ["right"], "longer_than_mm": 20, "severity": "major"},
    ],
    "coil": [{"rule": "a major one", "severity": "major", "more_than": 0, "grade": "second"}],
}
MILDER = RULES | {
    "version": "2",
    "defects": [RULES["defects"][0], RULES["defects"][1] | {"longer_than_mm": 30}],
}


@pytest.fixture
def line(tmp_path: Path) -> Path:
    write_line_bundle(tmp_path / "bundle")
    (tmp_path / "grading.yaml").write_text(yaml.safe_dump(RULES))
    (tmp_path / "milder.yaml").write_text(yaml.safe_dump(MILDER))
    text = yaml.safe_dump(RULES).replace("right", "rihgt")
    (tmp_path / "misspelt.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def config_of(line: Path, **changes: object) -> Path:
    whole = sections(line, line / "frames", grading="grading.yaml", **changes)
    return write_config(line, whole)


def done(daemon: Daemon) -> list[dict[str, Any]]:
    found = [r.event.data for r in daemon.reader().latest(["coil_report"], 1000)]
    return [data for data in reversed(found) if not data["interrupted"]]


def test_severities_grades_and_an_inspectors_word_reach_the_mill(
    line: Path, broker: Broker
) -> None:
    write_strip(line / "frames", 10, DEFECTS)
    mqtt = {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]}
    config = config_of(line, deliver=mqtt, inspect=UNMEASURED)
    consumer = Consumer(broker.port, TOPIC)
    plain = ("coil", "grade", "--config", config, "--rules")
    grade, back = (*plain, line / "milder.yaml"), (*plain, line / "grading.yaml")
    misspelt = (*plain, line / "misspelt.yaml")
    with Daemon(config) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: len(done(daemon)) >= 2, "two coils")
        shown = edge(*grade, "coil-0001", "coil-0002", "--json")
        assert shown.returncode == 0, shown.stderr
        assert not daemon.reader().latest(["coil_graded"], 1)
        recorded = edge(*grade, "coil-0001", "coil-0002", "--record", "--comment", "too strict")
        assert recorded.returncode == 0, recorded.stderr
        by_hand = edge(*grade, "coil-0002", "--as", "scrap", "--comment", "edge torn")
        assert by_hand.returncode == 0, by_hand.stderr
        refused = {
            "no coil coil-9999 in the ledger": edge(
                *grade, "coil-9999", "--as", "scrap", "--comment", "x"
            ),
            "did you mean 'scrap'": edge(*grade, "coil-0001", "--as", "scrp", "--comment", "x"),
            "needs a comment": edge(*grade, "coil-0001", "--as", "scrap"),
            "by hand": edge(*back, "coil-0002", "coil-0001", "--record"),
            "leave the others": edge(*grade, "coil-0001", "--as", "scrap", "--record"),
            "has no class 'rihgt', did you mean 'right'": edge(*misspelt, "coil-0001"),
            "of 1 coils cannot": edge(*grade, "coil-9999"),
        }
        wait_for(lambda: len(consumer.of_type("coil_graded")) >= 4, "the mill knows")
    consumer.close()
    for words, command in refused.items():
        assert command.returncode == 2, (words, command.stdout)
        assert words in command.stderr
    assert not consumer.gaps
    first, second = consumer.of_type("coil_report")[:2]
    for report in (first, second):
        assert report["data"]["severities"] == {"minor": 2, "major": 1}
        assert report["data"]["grade"]["name"] == "second"
        assert report["data"]["rules"] == report["data"]["grade"]["rules"]
        assert report["data"]["rules"].startswith("1@")
    mine = [e["data"] for e in consumer.of_type("defect") if e["subject"] == "coil-0001"]
    assert [d["severity"] for d in mine if d["defect_id"] == "coil-0001/2"] == [
        "minor",
        "major",
        "major",
    ]
    graded = consumer.of_type("coil_graded")
    assert [(e["subject"], e["data"]["grade"]["name"]) for e in graded] == [
        ("coil-0001", "prime"),
        ("coil-0002", "prime"),
        ("coil-0002", "scrap"),
        ("coil-0001", "second"),  # a refused one holds up no other
    ]
    last = graded[2]["data"]
    assert (last["origin"], last["comment"], last["before"]["name"]) == (
        "inspector",
        "edge torn",
        "prime",
    )
    assert f"uid {os.getuid()}" in last["by"]
    told = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(r["before"]["name"], r["after"]["name"]) for r in told] == [("second", "prime")] * 2


def test_dense_strip_is_told_as_numbers_and_a_crash_loses_none_of_them(line: Path) -> None:
    """Coils of 12.8 m, so of one whole stretch and one cut short, with 1,600 defects each."""
    spots = [(f, row, column) for f in (0, 1) for row in (1, 4) for column in (2, 6, 10, 14)]
    write_strip(line / "frames", 2, spots)
    coil_m = 200 * FRAME_M
    config = config_of(
        line,
        source={
            "kind": "folder",
            "path": str(line / "frames"),
            "frames_per_s": 50,
            "repeat": True,
        },
        coils={"length_m": coil_m, "width_mm": 128.0},
        inspect=UNMEASURED | {"defects_per_10_m": 20},
    )
    with Daemon(config, "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: len(done(daemon)) >= 1, "a coil")
        wait_for(lambda: float(daemon.status().get("coil_m", 0)) > 5.0, "half a coil more")
        daemon.end_by(signal.SIGKILL)
        daemon.start()
        wait_for(lambda: len(done(daemon)) >= 2, "a coil after the crash")
    events = [recorded.event for recorded in daemon.reader().after(0, 10**6)]
    findings = look_up(events, Strip(2, spots, coil_m))
    assert (findings.missed, findings.invented, findings.broken) == ((), (), ())
    assert findings.planted > 3 * ROWS
    dense = [(e.subject, e.body()) for e in events if e.kind == "defect_density"]
    first = [b for c, b in dense if c == "coil-0001" and isinstance(b, DefectDensity)]
    assert [(b.from_m, round(b.to_m, 6), b.told) for b in first] == [
        (0.0, 10.0, 20),
        (10.0, 12.8, 20),
    ]
    reports = [e for e in events if e.kind == "coil_report"]
    lost = reports[0].data["cells"].get("lost", 0) // (ROWS * COLUMNS)
    assert sum(b.count for b in first) == len(spots) // 2 * (200 - lost)
    assert reports[0].data["defects"] == {"right": sum(b.count for b in first)}
    crashed = next(report for report in reports if report.data["interrupted"])
    assert [c for c, _ in dense].count(crashed.subject) >= 1
    assert (crashed.data["grade"], crashed.data["rules"][:2]) == (None, "1@")
    assert sum(crashed.data["severities"].values()) >= 20


def test_rules_for_a_class_that_the_bundle_lacks_stop_the_start(line: Path) -> None:
    write_strip(line / "frames", 2, [])
    (line / "grading.yaml").write_text(yaml.safe_dump(RULES).replace("- right", "- rihgt"))
    config = config_of(line)
    checked = edge("check-config", config)
    assert checked.returncode == 2
    assert "rule 'long': the bundle has no class 'rihgt', did you mean 'right'?" in checked.stderr
    daemon = Daemon(config, "inspect")
    daemon.start()
    assert daemon.wait() == 2
    assert "'rihgt'" in daemon.log.read_text()
