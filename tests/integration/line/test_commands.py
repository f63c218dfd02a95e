"""What an engineer types beside the running daemon."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip

pytestmark = pytest.mark.integration
DEMO_BUNDLE = ROOT / "deploy" / "bundles" / "demo"


def edge(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_status_tail_and_activate_speak_to_the_running_daemon(tmp_path: Path) -> None:
    write_line_bundle(tmp_path / "bundle")
    write_line_bundle(tmp_path / "better", version="2")
    frames = write_strip(tmp_path / "frames", 10, [(0, 0, 3)])
    config = write_config(tmp_path, sections(tmp_path, frames))
    absent = edge("status", "--config", config)
    assert (absent.returncode, absent.stdout) == (6, "")
    assert "is it running?" in absent.stderr
    with Daemon(config, "inspect") as daemon:
        daemon.wait_until_inspecting()
        assert re.match(r"state +running\n", edge("status", "--config", config).stdout)
        done = edge("model", "activate", tmp_path / "better", "--config", config, "--now")
        assert done.returncode == 0, done.stderr
        assert "takes over now" in done.stdout
        refused = edge("model", "activate", tmp_path / "frames", "--config", config)
        assert refused.returncode == 3
        followed = edge("tail", "--config", config, "--after", 0, "--for", 1)
    assert followed.returncode == 0
    assert "gap" not in followed.stdout
    assert len(followed.stdout.splitlines()) > 5


def test_the_demo_s_own_strip_is_named_right(tmp_path: Path) -> None:
    drawn = edge("simulate", "--out", tmp_path / "mill", "--frames", 2, "--tiles", 1)
    assert drawn.returncode == 0, drawn.stderr
    truth = json.loads((tmp_path / "mill" / "truth.json").read_text())
    assert len(truth["frames"]) == 2
    found = edge("score", "--bundle", DEMO_BUNDLE, "--coils", 1, "--frames", 1)
    assert found.returncode == 0, found.stderr
    alarms = re.search(r"per 1,000 clean tiles +([\d.]+)", found.stdout)
    assert alarms
    assert float(alarms[1]) < 100


def test_the_light_is_measured_used_and_refused_when_it_was_changed(tmp_path: Path) -> None:
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 6, [])
    source = {"kind": "folder", "path": str(frames)}
    whole = sections(tmp_path, frames, source=source)
    config, light = write_config(tmp_path, whole), tmp_path / "light.json"
    few = edge("calibrate-light", "--config", config, "--frames", 5, "--from", tmp_path)
    assert few.returncode == 2
    made = edge("calibrate-light", "--config", config, "--frames", 5, "--out", light)
    assert made.returncode == 0, made.stderr
    assert "5 frames, 0 unused" in made.stdout
    assert light.with_suffix(".png").stat().st_size
    optics = {"mm_per_px_along": 0.5, "mm_per_px_across": 0.5, "flat_field": "light.json"}
    config = write_config(tmp_path, {**whole, "optics": optics})
    assert edge("check-config", config).returncode == 0
    with Daemon(config, "inspect") as daemon:
        assert daemon.wait() == 0
    light.write_text(light.read_text().replace("128", "129"))
    refused = edge("check-config", config)
    assert refused.returncode == 2
    assert "changed since it was written" in refused.stderr
