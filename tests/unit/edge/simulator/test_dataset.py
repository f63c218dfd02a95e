import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import ConfigError
from edge.simulator.dataset import write_frames, write_tiles
from edge.simulator.defects import CLASSES, DEFECTS
from edge.simulator.mill import Mill, MillConfig

SMALL = MillConfig(
    seed=2, width_px=512, rows=256, strip_mm=(225.0, 240.0), wander_mm=2.0, coil_m=5.0,
    per_m=dict.fromkeys(DEFECTS, 1.0),
)  # fmt: skip


def test_frames_on_disk_equal_the_mill_and_carry_their_truth(tmp_path: Path) -> None:
    write_frames(tmp_path / "out", SMALL, frames=4)
    truth = json.loads((tmp_path / "out" / "truth.json").read_text("utf-8"))
    assert truth["mill"]["seed"] == 2
    assert len(truth["frames"]) == 4
    shown = 0
    for record, frame in zip(truth["frames"], Mill(SMALL).frames(), strict=False):
        pixels = cv2.imread(str(tmp_path / "out" / record["file"]), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        assert np.array_equal(pixels, frame.pixels)
        mask = cv2.imread(str(tmp_path / "out" / record["mask"]), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        assert set(np.unique(mask)) - {0} == set(range(1, len(record["defects"]) + 1))
        for number, (defect, true) in enumerate(
            zip(record["defects"], frame.defects, strict=True), start=1
        ):
            assert defect["class_name"] == true.class_name
            rows, columns = np.nonzero(mask == number)
            top, left, end, side = defect["box_px"]
            assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (
                top, left, end, side,
            )  # fmt: skip
            shown += 1
    assert shown > 0


def test_tiles_on_disk_are_an_image_folder_with_groups(tmp_path: Path) -> None:
    out = tmp_path / "tiles"
    write_tiles(out, per_class=10, seed=1, tile_px=64)
    about = json.loads((out / "dataset.json").read_text("utf-8"))
    assert about["classes"] == list(CLASSES) == sorted(p.name for p in out.iterdir() if p.is_dir())
    assert about["mm_per_px"] == 0.5
    with (out / "groups.csv").open(encoding="utf-8", newline="") as stream:
        groups = {row["file"]: row["group"] for row in csv.DictReader(stream)}
    files = sorted(str(p.relative_to(out)) for p in out.glob("*/*.png"))
    assert sorted(groups) == files
    assert len(files) == 10 * len(CLASSES)
    assert len(set(groups.values())) == 2 * len(CLASSES)
    assert all(group.startswith(file.split("/")[0]) for file, group in groups.items())
    first = cv2.imread(str(out / files[0]), cv2.IMREAD_UNCHANGED)
    assert first is not None
    assert first.shape == (64, 64)


def test_same_seed_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tiles(tmp_path / name, per_class=1, seed=4, tile_px=64)
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for write, folder in ((write_frames, tmp_path / "frames"), (write_tiles, tmp_path)):
        (folder / "mine.txt").write_text("kept", "utf-8")
        with pytest.raises(ConfigError, match="holds files already"):
            write(tmp_path)
        assert [p.name for p in folder.iterdir() if p.is_file()] == ["mine.txt"]
    with pytest.raises(ConfigError, match="cannot be made"):
        write_tiles(tmp_path / "mine.txt" / "below", per_class=1)


def test_counts_below_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        write_frames(tmp_path / "a", SMALL, frames=0)
    with pytest.raises(ConfigError, match="at least 1"):
        write_tiles(tmp_path / "b", per_class=0)
