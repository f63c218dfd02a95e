"""`make bench` itself, on a network so small that it takes seconds: it must not rot unseen."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.bundle import Golden, write_bundle
from contract.classes import ClassList
from edge.types import U8
from tests.bench.__main__ import main
from tests.bench.bundles import Bundles, Shape, bench_card
from tests.bench.camera import LINES, steps
from tests.bench.delivery import steps as delivery_steps
from tests.bench.material import Material
from tests.bench.report import markdown
from tests.bench.result import CLASSES, DAYS, DENSITY, SIZE, TILES, Result, read_result
from tests.bench.step import QUICK
from tests.unit.bench.test_report import result
from tests.unit.runtime.small_bundle import SIDE, expected, small_graph, small_tiles

SHAPE = LINES[0].shape
LEFT_RIGHT = ClassList(names=("left", "right"), clean=("left",))
SECONDS = 2.0
WAITING = 10
"""Frames on their way at the beginning or the end of the stretch: the buffer holds eight."""

pytestmark = pytest.mark.integration


class SmallMaterial(Material):
    """Frames as large as the real ones, with one defect each, and a network of three layers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tiles = small_tiles()
        probabilities, embedding = expected(tiles)
        bundle = write_bundle(
            folder / "small",
            model=small_graph(LEFT_RIGHT).SerializeToString(),
            card=bench_card(LEFT_RIGHT, SHAPE.tile_px, SIDE, "fp32", embedding.shape[1], 0.9),
            golden=Golden(tiles, probabilities, embedding),
            people="# small\n",
        )
        self._bundles = Bundles(bundle, bundle, bundle)
        self._strip = folder / "strip"
        self._strip.mkdir()
        side = SHAPE.tile_px
        clean = np.repeat(np.array([140, 120], np.uint8), side // 2)
        frame = np.tile(clean, (self.size.rows, self.size.columns // side))
        frame[side : 2 * side, side : 2 * side] = np.repeat(np.array([0, 250], np.uint8), side // 2)
        for number in range(2):
            cv2.imwrite(str(self._strip / f"{number}.bmp"), frame)

    @property
    def frame_files(self) -> Path:
        return self._strip

    def tiles(self, shape: Shape) -> U8:
        return super().tiles(shape._replace(input_px=SIDE))

    def bundles(self, shape: Shape) -> Bundles:
        del shape
        return self._bundles


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return SmallMaterial(tmp_path_factory.mktemp("material"))


TOLD = 32
"""`inspect.defects_per_frame` as it comes."""


def test_growth_from_the_command_to_its_tables_and_pictures(
    material: Material, tmp_path: Path
) -> None:
    code = main(["--only", "growth", "--quick", "--anyway", "--out", str(tmp_path)], material)

    found = read_result(tmp_path)
    assert code == 0
    assert found.conditions.quick
    assert found.conditions.stolen_share is not None
    costs = {s: [c for c in found.growth if c.series == s] for s in (TILES, SIZE, DENSITY, CLASSES)}
    assert [c.value for c in costs[TILES]] == [16, 64, 256, 1024]
    assert [c.value for c in costs[CLASSES]] == [2, 4, 8, 16, 32, 64]
    assert all(c.figures["network ms"] > 0 for c in costs[SIZE])
    events = [c.figures["events"] for c in costs[DENSITY]]
    assert events[0] == 0
    assert 0 < events[1] < events[2] < 2 * TOLD, "each is opened and closed"
    assert events[-1] < events[2], "beyond inspect.defects_per_frame one is told per class"
    assert [c.value for c in found.growth if c.series == DAYS] == list(QUICK.ledger_days)
    assert (tmp_path / "growth.png").stat().st_size > 10_000
    assert (tmp_path / "benchmarks.md").read_text() == markdown(found)


def test_the_camera_scenario_accounts_for_every_frame_and_event(material: Material) -> None:
    found: Result = result()
    effort = QUICK._replace(camera_frames=round(SECONDS * 27.4), seconds=0.5)

    next(steps(material, effort)).work(found)

    (camera,) = found.camera
    offered = camera.offered_per_s * camera.seconds
    assert camera.frames + sum(camera.lost.values()) == pytest.approx(offered, abs=WAITING)
    assert sum(camera.cells.values()) == pytest.approx(64 * offered, abs=64 * WAITING)
    assert camera.gaps == 0
    assert camera.events > camera.frames  # each frame's defect is opened, closed, ...
    assert camera.committed.samples == pytest.approx(camera.frames, abs=WAITING)
    assert camera.acknowledged.samples >= camera.frames - WAITING
    assert camera.outside.samples == camera.frames
    assert 0 < camera.outside.p50 < camera.committed.p99
    stages = {
        "strip", "light", "cut", "classify", "join", "quantify", "decide", "frame", "commit",
    }  # fmt: skip
    assert set(camera.stages) == stages


def test_a_backlog_drains_while_new_defects_are_live(material: Material) -> None:
    found: Result = result()
    found.delivery.clear()

    next(delivery_steps(material, QUICK._replace(backlog_s=20))).work(found)

    (delivery,) = found.delivery
    assert delivery.events == 2000
    assert delivery.gaps == 0
    assert delivery.per_s == pytest.approx(2000 / delivery.seconds)
    assert delivery.live.samples > 0
    assert 0 < delivery.live.p50 < 5, "seconds"
