"""A training that is told the line's class shares and costs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.cli import main
from training.run import open_run

pytestmark = pytest.mark.integration


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_the_run_keeps_and_applies_the_operating_point(
    images: Path, quick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "line.yaml", tmp_path / "run"
    config.write_text(
        quick.read_text()
        + "operating: {line_frequencies: {clean: 0.98, hole: 0.01, scratch: 0.01},"
        " missed_cost: {hole: 50, scratch: 0.25}}\n"
    )
    options = ("student", "--no-distill", "--data", images, "--out", out, "--config", config)
    assert command(*options, "--epochs", 1) == 0
    assert "expected cost of 1,000 tiles of the line: " in capsys.readouterr().out
    run = open_run(out)
    assert run.thresholds == {"hole": 0.0, "scratch": 0.0}
    point = run.record.operating
    assert point is not None
    tiles = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        shifted = run.load_deployed()(tiles)[0].numpy()
        normal = ((tiles.float() - run.record.mean) / run.record.std)[:, None]
        logits = run.load_network()(normal)[0].numpy() / run.record.temperature
    weighed = np.exp(logits + [point.logit_offset[name] for name in run.classes.names])
    np.testing.assert_allclose(shifted, weighed / weighed.sum(axis=1, keepdims=True), atol=1e-5)


def test_a_table_that_does_not_fit_is_told_before_the_training(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "line.yaml", tmp_path / "run"
    config.write_text("operating: {missed_cost: {hole: 50}}\n")
    options = ("student", "--no-distill", "--data", images, "--out", out, "--config", config)
    assert command(*options) == 2
    said = capsys.readouterr().err
    assert "operating.missed_cost: scratch is missing; give every defect class" in said
    assert len(said.strip().splitlines()) == 1
