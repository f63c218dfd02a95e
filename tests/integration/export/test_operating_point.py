"""A run with an operating point becomes a bundle that says so and whose graph carries it."""

import math
from pathlib import Path

import numpy as np
import pytest

from contract.errors import ConfigError
from export.images import load_images
from export.make import Order, make_bundle
from runtime.engine import load_engine
from training.operating import OperatingPoint
from training.run import Run

pytestmark = pytest.mark.integration

POINT = OperatingPoint(
    training_balance={"blotch": 0.25, "clean": 0.5, "scratch": 0.25},
    line_frequencies={"blotch": 0.02, "clean": 0.95, "scratch": 0.03},
    missed_cost={"blotch": 40.0, "scratch": 0.5},
    false_alarm_cost=2.0,
    logit_offset={
        "blotch": math.log(0.02 / 0.25 * 20),
        "clean": math.log(0.95 / 0.5),
        "scratch": math.log(0.03 / 0.25 / 4),
    },
)


def shifted_run(run: Run) -> Run:
    return Run(run.path, run.record.model_copy(update={"operating": POINT}))


def order(run: Run, data: Path, out: Path, clean: tuple[str, ...] | None = None) -> Order:
    return Order(
        run=run, data=data, out=out, precision="int8", name="shifted", version="1",
        mm_per_px=None, clean=clean, scale_tolerance=0.25, command=("stripsight-export",),
    )  # fmt: skip


def test_the_graph_carries_the_shift_and_the_card_says_it(
    trained_run: Run, images: Path, tmp_path: Path
) -> None:
    bundle = make_bundle(order(shifted_run(trained_run), images, tmp_path / "shifted"), print)
    plain = make_bundle(order(trained_run, images, tmp_path / "plain"), print)
    tiles = load_images(trained_run, images).part("test").pixels
    found = load_engine(bundle, ["openvino"], 1, (8,)).classify(tiles)[0].copy()
    before = load_engine(plain, ["openvino"], 1, (8,)).classify(tiles)[0].copy()
    weighed = before * np.exp([POINT.logit_offset[name] for name in bundle.card.classes.names])
    np.testing.assert_allclose(found, weighed / weighed.sum(axis=1, keepdims=True), atol=0.02)
    text = (bundle.path / "MODEL_CARD.md").read_text("utf-8")
    assert "## Operating point" in text
    assert "| blotch | 25 | 2 | 20 |" in text
    assert "| clean | 50 | 95 | - |" in text
    assert "## Operating point" not in (plain.path / "MODEL_CARD.md").read_text("utf-8")


def test_other_clean_classes_at_export_are_refused(
    trained_run: Run, images: Path, tmp_path: Path
) -> None:
    wrong = order(shifted_run(trained_run), images, tmp_path / "b", ("clean", "scratch"))
    with pytest.raises(ConfigError, match="operating point was made for other clean classes"):
        make_bundle(wrong, print)
