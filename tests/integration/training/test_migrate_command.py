"""`migrate` as a user gives it, and what a student makes of the images."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from tests.integration.training.conftest import SMALL, draw
from training.cli import main
from training.config import load_settings
from training.data import load_images
from training.extra import with_extra
from training.job import read_plan
from training.migrate.data import ClassPair, load_lines
from training.run import file_digest, open_run
from training.split_file import read_split
from training.study_table import read_rows

pytestmark = pytest.mark.integration

COMMAND = (sys.executable, "-c", "from training.cli import main; main()")
SOURCES = 7


def command(*arguments: object) -> int:
    """Exit code."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture(scope="session")
def small(quick: Path) -> Path:
    path = quick.with_name("small.yaml")
    path.write_text(quick.read_text() + SMALL)
    return path


@pytest.fixture(scope="session")
def other_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another line's folder: one class alone, some images of one piece."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "scar").mkdir()
    generator = np.random.default_rng(5)
    rows = ["file,group"]
    for number in range(SOURCES):
        cv2.imwrite(str(folder / "scar" / f"{number}.png"), 255 - draw("scratch", generator))
        rows.append(f"scar/{number}.png,piece{number // 2}")
    (folder / "groups.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def plain(images: Path, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("migrations") / "plain"
    options = ("--data", images, "--out", out, "--config", small, "--epochs", 1, "--no-distill")
    assert command("student", *options) == 0
    return out


@pytest.fixture(scope="session")
def migration(images: Path, small: Path, other_line: Path, plain: Path) -> Path:
    out = plain.with_name("migration")
    options = ("--source", other_line, "--target", images, "--class", "scar=hole", "--out", out)
    assert command("migrate", *options, "--config", small, "--judge", plain) == 0
    return out


@pytest.fixture
def migrated(migration: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(migration / "migrated", tmp_path / "migrated")


def test_the_images_say_where_they_come_from(migration: Path, plain: Path) -> None:
    folder = migration / "migrated"
    with (folder / "provenance.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == SOURCES
    digest = file_digest(migration / "generator.pt")
    for number, row in enumerate(rows):
        image = cv2.imread(str(folder / row["file"]), cv2.IMREAD_UNCHANGED)
        assert image is not None
        assert image.shape == (32, 32)
        assert row["file"].startswith("hole/")
        assert row["source_image"] == f"scar/{number}.png"
        assert row["source_group"] == f"piece{number // 2}"
        assert (row["checkpoint"], row["seed"]) == (digest, "0")
        assert row["sha256"] == file_digest(folder / row["file"])
    origin = json.loads((folder / "dataset.json").read_text())
    split = open_run(plain).split
    learned = [file for file, part in split.items() if part == "train" and file[:4] == "hole"]
    assert sorted(origin["target_images"]) == sorted(learned)
    assert origin["target_digest"] == open_run(plain).data_digest
    assert read_split(folder / "split.csv") == read_split(plain / "split.csv")


def test_progress_is_kept_in_pictures_and_figures(migration: Path) -> None:
    for name in ("samples/epoch-0001.png", "samples/epoch-0002.png", "curves.png"):
        assert cv2.imread(str(migration / name)) is not None
    with (migration / "curves.csv").open() as stream:
        curves = list(csv.DictReader(stream))
    assert [row["epoch"] for row in curves] == ["0", "1"]
    assert [float(row["learning_rate"]) for row in curves] == pytest.approx([2e-4, 1e-4])
    quality = json.loads((migration / "quality.json").read_text())
    assert set(quality["kid"]) == {"migrated_to_target", "source_to_target", "target_halves"}
    for space in ("grey_levels", "embedding"):
        figures = quality[f"nearest_neighbour_{space}"]
        assert all(figures[name] > 0 for name in figures if name != "copied_share")
    assert set(quality["named_as_target_class"]) == {"migrated", "source", "target"}
    assert "migrated to target" in (migration / "quality.txt").read_text()


def test_a_student_learns_from_them_and_is_judged_on_its_own(
    images: Path, small: Path, migration: Path, plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = plain.with_name("with_extra")
    options = ("--data", images, "--out", out, "--config", small, "--epochs", 1, "--no-distill")
    assert command("student", *options, "--extra", migration / "migrated") == 0
    assert f"and {SOURCES} migrated images to learn from" in capsys.readouterr().out
    assert open_run(out).split == open_run(plain).split
    assert read_plan(out).extra == (str(migration / "migrated"),)
    predicted = (out / "predictions.csv").read_text()
    assert "migrated" not in predicted
    assert len(predicted.splitlines()) == len((plain / "predictions.csv").read_text().splitlines())


def test_a_study_s_variant_learns_from_its_fold_s_migration(
    images: Path, small: Path, migration: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = yaml.safe_load(small.read_text())
    settings["data"].pop("folds")
    study, out = tmp_path / "study.yaml", tmp_path / "out"
    variant = {"role": "student", "folds": [0], "extra": ["scar-fold-FOLD/migrated"]}
    study.write_text(yaml.safe_dump({
        "name": "small", "folds": 3, "seeds": [0], "baseline": "migrated", "settings": settings,
        "variants": {"plain": {"role": "student", "folds": [0]}, "migrated": variant},
    }))  # fmt: skip
    words = ("study", study, "--data", images, "--out", out)
    assert command(*words) == 0
    assert "migrated/fold0-seed0 waits for migrated images in" in capsys.readouterr().out
    assert [row["variant"] for row in read_rows(out / "study.csv")] == ["plain"]
    made = out / "scar-fold-0"
    made.mkdir(parents=True)
    shutil.copytree(migration / "migrated", made / "migrated")
    assert command(*words) == 0
    assert f"and {SOURCES} migrated images to learn from" in capsys.readouterr().out
    shutil.rmtree(made)  # what is finished does not need them any more
    assert command(*words) == 0


def test_only_the_train_part_grows(images: Path, small: Path, migration: Path) -> None:
    loaded = load_images(images, load_settings(small), (32,))
    more = with_extra(loaded, [migration / "migrated"], (32,))
    before, after = (Counter(some.train_labels().tolist()) for some in (loaded, more))
    assert after - before == {loaded.classes.names.index("hole"): SOURCES}
    assert len(more.train_pixels(32)) == len(more.train_labels())
    assert (more.train_pixels(32)[: len(loaded.train_labels())] == loaded.train_pixels(32)).all()
    assert more.rows == loaded.rows


def test_images_that_changed_are_not_gone_on_with(
    images: Path, small: Path, migrated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ("--data", images, "--out", out)
    words = ("--config", small, "--no-distill", "--epochs", 1, "--extra", migrated)
    assert command("student", *options, *words) == 0
    (out / "run.json").unlink()
    plan = json.loads((out / "plan.json").read_text())
    (out / "plan.json").write_text(json.dumps(plan | {"extra_digest": "0" * 64}))
    assert command("student", *options, "--resume") == 2
    assert "the images of --extra changed since this training began" in capsys.readouterr().err


def test_of_the_source_too_only_its_train_part_may_be_taken(
    images: Path, small: Path, plain: Path, other_line: Path, tmp_path: Path
) -> None:
    parts = {f"scar/{number}.png": "test" if number > 4 else "train" for number in range(SOURCES)}
    split = tmp_path / "split.csv"
    rows = [f"{file},{part},{file}" for file, part in parts.items()]
    split.write_text("\n".join(["file,part,group", *rows]) + "\n")
    pair, settings = ClassPair("scar", "hole"), load_settings(small)
    lines = load_lines(other_line, images, pair, settings, plain / "split.csv", split)
    assert lines.source.files == tuple(file for file, part in parts.items() if part == "train")


def refused(images: Path, small: Path, extra: Path, out: Path, *more: object) -> int:
    options = ("--data", images, "--out", out, "--config", small, "--no-distill", "--extra", extra)
    return command("student", *options, *more)


@pytest.mark.parametrize("option", [("--fold", 1), ("--seed", 3)])
def test_another_split_is_refused(
    images: Path, small: Path, migrated: Path, option: tuple[str, int], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert refused(images, small, migrated, tmp_path / "out", *option) == 2
    assert "was migrated under another split" in capsys.readouterr().err


def test_fewer_images_to_learn_from_are_not_got_round(
    images: Path, small: Path, migrated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(images, small, migrated, tmp_path / "out", "--shots", 2) == 2
    assert "which is not in the run's train part" in capsys.readouterr().err


def test_spoilt_folders_are_refused(
    images: Path, small: Path, migration: Path, migrated: Path, plain: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def said(extra: Path = migrated) -> str:
        assert refused(images, small, extra, tmp_path / "out") == 2
        return capsys.readouterr().err

    assert "not of `stripsight-train migrate`" in said(images)
    assert f"holds no migrated images; give {migration}" in said(migration)
    one = migrated / "hole" / "migrated-00000.png"
    shutil.copy(one, migrated / "hole" / "more.png")
    assert "hole/more.png is not listed" in said()
    (migrated / "hole" / "more.png").rename(tmp_path / "more.png")
    one.rename(tmp_path / "one.png")
    assert "is listed but missing" in said()
    (tmp_path / "one.png").rename(one)
    kept = one.read_bytes()
    held_out = next(f for f, part in open_run(plain).split.items() if part == "test")
    shutil.copy(images / held_out, one)
    assert "hole/migrated-00000.png is not the image that was migrated" in said()
    one.write_bytes(kept)
    (migrated / "hole").rename(migrated / "pit")
    assert "holds pit, said to be hole" in said()
    (migrated / "pit").rename(migrated / "hole")
    (migrated / "provenance.csv").write_text("file,source\n")
    assert "must have the columns" in said()
    (migrated / "dataset.json").write_text('{"mm_per_px": 1}')
    assert "not of `stripsight-train migrate`" in said()


def test_other_target_images_are_refused(
    images: Path, small: Path, migrated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = shutil.copytree(images, tmp_path / "changed")
    shutil.copy(changed / "hole" / "01.png", changed / "hole" / "03.png")
    assert refused(changed, small, migrated, tmp_path / "out") == 2
    assert "was migrated to other images" in capsys.readouterr().err


def test_a_copy_of_a_held_out_image_is_no_source(
    images: Path, small: Path, other_line: Path, plain: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source = shutil.copytree(other_line, tmp_path / "source")
    (source / "groups.csv").unlink()
    split = open_run(plain).split
    held_out = next(file for file, part in split.items() if part == "test" and "png" in file)
    shutil.copy(images / held_out, source / "scar" / "copy.png")
    options = ("--source", source, "--target", images, "--class", "scar=hole", "--config", small)
    assert command("migrate", *options, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "scar/copy.png shows the same as" in said
    assert held_out in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--class", "scar"), "must be NAME=NAME"),
        (("--class", "scar=pit"), "has no class 'pit'"),
        (("--class", "dent=hole"), "has no class 'dent'"),
        (("--class", "scar=hole", "--resume"), "nothing to resume there"),
        (("--class", "scar=hole", "--resume", "--seed", "1"), "--resume takes everything else"),
    ],
)
def test_mistakes_are_said(
    images: Path, other_line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...], said: str,
) -> None:  # fmt: skip
    given = ("--source", other_line, "--target", images, "--out", tmp_path / "out", *options)
    assert command("migrate", *given) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_broken_off_migration_goes_on(
    images: Path, small: Path, other_line: Path, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "out"
    options = [
        "migrate", "--source", str(other_line), "--target", str(images), "--class", "scar=hole",
        "--out", str(out),
    ]  # fmt: skip
    begin = [*COMMAND, *options, "--config", str(small), "--epochs", "10"]
    with subprocess.Popen(begin, text=True, stderr=subprocess.PIPE) as process:
        deadline_s = time.monotonic() + 200
        while not (out / "samples" / "epoch-0002.png").is_file():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said.strip().splitlines()[-1] == "stripsight-train: stopped; go on with --resume"
    assert not (out / "migrated").exists()
    first = out / "samples" / "epoch-0001.png"
    written_ns = first.stat().st_mtime_ns
    assert command(*options, "--resume") == 0
    assert first.stat().st_mtime_ns == written_ns, "not drawn again"
    with (out / "curves.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == [str(n) for n in range(10)]
    assert float(rows[4]["learning_rate"]) == pytest.approx(2e-4)
    assert float(rows[9]["learning_rate"]) == pytest.approx(2e-4 / 6, rel=1e-5)
    assert len(list((out / "migrated" / "hole").iterdir())) == SOURCES
    assert command(*options, "--resume") == 2
