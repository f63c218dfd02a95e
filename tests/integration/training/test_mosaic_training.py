"""A training with mosaics, and the sheet that shows them."""

import csv
from pathlib import Path

import cv2
import pytest

from tests.integration.training.test_train_commands import command
from training.run import open_run

pytestmark = pytest.mark.integration


def test_a_student_learns_from_mosaics_and_judges_them(
    images: Path, quick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "mosaic.yaml"
    settings.write_text(quick.read_text() + "mosaic: {share: 0.5}\n")
    digests = []
    for name, config in (("plain", quick), ("fused", settings)):
        options = ("--data", images, "--out", tmp_path / name, "--config", config, "--epochs", 1)
        assert command("student", *options, "--no-distill") == 0
        digests.append(open_run(tmp_path / name).record.weights_digest)
    assert digests[0] != digests[1]

    capsys.readouterr()
    words = ("evaluate", "--run", tmp_path / "fused", "--data", images, "--part", "all")
    assert command(*words, "--mosaics", "--out", tmp_path / "labels") == 0
    said = capsys.readouterr().out
    original, fused = (
        [*csv.DictReader((tmp_path / "labels" / name / "predictions.csv").read_text().splitlines())]
        for name in ("originals", "mosaics")
    )
    assert said.startswith(f"all images: {len(fused)} of 36 make a mosaic")
    assert [row["file"] for row in original] == [row["file"] for row in fused]
    assert original != fused
    assert command(*words, "--mosaics", "--corrupt", "all", "--out", tmp_path / "both") == 2
    assert "give one of --jpeg-quality, --corrupt and --mosaics" in capsys.readouterr().err


def test_the_sheet_shows_every_class(
    images: Path, quick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    words = ("examples", "--data", images, "--config", quick)
    assert command(*words, "--out", out) == 0
    said = capsys.readouterr().out
    assert [line.split(":")[0] for line in said.splitlines()[:3]] == ["clean", "hole", "scratch"]
    sheet = cv2.imread(str(out), cv2.IMREAD_GRAYSCALE)
    assert sheet is not None
    assert sheet.shape[1] > sheet.shape[0] > 150
    assert command(*words, "--out", tmp_path / "sheet.txt") == 2
    assert command(*words, "--out", tmp_path / "nowhere" / "sheet.png") == 2
    assert "cannot be written (No such file" in capsys.readouterr().err
