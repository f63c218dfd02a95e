"""The commands as a user gives them: teacher, student, evaluate, broken off, taken up, mistaken."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.conftest import ROOT
from training import fit
from training.cli import main
from training.config import load_settings
from training.curves import read_curves
from training.data import load_images
from training.losses import mean_of_classes
from training.run import open_run
from training.shrinkage import look

pytestmark = pytest.mark.integration

COMMAND = (sys.executable, "-c", "from training.cli import main; main()")
REPORT = ("metrics.json", "metrics.txt", "predictions.csv", "confusion.png")


def command(*arguments: object) -> int:
    """Exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture(scope="session")
def teacher(images: Path, quick: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "teacher"
    assert command("teacher", "--data", images, "--out", out, "--config", quick) == 0
    return out


@pytest.fixture(scope="session")
def student(images: Path, quick: Path, teacher: Path) -> Path:
    out = teacher.with_name("student")
    options = ("--data", images, "--out", out, "--config", quick, "--teacher", teacher)
    assert command("student", *options) == 0
    return out


def test_a_run_holds_all_that_export_needs(images: Path, teacher: Path, student: Path) -> None:
    run = open_run(student)
    assert run.classes.names == ("clean", "hole", "scratch")
    assert run.classes.clean == ("clean",)
    assert (run.input_px, run.tile_px, run.mm_per_px) == (32, 42, 0.5)
    assert set(run.thresholds) == {"hole", "scratch"}
    assert run.record.teacher == open_run(teacher).record.weights_digest
    assert run.split == open_run(teacher).split
    assert set(run.split) == {
        str(p.relative_to(images)) for p in images.glob("*/*") if p.suffix in {".png", ".jpg"}
    }
    assert {"accuracy", "macro_f1", "gmean", "ece"} <= set(run.metrics)
    for name in (*REPORT, "curves.csv", "curves.png", "config.yaml", "weights.pt"):
        assert (student / name).stat().st_size > 0


def test_the_deployed_network_takes_raw_tiles(student: Path) -> None:
    deployed = open_run(student).load_deployed()
    with torch.inference_mode():
        probabilities, embedding = deployed(torch.zeros(2, 32, 32, dtype=torch.uint8))
    assert probabilities.shape == (2, 3)
    assert embedding.shape == (2, 512)
    assert probabilities.sum(dim=1).tolist() == pytest.approx([1, 1], abs=1e-6)


@pytest.mark.parametrize("role", ["teacher", "student"])
def test_the_kept_weights_are_those_that_were_validated(
    images: Path, teacher: Path, student: Path, role: str
) -> None:
    run = open_run(teacher if role == "teacher" else student)
    loaded = load_images(images, load_settings(run.path / "config.yaml"), (run.input_px,))
    held_out = loaded.indices("validation")
    tiles = torch.from_numpy(loaded.pictures.pixels[run.input_px][held_out])[:, None].float()
    record, labels = run.record, torch.from_numpy(loaded.folder.labels[held_out])
    with torch.inference_mode():
        logits, _ = run.load_network()((tiles - record.mean) / record.std)
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    curves = read_curves(run.path / "curves.csv")
    chosen = min(float(row["validation_loss"]) for row in curves)
    assert float(curves[record.best_epoch]["validation_loss"]) == chosen
    assert float(mean_of_classes(losses, labels)) == pytest.approx(chosen, rel=1e-4)


def test_evaluate_repeats_the_run_s_own_figures(
    images: Path, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--run", student, "--data", images, "--out", tmp_path / "report")
    assert command("evaluate", *options) == 0
    assert "accuracy" in capsys.readouterr().out
    own = json.loads((student / "metrics.json").read_text())
    again = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert again["figures"] == own["figures"]
    assert again["confusion"] == own["confusion"]
    predictions = (tmp_path / "report" / "predictions.csv").read_text().splitlines()
    assert (
        len(predictions) - 1
        == own["images"]
        == list(open_run(student).split.values()).count("test")
    )


def test_a_teacher_s_thresholds_can_be_looked_at(
    images: Path, quick: Path, teacher: Path, student: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    picture = tmp_path / "thresholds.png"
    assert command("thresholds", "--run", teacher, "--data", images, "--out", picture) == 0
    assert picture.stat().st_size > 10_000
    found = look(open_run(teacher), images)
    assert [(f.stage, f.block) for f in found] == [(s, b) for s in (1, 2, 3, 4) for b in (1, 2)]
    for shrinkage in found:
        assert shrinkage.relative.shape == (3, 64 * 2 ** (shrinkage.stage - 1))
        assert ((shrinkage.relative > 0) & (shrinkage.relative < 1)).all()
        assert ((shrinkage.zeroed > 0) & (shrinkage.zeroed < 1)).all()
    config, by_cell = tmp_path / "cell.yaml", tmp_path / "by-cell"
    config.write_text(quick.read_text().replace("depth: 18", "depth: 18, thresholds: cell"))
    options = ("--data", images, "--out", by_cell, "--config", config, "--epochs", 1)
    assert command("teacher", *options) == 0
    assert command("thresholds", "--run", by_cell, "--data", images, "--out", picture) == 0
    maps = [f.relative for f in look(open_run(by_cell), images) if f.block == 2]
    assert [found.shape for found in maps] == [(3, side, side) for side in (12, 6, 3, 2)]
    assert all(((found > 0) & (found < 1)).all() for found in maps)
    assert maps[0].std(axis=(1, 2)).min() > 0, "each place has its own"
    assert command("thresholds", "--run", student, "--data", images, "--out", picture) == 2
    assert "has no thresholds" in capsys.readouterr().err


def test_evaluate_takes_another_folder_of_the_same_classes(
    images: Path, student: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "later"
    for kind in ("hole", "scratch"):
        shutil.copytree(images / kind, folder / kind)
    options = ("--run", student, "--data", folder, "--out", tmp_path / "report", "--part", "all")
    assert command("evaluate", *options, "--jpeg-quality", 60) == 0
    report = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert report["images"] == 24
    assert report["figures"]["recall/clean"] is None


def test_a_part_is_judged_on_the_run_s_own_images_alone(
    images: Path, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(images, folder)
    shutil.copy(folder / "hole" / "01.png", folder / "hole" / "03.png")
    options = ("--run", student, "--data", folder, "--out", tmp_path / "report")
    assert command("evaluate", *options) == 2
    assert "is not the data that" in capsys.readouterr().err


def test_a_training_stopped_before_its_first_epoch_keeps_its_start_weights(
    images: Path, quick: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, start = tmp_path / "run", tmp_path / "start.pt"
    shutil.copy(teacher / "weights.pt", start)
    options = ["teacher", "--data", images, "--out", out]
    assert command(*options, "--config", quick, "--epochs", 1, "--init", start) == 0
    assert not (out / "checkpoints").exists()
    (out / "run.json").unlink()
    capsys.readouterr()
    assert command(*options, "--resume") == 0
    assert f"start weights from {start}" in capsys.readouterr().out
    (out / "run.json").unlink()
    (out / "checkpoints").mkdir()
    (out / "checkpoints" / "last.ckpt").write_bytes((out / "weights.pt").read_bytes()[:10_000])
    assert command(*options, "--resume") == 2
    assert "last.ckpt: damaged; train again" in capsys.readouterr().err


def test_a_device_that_is_not_there_leaves_the_folder_free(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    config, out = tmp_path / "gpu.yaml", tmp_path / "out"
    config.write_text("accelerator: gpu\ndevices: 4\n")
    assert command("teacher", "--data", images, "--out", out, "--config", config) == 2
    said = capsys.readouterr().err
    assert "accelerator gpu, devices 4: " in said
    assert len(said.strip().splitlines()) == 1
    assert command("teacher", "--data", images, "--out", out, "--config", config) == 2
    assert capsys.readouterr().err == said, "and not that --out is in use"


def test_a_disk_that_fills_up_is_said(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "last.ckpt")

    monkeypatch.setattr(fit, "train", full)
    assert command("teacher", "--data", images, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "No space left on device: 'last.ckpt'; make room" in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(("package", "extra"), [("training", "training"), ("export", "export")])
def test_without_torch_the_extra_is_named(tmp_path: Path, package: str, extra: str) -> None:
    code = f"import sys; sys.modules['torch'] = None; from {package}.cli import main; main()"
    options = {"training": ["evaluate"], "export": ["bundle"]}[package]
    done = subprocess.run(
        [sys.executable, "-c", code, *options, "--run", "r", "--data", "d", "--out", "o"],
        cwd=tmp_path, timeout=60, check=False, env={"PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert f'pip install "stripsight[{extra}]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_two_processes_train_one_network(images: Path, quick: Path, tmp_path: Path) -> None:
    # Lightning starts the second process by the script's own name, so it takes a script.
    script, config, out = tmp_path / "train.py", tmp_path / "two.yaml", tmp_path / "run"
    script.write_text("from training.cli import main\n\nmain()\n")
    config.write_text(quick.read_text() + "devices: 2\n")
    options = ["teacher", "--data", str(images), "--out", str(out), "--config", str(config)]
    done = subprocess.run(
        [sys.executable, str(script), *options], cwd=tmp_path, timeout=250, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch   2/2") == 1
    assert open_run(out).record.role == "teacher"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["student"], "either --teacher RUN or --no-distill"),
        (["student", "--no-distill", "--teacher", "x"], "either --teacher RUN or --no-distill"),
        (["student", "--teacher", "nowhere"], "nowhere"),
        (["student", "--no-distill", "--init", "nowhere.pt"], "nowhere.pt: no such file"),
        (["student", "--no-distill", "--split", "nowhere.csv"], "no such split file"),
        (["student", "--no-distill", "--config", "nowhere.yaml"], "no such config file"),
        (["student", "--no-distill", "--clean", "shiny"], "has no class 'shiny'"),
        (["teacher", "--resume"], "nothing to resume"),
        (["teacher", "--resume", "--epochs", "3"], "leave other options out"),
        (["teacher", "--fold", "7"], "fold 7 does not exist"),
        (["teacher", "--split", "split.csv", "--fold", "1"], "give either --split, or --fold"),
    ],
)
def test_mistakes_end_with_one_line_and_2(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str],
    message: str,
) -> None:  # fmt: skip
    assert command(*options, "--data", images, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1


def test_bad_folders_end_with_one_line_and_2(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    shutil.copytree(images, folder)
    truncated = folder / "hole" / "01.png"
    truncated.write_bytes(truncated.read_bytes()[:-40])
    options = ("teacher", "--data", folder, "--out", tmp_path / "out")
    assert command(*options) == 2
    assert str(truncated) in capsys.readouterr().err
    shutil.rmtree(folder / "hole")
    (folder / "hole").mkdir()
    cv2.imwrite(str(folder / "hole" / "0.png"), np.zeros((40, 40), np.uint8))
    assert command(*options) == 2
    assert "class hole has one image" in capsys.readouterr().err


def test_pictures_of_no_tile_s_size_are_refused_before_the_training(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    shutil.copytree(images, folder)
    generator = np.random.default_rng(0)
    for path in folder.glob("*/*.[pj]*"):
        cv2.imwrite(str(path), generator.integers(0, 256, (4, 4), dtype=np.uint8))
    assert command("teacher", "--data", folder, "--out", tmp_path / "out") == 2
    assert "typically 4 px wide and high, tiles have 8 to 4096" in capsys.readouterr().err


def test_a_used_folder_is_not_overwritten(
    images: Path, teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (teacher / "run.json").read_bytes()
    assert command("teacher", "--data", images, "--out", teacher) == 2
    said = capsys.readouterr().err
    assert "not empty" in said
    assert "--resume" not in said, "it is finished"
    assert (teacher / "run.json").read_bytes() == before


def test_a_training_does_not_go_on_under_another_teacher(
    images: Path, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(student, tmp_path / "run")
    (run / "run.json").unlink()
    plan = json.loads((run / "plan.json").read_text())
    assert plan["teacher_digest"]
    (run / "plan.json").write_text(json.dumps({**plan, "teacher_digest": "another"}))
    assert command("student", "--data", images, "--out", run, "--resume") == 2
    assert "the teacher was trained again since" in capsys.readouterr().err


def test_a_student_is_not_tested_on_its_teacher_s_images(
    images: Path, quick: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", images, "--out", tmp_path / "out", "--config", quick, "--teacher", teacher)
    assert command("student", *options, "--fold", 1) == 2
    assert "the teacher was trained on" in capsys.readouterr().err


def test_a_run_is_not_tested_on_what_its_start_weights_learned(
    images: Path, quick: Path, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", images, "--out", tmp_path / "out", "--config", quick, "--no-distill")
    assert command("student", *options, "--init", student / "weights.pt", "--fold", 1) == 2
    said = capsys.readouterr().err
    assert "these start weights were trained on" in said
    assert f"give --split {student / 'split.csv'}, and both" in said
    grown = shutil.copytree(images, tmp_path / "grown")
    shutil.copy(images / "hole/00.jpg", grown / "hole/more.jpg")
    options = ("--data", grown, *options[2:])
    assert command("student", *options, "--init", student / "weights.pt", "--fold", 1) == 2
    assert "split.csv, with a row for each image that is new, and both" in capsys.readouterr().err


def test_a_student_s_images_are_its_teacher_s(
    images: Path, quick: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under another name an image that the teacher learned from could be tested."""
    shutil.copytree(images, tmp_path / "images")
    (tmp_path / "images/hole/00.jpg").rename(tmp_path / "images/hole/new.jpg")
    options = ("--data", tmp_path / "images", "--out", tmp_path / "out", "--config", quick)
    assert command("student", *options, "--fold", 0, "--teacher", teacher) == 2
    assert "the teacher learned from other images than" in capsys.readouterr().err


def test_changed_weights_are_refused(
    images: Path, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(student, copy, ignore=shutil.ignore_patterns("checkpoints"))
    with (copy / "weights.pt").open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"\x00\xff")
    options = ("--run", copy, "--data", images, "--out", tmp_path / "report")
    assert command("evaluate", *options) == 2
    assert "changed since training" in capsys.readouterr().err


def test_few_shots_change_the_train_part_alone(
    images: Path, quick: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", images, "--config", quick, "--epochs", 1)
    few = tmp_path / "few"
    assert command("student", *options, "--out", few, "--no-distill", "--shots", 4) == 0
    assert "12 train, 8 validation, 12 test, 4 unused" in capsys.readouterr().out
    cut, whole = open_run(few).split, open_run(teacher).split
    assert {f for f in cut if cut[f] == "test"} == {f for f in whole if whole[f] == "test"}
    assert {whole[f] for f in cut if cut[f] == "unused"} == {"train"}
    report = tmp_path / "report"
    assert command("evaluate", "--run", few, "--data", images, "--out", report) == 0
    # A teacher that has seen the left-out images would make them known after all.
    wrong = (*options, "--out", tmp_path / "wrong", "--teacher", teacher, "--shots", 4)
    capsys.readouterr()
    assert command("student", *wrong) == 2
    assert "both the same --shots" in capsys.readouterr().err
