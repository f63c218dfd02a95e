"""Defects and real clean strip become one folder."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.conftest import refused_by, said_by
from training.config import load_settings
from training.data import load_images

pytestmark = [pytest.mark.integration, pytest.mark.data]


@pytest.mark.usefixtures("commands")
def test_clean_tiles_of_frames_and_simulator_join_the_defects(
    real_data: Path, images: Path, tmp_path: Path
) -> None:
    defects = tmp_path / "defects"
    for name in ("hole", "scratch"):
        (defects / name).mkdir(parents=True)
        for file in (images / name).iterdir():
            (defects / name / file.name).write_bytes(file.read_bytes())
    files = sorted(str(file.relative_to(defects)) for file in defects.glob("*/*"))
    rows = ["file,group", *(f"{file},piece-of-{file}" for file in files)]
    (defects / "groups.csv").write_text("\n".join(rows))  # as an editor may leave it
    (defects / "dataset.json").write_text('{"mm_per_px" : 0.25}')

    said = refused_by(
        ROOT / "deploy" / "training" / "clean.sh", defects, real_data / "gc10_frames", tmp_path
    )
    assert "give OUT a new folder" in said
    assert len(list(defects.glob("*/*"))) == len(files)

    out = tmp_path / "out"
    script = ROOT / "deploy" / "training" / "clean.sh", defects, real_data / "gc10_frames", out
    left_out = "images/img_02_3402618000_00007.jpg"
    said_by(*script, "--exclude", left_out)
    assert "there already" in said_by(*script)
    pictures = out / "pictures"
    loaded = load_images(pictures, load_settings(), (32,))
    assert loaded.classes.clean == ("clean",)
    drawn = json.loads((out / "drawn/tiles/dataset.json").read_text())
    assert (loaded.mm_per_px, drawn["mm_per_px"]) == (0.25, 0.25)
    with (pictures / "groups.csv").open() as stream:
        groups = Counter(row["group"] for row in csv.DictReader(stream))
    frames = {group: count for group, count in groups.items() if group.startswith("frame:")}
    assert len(frames) == 5
    assert f"frame:{left_out}" not in frames
    assert max(frames.values()) <= 24
    assert len(list((pictures / "clean").iterdir())) == sum(groups.values()) - len(files)
