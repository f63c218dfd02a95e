"""The daemon over real images: every tile's label compared, every image accounted for.

The broker is stopped in the middle of the coil and started again; the consumer must still see a
gapless `seq` up to the newest event of the ledger.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import ROOT
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config
from tests.real_line.compose import Composed, Slot
from tests.waiting import wait_for

MM_PER_PX = 0.5
FRAMES_PER_S = 4
COIL_S = 300.0


class Outcome(NamedTuple):
    """What the drill saw."""

    images: int
    differing: list[str]
    report: dict[str, Any]
    events: int
    duplicates: int
    metrics: dict[str, Any]


def run_drill(bundle: Path, composed: Composed, folder: Path) -> Outcome:
    """Run one coil of all frames through the daemon and compare.

    Raises:
        AssertionError: a tile's label differs, an image is missing, or the consumer saw a gap.
    """
    classified = classify(bundle, composed.tiles, folder / "classified.json")
    broker = Broker(folder / "broker")
    broker.start()
    config = write_config(folder, _sections(bundle, composed, broker.port))
    consumer = Consumer(broker.port, "stripsight/mill/line-1/top/events")
    try:
        with Daemon(config) as daemon:
            daemon.wait_until_inspecting()
            wait_for(lambda: consumer.seq >= 3, "the first events arrive")
            broker.stop()
            seq = daemon.reader().last_seq()
            wait_for(lambda: daemon.reader().last_seq() > seq + 5, "events without a broker", 60)
            broker.start()
            wait_for(lambda: _report(daemon), "the coil's report", COIL_S)
            report = _report(daemon)
        last = daemon.reader().last_seq()
        wait_for(lambda: consumer.seq == last, f"the consumer has seq {last}", 30)
    finally:
        consumer.close()
        broker.stop()
    assert not consumer.gaps, consumer.gaps
    labels = {f["file"]: f["label"] for f in classified["files"]}
    differing = _differing(daemon, composed, labels)
    return Outcome(len(labels), differing, report, last, consumer.duplicates, classified["metrics"])


def classify(bundle: Path, tiles: Path, out: Path) -> dict[str, Any]:
    """`stripsight-edge classify` as a user runs it."""
    command = [sys.executable, "-m", "edge.cli", "classify", "--bundle", str(bundle), str(tiles)]
    subprocess.run([*command, "--json", str(out)], check=True, cwd=ROOT, capture_output=True)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def _sections(bundle: Path, composed: Composed, port: int) -> dict[str, Any]:
    side_mm = composed.side_px * MM_PER_PX
    return {
        "bundle": str(bundle.resolve()),
        "allow_no_clean_class": True,
        "source": {
            "kind": "pylon",
            "emulation": str(composed.frames.resolve()),
            "frames_per_s": FRAMES_PER_S,
        },
        "optics": {
            "mm_per_px_along": MM_PER_PX,
            "mm_per_px_across": MM_PER_PX,
            "assume_bundle_scale": True,
        },
        "strip": {"edges": "fixed"},
        "coils": {"length_m": composed.frame_count * side_mm / 1000, "width_mm": side_mm},
        "inspect": {"tile_log": True, "deadline_s": 60.0},
        "deliver": {"mqtt": [{"host": "127.0.0.1", "port": port}]},
    }


def _report(daemon: Daemon) -> dict[str, Any]:
    found = daemon.reader().of_coil("coil-0001", ["coil_report"])
    return found[0].event.data if found else {}


def _differing(daemon: Daemon, composed: Composed, labels: dict[str, str]) -> list[str]:
    said: dict[Slot, str] = {}
    for tile in daemon.reader().tiles():
        if tile.coil == "coil-0001":
            said[Slot(tile.frame % composed.frame_count, tile.row, tile.column)] = tile.label
    missing = set(composed.slots) - set(said)
    assert not missing, f"{len(missing)} images never met the network, the first at {min(missing)}"
    return sorted({n for slot, n in composed.slots.items() if said[slot] != labels[n]})
