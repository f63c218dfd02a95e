"""Every way in which a bundle on disk can be wrong, each refused by name."""

import errno
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from contract import bundle as module
from contract.bundle import (
    CARD,
    FILES,
    GOLDEN,
    MANIFEST,
    MODEL,
    PEOPLE,
    Golden,
    open_bundle,
    write_bundle,
)
from contract.errors import BundleError
from tests.unit.runtime.small_bundle import expected, small_card, small_tiles, write_small_bundle


def reseal(path: Path, name: str, content: bytes) -> None:
    """Change a file and the manifest with it, so that only the content itself can be wrong."""
    (path / name).write_bytes(content)
    module._write_manifest(path, {file: module._sha256(path / file) for file in FILES})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = write_small_bundle(tmp_path / "b")
    opened = open_bundle(tmp_path / "b")
    assert opened == written
    assert opened.card == small_card()
    assert {p.name for p in (tmp_path / "b").iterdir()} == {*FILES, MANIFEST}
    golden = opened.golden()
    np.testing.assert_array_equal(golden.pixels, small_tiles())
    np.testing.assert_array_equal(golden.probabilities, expected(small_tiles())[0])


def test_a_bundle_is_never_overwritten(tmp_path: Path) -> None:
    write_small_bundle(tmp_path / "b")
    with pytest.raises(BundleError, match="exists and is never overwritten"):
        write_small_bundle(tmp_path / "b")


