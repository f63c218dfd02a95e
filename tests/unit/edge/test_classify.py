import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.classify import as_json, as_lines, classify_folder
from edge.errors import ConfigError
from runtime.engine import Engine, load_engine
from tests.conftest import ROOT
from tests.line.strip import write_line_bundle
from tests.unit.runtime.small_bundle import SIDE


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return load_engine(write_line_bundle(tmp_path / "bundle"), ("openvino",), 1)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    left = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    left[:, :SIDE] = 250
    for name, tile in (("left/a.png", left), ("right/b.bmp", left[:, ::-1]), ("c.png", left)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), tile)
    return folder


def test_every_picture_has_label_truth_and_probabilities(engine: Engine, pictures: Path) -> None:
    document = json.loads(as_json(classify_folder(engine, pictures)))
    found = {f["file"]: (f["label"], f["truth"]) for f in document["files"]}
    assert found == {
        "c.png": ("left", None),
        "left/a.png": ("left", "left"),
        "right/b.bmp": ("right", "right"),
    }
    for file in document["files"]:
        assert sum(file["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    metrics = document["metrics"]
    assert (metrics["accuracy"], metrics["macro_f1"], metrics["gmean"]) == (1, 1, 1)
    assert metrics["recall"] == {"left": 1, "right": 1}
    assert 0 <= metrics["ece"] <= 1


def test_without_truth_there_are_no_metrics(engine: Engine, pictures: Path) -> None:
    (pictures / "left").rename(pictures / "unheard_of")
    (pictures / "right" / "b.bmp").unlink()
    document = json.loads(as_json(classify_folder(engine, pictures)))
    assert document["metrics"] is None
    assert {f["truth"] for f in document["files"]} == {None, "unheard_of"}


def test_lines_have_each_file_its_probability_and_its_name(engine: Engine, pictures: Path) -> None:
    (pictures / "left" / "a.png").rename(pictures / "left" / "a\udcff.png")  # no UTF-8
    rows = [line.split() for line in as_lines(classify_folder(engine, pictures)).splitlines()]
    assert [(file, name) for file, _, name in rows] == [
        ("c.png", "left"), ("left/a\\udcff.png", "left"), ("right/b.bmp", "right"),
    ]  # fmt: skip
    assert all(0.5 < float(probability) <= 1 for _, probability, _ in rows)


def test_a_folder_without_pictures_is_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match=folder.name):
            classify_folder(engine, folder)


def test_a_broken_picture_is_named_and_the_rest_classified(pictures: Path, tmp_path: Path) -> None:
    whole = (pictures / "left" / "a.png").read_bytes()
    (pictures / "left" / "torn.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "right" / "empty.jpg").write_bytes(b"")
    write_line_bundle(tmp_path / "bundle")
    command = [sys.executable, "-m", "edge.cli", "classify", "--bundle", str(tmp_path / "bundle")]
    done = subprocess.run(
        [*command, str(pictures), "--json", str(tmp_path / "out.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "left/torn.png" in done.stderr
    assert "right/empty.jpg" in done.stderr
    assert "Traceback" not in done.stderr
    document = json.loads((tmp_path / "out.json").read_text())
    assert len(document["files"]) == 3
    assert set(document["failed"]) == {"left/torn.png", "right/empty.jpg"}
