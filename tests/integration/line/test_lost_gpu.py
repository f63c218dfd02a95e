"""The whole inspecting process loses its GPU while strip passes."""

import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from contract.bodies import ModelChanged
from tests.gpu import needs_gpu
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

WITHIN_S = 1.0


class LosableDaemon(Daemon):
    """An inspecting process whose `cuda` fails from the moment a file is there."""

    def __init__(self, config: Path, module: str, lost: Path) -> None:
        super().__init__(config, "inspect")
        self._command[1:3] = ["-c", f"from {module} import main; main()", str(lost)]


@pytest.mark.parametrize(
    ("module", "standby", "why"),
    [
        ("tests.line.lost_gpu", "openvino", "the device is gone"),
        pytest.param(
            "tests.line.faulty_gpu", "onnxruntime", "cuda cannot run the graph", marks=needs_gpu
        ),
    ],
)
def test_the_line_goes_on_and_says_so_within_a_second(
    module: str, standby: str, why: str, tmp_path: Path
) -> None:
    frames = write_strip(tmp_path / "frames", 4, [(1, 2, 5)])
    write_line_bundle(tmp_path / "bundle")
    lost = tmp_path / "lost"
    inspect = {"backends": ["cuda", standby], "deadline_s": 5.0}
    config = write_config(tmp_path, sections(tmp_path, frames, inspect=inspect))
    with LosableDaemon(config, module, lost) as daemon:
        daemon.wait_until_inspecting()
        before = daemon.status()
        assert (before["state"], before["backend"]) == ("running", "cuda")
        lost.touch()
        start = time.monotonic()
        after = wait_for(lambda: _degraded(daemon), "it shows as degraded", 30)
        assert time.monotonic() - start < WITHIN_S
        assert after["backend"] == standby
        assert why in after["degraded"][0]
        assert after["degraded"][0].endswith(f"; {standby} took over")
        assert daemon.metrics()["stripsight_degraded"] == 1
        assert f"{standby} took over" in _ready(daemon)
        seen = after["frames"]
        wait_for(lambda: daemon.status()["frames"] > seen + 4, "strip goes on", 30)
    events = [row.event.body() for row in daemon.reader().after(0, 1000)]
    changes = [body for body in events if isinstance(body, ModelChanged)]
    told = [(change.activation, change.backend) for change in changes]
    assert told == [("start", "cuda"), ("fallback", standby)]


def _degraded(daemon: Daemon) -> dict[str, Any]:
    status = daemon.status()
    return status if status.get("state") == "degraded" else {}


def _ready(daemon: Daemon) -> str:
    port = daemon.settings["metrics"]["inspect_port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        page: str = answer.read().decode()
        return page
