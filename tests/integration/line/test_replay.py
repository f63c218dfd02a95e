"""A live run that is recorded, and its replay in another process."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.control import Request, ask
from tests.integration.line.test_commands import edge
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
RULES = {
    "version": "1",
    "severities": ["minor", "major"],
    "grades": ["prime", "second"],
    "defects": [
        {"rule": "all", "severity": "minor"},
        {"rule": "long", "longer_than_mm": 20, "severity": "major"},
    ],
    "coil": [{"rule": "a major one", "severity": "major", "more_than": 0, "grade": "second"}],
}
MISSED: dict[str, object] = {"deadline_s": 0.002, "frame_buffer": 2}
"""A deadline that the line hardly ever meets; then nothing is inspected, and no coil graded."""
KEPT = MISSED | {"deadline_s": 2}
DEFECTS = [(0, 0, 3), (2, 7, 5), (3, 0, 5), (3, 1, 6), (9, 7, 0)]


def config_of(folder: Path, **changes: object) -> Path:
    """A line that is recorded, with a source too fast for it."""
    source = {"kind": "folder", "path": str(folder / "frames"), "frames_per_s": 500, "repeat": True}
    return write_config(
        folder,
        sections(folder, folder / "frames")
        | {"source": source, "inspect": MISSED, "record": {"path": "recording", "max_gb": 1}}
        | {"grading": "grading.yaml"}
        | changes,
    )


@pytest.fixture
def line(tmp_path: Path) -> Path:
    write_line_bundle(tmp_path / "bundle")
    write_line_bundle(tmp_path / "better", version="2")
    write_strip(tmp_path / "frames", 10, DEFECTS)
    (tmp_path / "grading.yaml").write_text(yaml.safe_dump(RULES))
    return tmp_path


def reports(daemon: Daemon) -> list[dict[str, Any]]:
    return [r.event.data for r in daemon.reader().latest(["coil_report"], 10_000)]


def fates(daemon: Daemon) -> set[str]:
    """Every outcome, and those with a reason once more with it."""
    return {fate for r in reports(daemon) for fate in (*r["cells"], *r["reasons"])}


@pytest.mark.parametrize(("inspect", "fate"), [(MISSED, "late"), (KEPT, "on_time")])
def test_a_replay_gives_the_event_log_of_the_live_run(
    inspect: dict[str, object], fate: str, line: Path
) -> None:
    config = config_of(line, inspect=inspect)
    with Daemon(config, "inspect") as daemon:
        daemon.wait_until_inspecting()
        assert daemon.status()["recording"] == str(line / "recording")
        wait_for(lambda: reports(daemon), "a coil")
        arguments = {"bundle": str(line / "better"), "when": "now"}
        assert ask(line / "run", Request(action="activate", by="test", arguments=arguments), 60).ok
        coils = len(reports(daemon))
        wait_for(lambda: len(reports(daemon)) > coils + 3, "coils of the other model")
        wait_for(lambda: {fate, "lost(buffer_overflow)"} <= fates(daemon), f"{fate} and lost strip")
        wait_for(
            lambda: daemon.metrics()["stripsight_recorded_bytes_total"] > 1e6, "frames are recorded"
        )
    assert inspect is MISSED or any(report["grade"] for report in reports(daemon))
    done = edge("replay", "--from", line / "recording", "--out", line / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    live, again = edge("digest", line / "ledger"), edge("digest", line / "again")
    assert live.stdout == again.stdout
    assert f"events 1 to {daemon.reader().last_seq()}, sha256" in live.stdout
    assert f"replay  {again.stdout}" in done.stdout
