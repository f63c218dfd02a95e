"""The daemon over a drawn strip that a damaged roll marks: the mill is told which roll it is."""

import json
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.simulator.dataset import TRUTH, write_frames
from edge.simulator.defects import DEFECTS
from edge.simulator.mill import ROLL_CLASS, MillConfig
from tests.conftest import ROOT
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
TOPIC = "stripsight/mill/line-1/top/events"
WIDTH_MM, ROWS, FRAMES = 300.0, 512, 48
COIL_M = FRAMES * ROWS * 0.0005
TABLE = [
    {"name": "pinch roll", "diameter_mm": [480, 520]},
    {"name": "F7 work roll", "diameter_mm": [310, 390]},
]


@pytest.fixture(scope="module")
def strip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One coil of 12 m whose roll has a circumference of 1.0 to 1.2 m."""
    folder = tmp_path_factory.mktemp("strip")
    mill = MillConfig(
        seed=4,
        width_px=640,
        rows=ROWS,
        strip_mm=(WIDTH_MM, WIDTH_MM),
        coil_m=COIL_M,
        per_m=dict.fromkeys(DEFECTS, 0.1),
        roll_mark_share=1.0,
        roll_m=(1.0, 1.2),
    )
    write_frames(folder, mill, FRAMES)
    return folder


def turn_m(strip: Path) -> float:
    """The roll's circumference, from the truth about its marks."""
    frames = json.loads((strip / TRUTH).read_text())["frames"]
    marks = {d["id"]: d["from_m"] for f in frames for d in f["defects"] if d["roll"]}
    assert len(marks) >= 8
    return float(np.diff(sorted(marks.values())).mean())


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def consumer(broker: Broker) -> Iterator[Consumer]:
    consumer = Consumer(broker.port, TOPIC)
    yield consumer
    consumer.close()


def config_of(folder: Path, strip: Path, broker: Broker) -> Path:
    sections = {
        "bundle": str(ROOT / "deploy/bundles/demo"),
        "source": {
            "kind": "folder", "path": str(strip / "frames"), "frames_per_s": 10, "repeat": True,
        },
        "coils": {"length_m": COIL_M, "width_mm": WIDTH_MM},
        "inspect": {"deadline_s": 5.0},
        "rolls": {"table": TABLE},
        "deliver": {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]},
    }  # fmt: skip
    return write_config(folder, sections)


def repeats(consumer: Consumer, phase: str) -> list[dict[str, Any]]:
    return [e for e in consumer.of_type("roll_repeat") if e["data"]["phase"] == phase]


def test_the_mill_is_told_which_roll_marks_its_strip(
    tmp_path: Path, strip: Path, broker: Broker, consumer: Consumer
) -> None:
    with Daemon(config_of(tmp_path, strip, broker)) as daemon:
        wait_for(lambda: bool(repeats(consumer, "closed")), "a roll repeat has ended", 120)
        counted = daemon.metrics()["stripsight_roll_repeats_total"]
    first = repeats(consumer, "opened")[0]
    last = repeats(consumer, "closed")[0]
    told, ended = first["data"], last["data"]
    assert told["class_name"] == ROLL_CLASS
    assert told["rolls"] == ["F7 work roll"]
    assert told["repeats"] >= 3
    assert told["confidence"] > 0.9
    assert len(told["defects"]) == told["repeats"]
    assert math.isclose(told["period_m"], turn_m(strip), abs_tol=3 * told["period_error_m"])
    assert ended["repeat_id"] == told["repeat_id"]
    assert ended["repeats"] > told["repeats"]
    assert math.isclose(ended["period_m"], turn_m(strip), abs_tol=0.01)
    seen = {e["data"]["defect_id"] for e in consumer.of_type("defect")}
    assert set(ended["defects"]) <= seen
    assert counted >= 1
    assert consumer.gaps == []


def test_a_repeat_that_a_crash_broke_off_is_interrupted(
    tmp_path: Path, strip: Path, broker: Broker
) -> None:
    with Daemon(config_of(tmp_path, strip, broker), "inspect") as daemon:
        daemon.wait_until_inspecting()
        wait_for(
            lambda: bool(daemon.reader().latest(["roll_repeat"], 9)), "a roll repeat is open", 120
        )
        assert daemon.end_by(signal.SIGKILL) != 0
        broken_off = daemon.reader().latest(["roll_repeat"], 1)[0].event.data
        assert broken_off["phase"] in {"opened", "extended"}
        daemon.start()
        daemon.wait_until_inspecting()
        found = [r.event.data for r in daemon.reader().latest(["roll_repeat"], 99)]
    mine = [each for each in found if each["repeat_id"] == broken_off["repeat_id"]]
    assert mine[0] == broken_off | {
        "phase": "interrupted", "revision": broken_off["revision"] + 1,
    }  # fmt: skip
