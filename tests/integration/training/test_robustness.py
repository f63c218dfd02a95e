"""A run judged on corrupted tiles, as a user and as a study ask for it."""

import csv
import json
from pathlib import Path

import pytest

from contract.errors import ConfigError
from tests.integration.training.test_train_commands import command
from training.corruptions import CLEAN, Condition
from training.robustness import judge_corrupted
from training.run import Run, open_run

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def run(images: Path, quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "student"
    options = ("--data", images, "--out", out, "--config", quick, "--no-distill", "--epochs", 1)
    assert command("student", *options) == 0
    return open_run(out)


def test_every_condition_is_judged_on_the_same_images(
    images: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("evaluate", "--run", run.path, "--data", images, "--out", out)
    assert command(*words, "--corrupt", "noise", "--corrupt", "jpeg:2") == 0
    said = capsys.readouterr().out
    assert said == (out / "corrupted.txt").read_text() + "\n"
    with (out / "corrupted.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["condition"], r["severity"]) for r in rows] == [
        ("clean", "0"), ("noise", "1"), ("noise", "2"), ("noise", "3"), ("jpeg", "2"),
    ]  # fmt: skip
    own = json.loads((run.path / "metrics.json").read_text())
    assert float(rows[0]["accuracy"]) == pytest.approx(
        own["figures"]["accuracy"]["value"], abs=1e-6
    )
    clean = (out / "clean" / "predictions.csv").read_text()
    assert clean == (run.path / "predictions.csv").read_text()
    noisy = (out / "noise-3" / "predictions.csv").read_text()
    files = [[line.split(",")[0] for line in text.splitlines()] for text in (clean, noisy)]
    assert files[0] == files[1]
    assert clean != noisy
    assert (out / "corrupted.png").stat().st_size > 0


def test_the_same_again_whatever_else_is_judged(images: Path, run: Run, tmp_path: Path) -> None:
    noise = Condition("noise", 2)
    some = judge_corrupted(run, images, tmp_path / "some", [noise])
    every = judge_corrupted(run, images, tmp_path / "all", [CLEAN, noise], part="all")
    assert list(some) == list(every) == [CLEAN, noise]
    rows = {}
    for name in ("some", "all"):
        with (tmp_path / name / "noise-2" / "predictions.csv").open(newline="") as stream:
            rows[name] = {r["file"]: r["scratch"] for r in csv.DictReader(stream)}
    assert len(rows["all"]) == 36 > len(rows["some"])
    for file, chance in rows["some"].items():
        assert float(rows["all"][file]) == pytest.approx(float(chance), abs=1e-5)


def test_mistakes_are_named_before_anything_is_written(
    images: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("evaluate", "--run", run.path, "--data", images, "--out", out)
    assert command(*words, "--corrupt", "fog") == 2
    assert "noise, motion, defocus, shade, jpeg" in capsys.readouterr().err
    assert command(*words, "--corrupt", "noise", "--jpeg-quality", 50) == 2
    assert command(*words, "--corrupt", "noise", "--part", "unused") == 2
    for name in ("hole", "scratch"):
        (tmp_path / "other" / name).mkdir(parents=True)
        (tmp_path / "other" / name / "1.png").write_bytes(b"another picture")
    with pytest.raises(ConfigError, match="is not the data"):
        judge_corrupted(run, tmp_path / "other", out, [])
    assert not out.exists()
