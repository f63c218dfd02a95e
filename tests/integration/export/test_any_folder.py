"""A folder of pictures that nobody here has seen goes to a bundle and through `classify`."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.bundle import open_bundle
from tests.conftest import ROOT
from tests.integration.conftest import refused_by, said_by
from tests.integration.training.conftest import QUICK, SMALL, draw
from training.run import open_run

pytestmark = pytest.mark.integration

KINDS = {"good": ("clean", 80), "Hole-2": ("hole", 30), "long_scratch": ("scratch", 60)}
"""Folder name, what is drawn, how many."""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Odd and mixed sizes, colour and grey, four formats, nested names, a stray text file."""
    generator, folder = np.random.default_rng(3), tmp_path / "pictures"
    for name, (kind, count) in KINDS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            size = (int(generator.integers(33, 300)), int(generator.integers(33, 300)))
            image = cv2.resize(draw(kind, generator), size)
            if number % 3 == 0:
                image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            suffix = ("png", "jpg", "bmp", "tif")[number % 4]
            cv2.imencode(f".{suffix}", image)[1].tofile(folder / name / f"Bild {number}.{suffix}")
        (folder / name / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture
def other_line(tmp_path: Path) -> Path:
    """Six holes of another line, brighter."""
    generator, folder = np.random.default_rng(4), tmp_path / "other"
    (folder / "pit").mkdir(parents=True)
    for number in range(6):
        image = draw("hole", generator) + np.uint8(40)
        cv2.imwrite(str(folder / "pit" / f"{number}.png"), image)
    return folder


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("commands")
def test_every_stage_takes_it(pictures: Path, other_line: Path, tmp_path: Path) -> None:
    """Teacher, migration, distilled student that learns from it, bundle, classify."""
    recipe, out = tmp_path / "quick.yaml", tmp_path / "out"
    recipe.write_text(QUICK + SMALL)
    config = "--data", pictures, "--config", recipe, "--epochs", 1
    said_by("stripsight-train", "teacher", "--out", out / "teacher", *config)
    said_by(
        "stripsight-train", "migrate", "--source", other_line, "--target", pictures,
        "--class", "pit=Hole-2", "--split", out / "teacher/split.csv", "--config", recipe,
        "--out", out / "pits", "--epochs", 1,
    )  # fmt: skip
    said = said_by(
        "stripsight-train", "student", "--out", out / "student", *config,
        "--teacher", out / "teacher", "--extra", out / "pits/migrated",
    )  # fmt: skip
    assert "and 6 migrated images to learn from" in said
    say = "--run", out / "student", "--data", pictures, "--out", out / "bundle"
    said_by("stripsight-export", "bundle", *say, "--precision", "fp32")
    assert "accuracy" in said_by(
        "stripsight-edge", "classify", "--bundle", out / "bundle", pictures
    )


@pytest.mark.usefixtures("commands")
def test_a_bundle_needs_no_teacher(pictures: Path, tmp_path: Path) -> None:
    recipe, out = tmp_path / "quick.yaml", tmp_path / "out"
    recipe.write_text(QUICK)
    script = ROOT / "deploy" / "training" / "bundle.sh", pictures, recipe, out
    assert "student-1, int8" in said_by(*script, "--fold", 1)
    assert not (out / "teacher").exists()
    assert "stripsight-train teacher" not in (out / "bundle/MODEL_CARD.md").read_text("utf-8")
    assert "recipe, fold or teacher" in refused_by(*script, "--teacher", "--fold", 1)


@pytest.mark.usefixtures("commands")
def test_it_becomes_a_bundle_that_classifies_it(pictures: Path, tmp_path: Path) -> None:
    recipe, out = tmp_path / "quick.yaml", tmp_path / "out"
    recipe.write_text(QUICK)
    script = ROOT / "deploy" / "training" / "bundle.sh", pictures, recipe, out
    assert "student-1, int8" in said_by(*script, "--teacher")
    assert "there already" in said_by(*script, "--teacher")
    assert "--mm-per-px 0.5; say it in" in refused_by(*script, "--mm-per-px", 0.5)
    (tmp_path / "other.yaml").write_text(QUICK + "seed: 5\n")
    said = refused_by(*script[:2], tmp_path / "other.yaml", out, "--teacher")
    assert "was begun with another recipe" in said
    for others in ((), ("--teacher", "--fold", 1)):
        assert "recipe, fold or teacher" in refused_by(*script, *others)
    assert "--fold needs a number" in refused_by(*script, "--fold")
    card = open_bundle(out / "bundle").card
    made = (out / "bundle" / "MODEL_CARD.md").read_text("utf-8")
    for words in ("stripsight-train teacher", "stripsight-train student", "stripsight-export"):
        assert f"\n{words} " in made
    assert card.classes.clean == ("good",)
    assert set(card.thresholds) == {"Hole-2", "long_scratch"}
    tested = [file for file, part in open_run(out / "student").split.items() if part == "test"]
    clean = [file for file in tested if file.startswith("good/")]
    assert card.metrics["false_alarms"].images == len(clean) > 10
    answers = tmp_path / "answers.json"
    said_by("stripsight-edge", "classify", "--bundle", out / "bundle", pictures, "--json", answers)
    answer = json.loads(answers.read_text())
    assert len(answer["files"]) == sum(count for _, count in KINDS.values())
    assert {file["truth"] for file in answer["files"]} == set(KINDS)
    assert set(answer["metrics"]["recall"]) == set(KINDS)
    assert all(abs(sum(f["probabilities"].values()) - 1) < 1e-3 for f in answer["files"])
