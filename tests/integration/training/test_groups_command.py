"""Groups that were found are written down, to go on by hand."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.integration.training.test_study import command

pytestmark = pytest.mark.integration


def test_groups_are_written_down(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(images, tmp_path / "images")
    shutil.copy(tmp_path / "images/hole/00.jpg", tmp_path / "images/hole/copy.jpg")
    out = tmp_path / "images" / "groups.csv"
    assert command("groups", "--data", tmp_path / "images", "--out", out) == 0
    assert "images in" in capsys.readouterr().out
    with out.open() as stream:
        group = {row["file"]: row["group"] for row in csv.DictReader(stream)}
    assert group["hole/00.jpg"] == group["hole/copy.jpg"]
    before = out.read_text() + "hole/not-here-yet.jpg,coil 9\n"
    out.write_text(before)
    assert command("groups", "--data", tmp_path / "images", "--out", out) == 0
    assert out.read_text() == before, "what stands there is kept"
    assert "kept" in capsys.readouterr().out
    assert command("groups", "--data", tmp_path / "images", "--out", tmp_path) == 2
    assert "cannot be written" in capsys.readouterr().err
