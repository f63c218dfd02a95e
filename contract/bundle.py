"""A bundle on disk: a directory whose manifest holds the SHA-256 of every file.

    model.onnx      uint8 `N x H x W` in; `probabilities` `N x C` and `embedding` `N x D` out
    card.json       `contract.card.ModelCard`
    golden.npz      tiles, and the outputs the exporter saw for them
    MODEL_CARD.md   the same for people
    manifest.json   {"schema_version": "1", "files": {name: sha256}}

Nothing else may lie in it: a file that the manifest does not name is refused like a changed one.
"""

import hashlib
import io
import json
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.card import ModelCard, read_card
from contract.errors import BundleError

MODEL, CARD, GOLDEN, PEOPLE, MANIFEST = (
    "model.onnx", "card.json", "golden.npz", "MODEL_CARD.md", "manifest.json",
)  # fmt: skip
FILES = (MODEL, CARD, GOLDEN, PEOPLE)
MAX_FILE_BYTES = 1 << 30

_CURE = "copy the bundle again, or export it again"
_UNREADABLE = (
    OSError, EOFError, KeyError, MemoryError, RuntimeError, TypeError, ValueError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""What numpy and zipfile raise for a file that is no npz, or one made to mislead them."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Tiles with the outputs they must give: `pixels` U8 `N x H x W`, the outputs F32 `N x C` and
    `N x D`.
    """

    pixels: npt.NDArray[np.uint8]
    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle. `digest` identifies its whole content (SHA-256 of the manifest)."""

    path: Path
    card: ModelCard
    digest: str

    @property
    def model(self) -> Path:
        """The graph."""
        return self.path / MODEL

    def golden(self) -> Golden:
        """Read the golden tiles.

        Raises:
            BundleError: the file is no npz of the expected arrays, or they do not fit the card.
        """
        path = self.path / GOLDEN
        try:
            # From memory: numpy leaves a file open when it cannot make sense of it.
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                golden = Golden(arrays["pixels"], arrays["probabilities"], arrays["embedding"])
        except _UNREADABLE as error:
            raise BundleError(f"{path}: not the golden tiles of a bundle ({error})") from error
        count = golden.pixels.shape[0] if golden.pixels.ndim else 0
        side, classes = self.card.input_px, len(self.card.classes)
        fits = (
            golden.pixels.shape == (count, side, side)
            and golden.pixels.dtype == np.uint8
            and golden.probabilities.dtype == golden.embedding.dtype == np.float32
            and golden.probabilities.shape == (count, classes)
            and golden.embedding.shape == (count, len(self.card.embedding.mean))
            and count > 0
        )
        if not fits:
            raise BundleError(f"{path}: the arrays do not fit the card; export the bundle again")
        return golden


def open_bundle(path: Path) -> Bundle:
    """Verify every byte of a bundle and read its card.

    Raises:
        BundleError: a file is missing, too many, changed, or not what the card says.
    """
    if not path.is_dir():
        raise BundleError(f"{path}: no bundle there; give what stripsight-export wrote")
    listed = _read_manifest(path / MANIFEST)
    present = _names(path)
    if unexpected := present - set(listed) - {MANIFEST}:
        raise BundleError(f"{path}: {min(unexpected)} is not in the manifest; remove it")
    for name, expected in listed.items():
        if _sha256(path / name) != expected:
            raise BundleError(f"{path / name}: changed since export; copy the bundle again")
    return Bundle(path, read_card(path / CARD), _sha256(path / MANIFEST))


def write_bundle(
    path: Path, *, model: bytes, card: ModelCard, golden: Golden, people: str
) -> Bundle:
    """Write a bundle completely or not at all: beside the target first, then renamed.

    Raises:
        BundleError: the target exists already (a bundle is never changed in place) or cannot be
        written.
    """
    if path.exists():
        raise BundleError(f"{path}: exists and is never overwritten; choose another --out")
    draft = path.with_name(path.name + ".partial")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        (draft / MODEL).write_bytes(model)
        (draft / CARD).write_text(card.model_dump_json(indent=1) + "\n", "utf-8")
        (draft / PEOPLE).write_text(people, "utf-8")
        np.savez_compressed(
            draft / GOLDEN,
            pixels=golden.pixels, probabilities=golden.probabilities, embedding=golden.embedding,
        )  # fmt: skip
        _write_manifest(draft, {name: _sha256(draft / name) for name in FILES})
        draft.rename(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be written ({error}); choose another --out") from error
    finally:  # where it was renamed there is nothing left
        shutil.rmtree(draft, ignore_errors=True)
    return open_bundle(path)


def _names(directory: Path) -> set[str]:
    try:
        return {entry.name for entry in directory.iterdir()}
    except OSError as error:
        raise BundleError(f"{directory}: cannot be read ({error}); check its rights") from error


def _write_manifest(directory: Path, files: Mapping[str, str]) -> None:
    body = {"schema_version": "1", "files": dict(sorted(files.items()))}
    (directory / MANIFEST).write_text(json.dumps(body, indent=1) + "\n", "utf-8")


def _read_manifest(path: Path) -> dict[str, str]:
    try:
        body = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            f"{path.parent}: has no {MANIFEST}, so it is no bundle; {_CURE}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: cannot be read as JSON ({error}); {_CURE}") from error
    version = body.get("schema_version") if isinstance(body, dict) else None
    if version != "1":
        raise BundleError(
            f"{path}: schema_version is {version!r}, this program reads '1';"
            " export the bundle again with this version of stripsight-export"
        )
    files = body.get("files")
    if not isinstance(files, dict) or set(files) != set(FILES):
        raise BundleError(f"{path}: must list exactly {', '.join(FILES)}; {_CURE}")
    return files


def _sha256(path: Path) -> str:
    try:
        if path.is_symlink() or path.stat().st_size > MAX_FILE_BYTES:
            raise BundleError(f"{path}: is a link or too large for a bundle; refused")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise BundleError(f"{path}: missing; copy the bundle again") from error
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error})") from error