def test_a_write_that_fails_leaves_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BundleError, match="cannot be written"):
        write_small_bundle(tmp_path / "file" / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_fills_up_keeps_no_half_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(BundleError, match=r"No space left on device.*choose another --out"):
        write_small_bundle(tmp_path / "b")
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_no_half_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_small_bundle(tmp_path / "b")
    assert not list(tmp_path.iterdir())


def test_what_an_interrupted_write_left_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / "b.partial").mkdir()
    (tmp_path / "b.partial" / "rest").write_text("half")
    write_small_bundle(tmp_path / "b")
    assert not (tmp_path / "b.partial").exists()


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_found_in_every_file(tmp_path: Path, name: str) -> None:
    path = write_small_bundle(tmp_path / "b").path
    data = bytearray((path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (path / name).write_bytes(data)
    with pytest.raises(BundleError, match=rf"{name}: changed since export; copy the bundle again"):
        open_bundle(path)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    path = write_small_bundle(tmp_path / "b").path
    (path / name).unlink()
    with pytest.raises(BundleError, match=rf"{name}: missing"):
        open_bundle(path)


def add_file(path: Path) -> None:
    (path / "model.bin").write_bytes(b"weights")


def add_folder(path: Path) -> None:
    (path / "more").mkdir()


def link(path: Path) -> None:
    content = path / "../model.onnx"
    (path / MODEL).rename(content)
    (path / MODEL).symlink_to(content)


def no_manifest(path: Path) -> None:
    (path / MANIFEST).unlink()


def manifest(body: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        (path / MANIFEST).write_text(text, "utf-8")

    return write


def one_more_listed(path: Path) -> None:
    body = json.loads((path / MANIFEST).read_text("utf-8"))
    body["files"]["../../etc/passwd"] = "0" * 64
    (path / MANIFEST).write_text(json.dumps(body), "utf-8")


def hash_of_wrong_type(path: Path) -> None:
    body = json.loads((path / MANIFEST).read_text("utf-8"))
    body["files"][MODEL] = 3
    (path / MANIFEST).write_text(json.dumps(body), "utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (add_file, r"model\.bin is not in the manifest; remove it"),
        (add_folder, "more is not in the manifest"),
        (link, r"model\.onnx: is a link or too large"),
        (no_manifest, r"has no manifest\.json, so it is no bundle"),
        (manifest("{"), "cannot be read as JSON"),
        (manifest("[" * 100_000), "cannot be read as JSON"),
        (manifest([]), "schema_version is None"),
        (manifest({"schema_version": "2", "files": {}}), "schema_version is '2', this program"),
        (manifest({"schema_version": "1", "files": []}), "must list exactly"),
        (manifest({"schema_version": "1", "files": {}}), "must list exactly"),
        (one_more_listed, "must list exactly"),
        (hash_of_wrong_type, r"model\.onnx: changed since export"),
    ],
)
def test_damage_is_refused_by_name(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    path = write_small_bundle(tmp_path / "b").path
    damage(path)
    with pytest.raises(BundleError, match=message):
        open_bundle(path)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle there"):
        open_bundle(tmp_path / "none")


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_small_bundle(tmp_path / "b").path
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 100)
    with pytest.raises(BundleError, match="is a link or too large"):
        open_bundle(path)


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    first = write_small_bundle(tmp_path / "a")
    second = write_small_bundle(tmp_path / "b")
    reseal(second.path, PEOPLE, b"# other\n")
    assert open_bundle(second.path).digest != first.digest


def test_a_card_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = write_small_bundle(tmp_path / "b").path
    card = json.loads((path / CARD).read_text("utf-8")) | {"schema_version": "3"}
    reseal(path, CARD, json.dumps(card).encode())
    with pytest.raises(BundleError, match=r"card\.json: schema_version is '3', this program reads"):
        open_bundle(path)


Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


def plain(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def saved(**arrays: Array) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", plain(array))
    return stream.getvalue()


TILES = small_tiles()
PROBABILITIES, EMBEDDING = expected(TILES)
GOOD: dict[str, Array] = {
    "pixels": TILES,
    "probabilities": PROBABILITIES,
    "embedding": EMBEDDING,
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not the golden tiles"),
        (b"PK\x03\x04 no zip", "not the golden tiles"),
        (saved(**GOOD)[:-200], "not the golden tiles"),
        (plain(TILES), "not the golden tiles"),
        (saved(pixels=TILES), "not the golden tiles"),
        (saved(**GOOD | {"pixels": np.array([{"code": 1}], dtype=object)}), "not the golden tiles"),
        (saved(**GOOD | {"pixels": np.array(3, np.uint8)}), "do not fit the card"),
        (saved(**GOOD | {"pixels": TILES[:, :8]}), "do not fit the card"),
        (saved(**GOOD | {"pixels": TILES.astype(np.int32)}), "do not fit the card"),
        (saved(**GOOD | {"probabilities": PROBABILITIES[:, :1]}), "do not fit the card"),
        (saved(**GOOD | {"probabilities": PROBABILITIES.astype("U8")}), "do not fit the card"),
        (saved(**GOOD | {"embedding": EMBEDDING[:2]}), "do not fit the card"),
        (saved(**{name: array[:0] for name, array in GOOD.items()}), "do not fit the card"),
    ],
    ids=[
        "empty", "no zip", "truncated", "npy", "one array", "pickled", "scalar", "size", "type",
        "classes", "text", "count", "none",
    ],
)  # fmt: skip
def test_golden_tiles_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    bundle = write_small_bundle(tmp_path / "b")
    reseal(bundle.path, GOLDEN, content)
    with pytest.raises(BundleError, match=message):
        open_bundle(bundle.path).golden()


def test_a_damaged_member_of_the_golden_file_is_refused(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "b")
    with zipfile.ZipFile(bundle.path / GOLDEN) as archive:
        offset = archive.getinfo("pixels.npy").header_offset
    data = bytearray((bundle.path / GOLDEN).read_bytes())
    data[offset + 100] ^= 0xFF
    reseal(bundle.path, GOLDEN, bytes(data))
    with pytest.raises(BundleError, match="not the golden tiles"):
        open_bundle(bundle.path).golden()


def test_golden_outputs_are_kept_as_given(tmp_path: Path) -> None:
    golden = Golden(TILES, PROBABILITIES, EMBEDDING)
    bundle = write_bundle(
        tmp_path / "b", model=b"x", card=small_card(), golden=golden, people="# p\n"
    )
    np.testing.assert_array_equal(bundle.golden().embedding, EMBEDDING)
