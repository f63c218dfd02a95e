"""`clean` on drawn frames and on real ones."""

import csv
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.scale import read_gray
from training.clean.grey import statistics_of
from training.cli import main

pytestmark = pytest.mark.integration


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames 256 x 512 with a pit on the left, defects as white squares where boxes are."""
    folder = tmp_path_factory.mktemp("frames")
    generator = np.random.default_rng(3)
    rows = []
    for number in range(3):
        pixels = generator.normal(110, 5, (256, 512)).clip(0, 200)
        pixels[:, :60] = 4
        top, left = 20 + 60 * number, 150 + 80 * number
        pixels[top : top + 40, left : left + 50] = 255
        rows.append(f"f{number}.png,{left},{top},{left + 50},{top + 40}")
        cv2.imwrite(str(folder / f"f{number}.png"), pixels.astype(np.uint8))
    (folder / "boxes.csv").write_text("\n".join(["file,xmin,ymin,xmax,ymax", *rows]) + "\n")
    cv2.imwrite(str(folder / "unmarked.png"), np.full((256, 512), 255, np.uint8))
    return folder


def test_no_tile_shows_defect_or_pit(frames: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    options = ("--frames", frames, "--boxes", frames / "boxes.csv", "--out", out)
    scale = ("--tile-px", 32, "--mm-per-px", 0.5, "--tile-mm-per-px", 1.0)
    assert command("clean", *options, *scale) == 0
    tiles = sorted((out / "clean").glob("*.png"))
    assert len(tiles) > 20
    for tile in tiles:
        pixels = read_gray(tile)
        assert pixels.shape == (32, 32)
        assert pixels.min() > 70
        assert pixels.max() < 200
    groups = rows_of(out / "groups.csv")
    assert [row["file"] for row in groups] == [f"clean/{tile.name}" for tile in tiles]
    assert {row["group"] for row in groups} == {f"frame:f{n}.png" for n in range(3)}
    about = json.loads((out / "dataset.json").read_text())
    assert about["mm_per_px"] == 1.0
    assert about["counts"] == {"clean": len(tiles)}
    origin = rows_of(out / "tiles.csv")
    assert {row["side_px"] for row in origin} == {"64"}
    assert read_gray(out / "sheet.png").shape[0] == 3 * 98


def test_tiles_take_side_and_grey_levels_of_another_folder(frames: Path, tmp_path: Path) -> None:
    bright = tmp_path / "images" / "scratch"
    bright.mkdir(parents=True)
    noise = np.random.default_rng(0).normal(180, 10, (64, 64))
    cv2.imwrite(str(bright / "0.png"), noise.astype(np.uint8))
    wanted = statistics_of(read_gray(bright / "0.png"))
    out = tmp_path / "clean"
    options = ("--frames", frames, "--boxes", frames / "boxes.csv", "--out", out)
    choice = ("--match", bright.parent, "--per-frame", 2, "--exclude", "f1.png")
    assert command("clean", *options, *choice) == 0
    tiles = sorted((out / "clean").glob("*.png"))
    assert len(tiles) == 4
    for tile in tiles:
        pixels = read_gray(tile)
        assert pixels.shape == (64, 64)
        found = statistics_of(pixels)
        assert found.median == pytest.approx(wanted.median, abs=2)
        assert found.spread == pytest.approx(wanted.spread, abs=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tile-mm-per-px", "1"], "give --mm-per-px as well"),
        (["--mm-per-px", "0.01", "--tile-mm-per-px", "50"], "pixels of the frame"),
        (["--tile-px", "400"], "no tile of 400 px"),
        (["--exclude", "other.png"], "does not name it"),
        (["--match", "nowhere"], "no image there to match"),
        (["--boxes", "nowhere.csv"], "nowhere.csv: not a table of boxes"),
        (["--frames", "nowhere"], "nowhere/f0.png: no such picture file"),
    ],
)
def test_mistakes_end_with_one_line_and_2(
    frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str],
    message: str,
) -> None:  # fmt: skip
    given = ["--frames", frames, "--boxes", frames / "boxes.csv", "--out", tmp_path / "out"]
    assert command("clean", *given, *options) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.data
def test_real_frames_give_clean_tiles(real_data: Path, tmp_path: Path) -> None:
    frames, out = real_data / "gc10_frames", tmp_path / "clean"
    options = ("--frames", frames, "--boxes", frames / "boxes.csv", "--out", out)
    assert command("clean", *options) == 0
    rows = rows_of(out / "tiles.csv")
    assert len(rows) > 300
    assert len({row["frame"] for row in rows}) == 6
    assert not [row for row in rows if row["frame"].endswith("05.jpg") and int(row["column"]) < 600]


def test_a_run_with_a_clean_class_tells_its_false_alarms(
    images: Path, quick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    options = ("--data", images, "--out", run, "--config", quick)
    assert command("student", *options, "--no-distill", "--epochs", 1) == 0
    capsys.readouterr()
    judged = ("--run", run, "--data", images)
    assert command("evaluate", *judged, "--out", tmp_path / "report") == 0
    said = capsys.readouterr().out
    assert re.search(r"false alarms: +\d+\.\d per 1,000 clean tiles \(\d of 4\)", said)
    assert "false alarms: " in (run / "metrics.txt").read_text()
    alarms = json.loads((tmp_path / "report/metrics.json").read_text())["alarms"]
    assert alarms["clean"] == 4
    assert f"({alarms['false_alarms']} of 4)" in said
    assert command("check-clean", *judged) == 0
    told, turned, lost = capsys.readouterr().out.splitlines()
    assert told.startswith("told apart by grey")
    margins = shutil.copytree(images / "clean", tmp_path / "margins" / "clean").parent
    assert command("check-clean", *judged, "--margins", margins) == 0
    *_, plain, found = capsys.readouterr().out.splitlines()
    assert plain.split()[-3:] == [f"({alarms['false_alarms']}", "of", "4)"]
    assert found.split()[-2:] == ["of", "12)"]
    assert command("check-clean", *judged, "--margins", images) == 2
    assert "has more than clean; give margins" in capsys.readouterr().err
    assert "clean tiles reported once" in turned
    assert "defects lost once" in lost
