"""The GPU fails in the middle of a coil: the inspector goes on with the engine's standby."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from contract.bodies import Defect, ModelChanged
from edge.acquire.coils import ConstantCoils
from edge.errors import EngineError
from edge.inspect.loop import Inspector
from edge.lifecycle.slot import ModelSlot
from edge.metrics import InspectMetrics
from edge.types import U8, Commit, Frame, RowMap
from runtime.engine import Engine
from runtime.factory import open_backend
from tests.unit.edge.inspect.test_loop import (
    CLEAN,
    COLUMNS,
    FRAME_M,
    ROW_M,
    ROWS,
    Line,
    kinds,
    report_of,
    with_defect,
)
from tests.unit.runtime.small_bundle import SIDE
from tests.unit.runtime.test_standby import Failing

BATCH = 32
BATCHES_PER_FRAME = ROWS * COLUMNS // BATCH


class LineWithGpu(Line):
    """The same line on a GPU that answers so many batches, with the processor behind it."""

    def __init__(self, folder: Path, batches: int, standby_batches: int | None = None) -> None:
        super().__init__(folder)
        model, registry = self.slot.active, CollectorRegistry()
        behind = (
            open_backend("openvino", model.bundle.model.read_bytes(), "fp32", 1)
            if standby_batches is None
            else Failing(standby_batches, "openvino")
        )
        engine = Engine(model.bundle.card, Failing(batches), (BATCH,), None, behind)
        self.slot, self.registry = ModelSlot(replace(model, engine=engine)), registry
        coils = ConstantCoils(self.config.coils)
        metrics = InspectMetrics(registry)
        self.inspector = Inspector(self.config, self.slot, coils, metrics, self.clock)

    def backend_shown(self) -> set[str]:
        samples = (s for family in self.registry.collect() for s in family.samples)
        return {s.labels["backend"] for s in samples if s.name == "stripsight_model_info"}


def changes(commits: list[Commit]) -> list[ModelChanged]:
    return [d.body for c in commits for d in c.drafts if isinstance(d.body, ModelChanged)]


@pytest.mark.parametrize("batch", range(BATCHES_PER_FRAME))
def test_a_lost_gpu_costs_no_cell_and_no_defect(tmp_path: Path, batch: int) -> None:
    line = LineWithGpu(tmp_path, BATCHES_PER_FRAME + batch)
    commits = [line.frame(0)]
    assert line.backend_shown() == {"cuda"}
    start = time.perf_counter()
    commits.append(line.frame(1, with_defect(0, 3)))
    assert time.perf_counter() - start < 1
    assert line.slot.active.engine.degraded is not None
    assert line.backend_shown() == {"openvino"}
    assert line.inspector.valid
    commits += [line.frame(2, with_defect(ROWS - 1, COLUMNS - 1)), line.frame(3)]
    (change,) = changes(commits)
    assert kinds(commits[1])[0] == "model_changed"
    assert (change.activation, change.backend) == ("fallback", "openvino")
    assert change.at_m == pytest.approx(FRAME_M)
    assert change.before == change.after == line.slot.active.reference
    report = report_of(commits[3].drafts)
    assert report.cells == {"on_time": report.expected_cells}
    assert report.defects == {"right": 2}
    assert report.models == (line.slot.active.reference,)
    opened = [d.body for d in commits[1].drafts if isinstance(d.body, Defect)]
    assert opened[0].extent.from_m == pytest.approx(FRAME_M)


def test_a_slow_takeover_is_late_by_name(tmp_path: Path) -> None:
    line = LineWithGpu(tmp_path, 0)
    rows = RowMap(0.0, ROW_M, ROWS * SIDE)
    frame = Frame(0, np.array(CLEAN), rows, None, line.clock.now())
    line.clock.ns = 900_000_000
    line.inspector.inspect(frame)
    value = line.registry.get_sample_value("stripsight_cells_total", {"outcome": "late"})
    assert value == ROWS * COLUMNS


def test_a_standby_that_fails_too_ends_the_process(tmp_path: Path) -> None:
    line = LineWithGpu(tmp_path, 0, standby_batches=1)
    pixels: U8 = CLEAN
    with pytest.raises(EngineError, match="openvino failed while it inspected"):
        line.frame(0, pixels)
