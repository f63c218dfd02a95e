"""Image folders as users bring them."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.errors import ConfigError
from training.folder import read_groups, read_mm_per_px, scan
from training.pictures import decode


def fill(path: Path, **classes: int) -> Path:
    generator = np.random.default_rng(0)
    for name, count in classes.items():
        (path / name).mkdir(parents=True)
        for number in range(count):
            image = generator.integers(0, 256, (20, 24), dtype=np.uint8)
            cv2.imwrite(str(path / name / f"{number}.png"), image)
    return path


def test_classes_and_files_in_order(tmp_path: Path) -> None:
    fill(tmp_path, scratch=2, clean=1)
    (tmp_path / "scratch" / "notes.txt").write_text("")
    (tmp_path / ".cache").mkdir()
    folder = scan(tmp_path)
    assert folder.names == ("clean", "scratch")
    assert folder.files == ("clean/0.png", "scratch/0.png", "scratch/1.png")
    assert folder.labels.tolist() == [0, 1, 1]
    assert folder.class_list(()).clean == ("clean",)
    assert folder.class_list(("scratch",)).clean == ("scratch",)


def test_digest_follows_content_and_name(tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=1)
    before = scan(tmp_path).digest()
    assert scan(tmp_path).digest() == before
    image = tmp_path / "a" / "0.png"
    image.write_bytes(image.read_bytes() + b"x")
    assert scan(tmp_path).digest() != before


def test_unusable_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        scan(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="has 0 class folders"):
        scan(tmp_path)
    fill(tmp_path, a=1, b=0)
    with pytest.raises(ConfigError, match="class b has no image"):
        scan(tmp_path)
    (tmp_path / "b").rename(tmp_path / "b c")
    with pytest.raises(ConfigError, match="rename it"):
        scan(tmp_path)
    (tmp_path / "b c").rename(tmp_path / "b\u00b2")  # a letter to Python, none to the class list
    with pytest.raises(ConfigError, match="rename it"):
        scan(tmp_path)


def test_a_control_character_in_a_name_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=1)
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / "x\r.png")
    with pytest.raises(ConfigError, match=r"rename 'a/x\\r\.png': its name has a control"):
        scan(tmp_path)


def test_a_file_name_of_another_encoding_is_named(tmp_path: Path) -> None:
    fill(tmp_path, a=1, b=1)
    (tmp_path / "a" / "0.png").rename(tmp_path / "a" / os.fsdecode(b"Ri\xdf.png"))
    with pytest.raises(ConfigError, match=r"rename 'a/Ri\\udcdf\.png': its name is no UTF-8"):
        scan(tmp_path)


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = scan(fill(tmp_path, a=1, b=1))
    (tmp_path / "b" / "0.png").unlink()
    with pytest.raises(ConfigError, match=r"b/0\.png: cannot be read"):
        folder.digest()

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(
        ConfigError, match=r"cannot be read \(Permission denied\); check its rights"
    ):
        scan(tmp_path)


def test_clean_classes_must_leave_a_defect(tmp_path: Path) -> None:
    folder = scan(fill(tmp_path, clean=1, normal=1))
    with pytest.raises(ConfigError, match="only clean classes"):
        folder.class_list(())
    with pytest.raises(ConfigError, match="has no class 'ok'"):
        folder.class_list(("ok",))


def test_groups_must_name_every_image(tmp_path: Path) -> None:
    folder = scan(fill(tmp_path, a=1, b=1))
    assert read_groups(folder) is None
    (tmp_path / "groups.csv").write_text("file,group\na/0.png,x\nb/0.png,y\ngone.png,z\n")
    assert read_groups(folder) == ["x", "y"]
    (tmp_path / "groups.csv").write_bytes(
        b"\xef\xbb\xbffile,group\r\na/0.png,x\r\nb/0.png,y\r\n\r\n"
    )
    assert read_groups(folder) == ["x", "y"]
    (tmp_path / "groups.csv").write_text("file,group\na/0.png,coil 7\nb/0.png, coil 7 \n")
    assert read_groups(folder) == ["coil 7", "coil 7"], "blanks that a spreadsheet left"
    (tmp_path / "groups.csv").write_text('file,group\na/0.png,x\nb/0.png,"y\rz"\n')
    with pytest.raises(ConfigError, match=r"group of b/0\.png, 'y\\rz', has a control"):
        read_groups(folder)
    (tmp_path / "groups.csv").write_text("file,group\na/0.png,x\n")
    with pytest.raises(ConfigError, match=r"does not name b/0\.png"):
        read_groups(folder)
    (tmp_path / "groups.csv").write_text("file,group\na/0.png,x\nb/0.png, \n")
    with pytest.raises(ConfigError, match=r"b/0\.png has no group; give each piece"):
        read_groups(folder)
    (tmp_path / "groups.csv").write_text("file,group\na/0.png,x\nb/0.png,y\na/0.png,y\n")
    with pytest.raises(ConfigError, match=r"a/0\.png has two groups, x and y"):
        read_groups(folder)
    (tmp_path / "groups.csv").write_text("file,group,colour\n")
    with pytest.raises(ConfigError, match="columns file,group"):
        read_groups(folder)


@pytest.mark.parametrize("value", ["1", True, 0, -1, 1e9, 10**400, float("nan")])
def test_a_wrong_scale_is_refused(tmp_path: Path, value: object) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"mm_per_px": value}))
    with pytest.raises(ConfigError, match="mm_per_px"):
        read_mm_per_px(tmp_path)


def test_the_scale_is_known_or_not(tmp_path: Path) -> None:
    assert read_mm_per_px(tmp_path) is None
    (tmp_path / "dataset.json").write_text('{"mm_per_px": 0.4}')
    assert read_mm_per_px(tmp_path) == 0.4
    (tmp_path / "dataset.json").write_text('{"name": "x"}')
    assert read_mm_per_px(tmp_path) is None
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read as JSON"):
        read_mm_per_px(tmp_path)


def test_mixed_pictures_come_out_alike(tmp_path: Path) -> None:
    grey = np.full((20, 30), 90, np.uint8)
    paths = [tmp_path / name for name in ("a.png", "b.bmp", "c.tiff", "d.jpg")]
    for path, image in zip(paths, (grey, np.dstack([grey] * 3), grey[:9], grey), strict=True):
        cv2.imwrite(str(path), image)
    pictures = decode(paths, (16, 8))
    assert {px: array.shape for px, array in pictures.pixels.items()} == {
        8: (4, 8, 8), 16: (4, 16, 16),
    }  # fmt: skip
    assert np.abs(pictures.pixels[16].astype(int) - 90).max() <= 1
    assert pictures.hashes[0] == pictures.hashes[1] != pictures.hashes[2]
    assert pictures.tile_px == 24  # sqrt(20 * 30) = 24.5, twice and more of four


def test_a_corrupt_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    with pytest.raises(ConfigError, match=r"a\.png"):
        decode([tmp_path / "a.png"], (8,))
