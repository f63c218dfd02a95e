"""`stripsight-edge classify`: a folder of pictures through the line's own scaling and classifier.

Each picture is one tile. The sub-folder that holds it is its truth, where the bundle knows a class
of that name.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.errors import ConfigError
from edge.types import F32
from runtime.engine import Engine
from runtime.scale import fit_tile, read_gray
from runtime.scores import evaluate

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
CHUNK = 256
"""Pictures held in memory at once."""


class Classified(NamedTuple):
    """What the network says of one picture; `file` is relative to the folder."""

    file: str
    truth: str | None
    probabilities: F32


class Result(NamedTuple):
    """A whole folder; `failed` are pictures that could not be read, with the reason."""

    classes: tuple[str, ...]
    files: list[Classified]
    failed: dict[str, str]


def list_pictures(folder: Path) -> list[Path]:
    """All pictures below a folder, in name order.

    Raises:
        ConfigError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of pictures")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise ConfigError(f"{folder}: holds no picture ({', '.join(sorted(SUFFIXES))})")
    return found


def classify_folder(engine: Engine, folder: Path) -> Result:
    """Classify every picture of a folder; one that cannot be read is listed, not fatal."""
    result = Result(engine.card.classes.names, [], {})
    pictures = list_pictures(folder)
    for start in range(0, len(pictures), CHUNK):
        _classify_chunk(engine, folder, pictures[start : start + CHUNK], result)
    return result


def _classify_chunk(engine: Engine, folder: Path, chunk: Sequence[Path], result: Result) -> None:
    tiles, readable = [], []
    for path in chunk:
        try:
            tiles.append(fit_tile(read_gray(path), engine.card.input_px))
            readable.append(path)
        except ConfigError as error:
            result.failed[str(path.relative_to(folder))] = str(error)
    if not tiles:
        return
    probabilities, _ = engine.classify(np.stack(tiles))
    for path, row in zip(readable, probabilities, strict=True):
        inside = path.relative_to(folder)
        truth = inside.parts[0] if len(inside.parts) > 1 else None
        result.files.append(Classified(str(inside), truth, row))


def as_json(result: Result) -> str:
    """The result as a JSON document, with the metrics where truth is known."""
    files = [
        {
            "file": item.file,
            "label": result.classes[int(item.probabilities.argmax())],
            "truth": item.truth,
            "probabilities": {
                name: float(p) for name, p in zip(result.classes, item.probabilities, strict=True)
            },
        }
        for item in result.files
    ]
    document = {"files": files, "metrics": metrics(result), "failed": result.failed}
    return json.dumps(document, indent=1)


def as_lines(result: Result) -> str:
    """Each picture with its most probable class and that probability; there is one at least."""
    files = [item.file.encode("utf-8", "backslashreplace").decode() for item in result.files]
    width = max(map(len, files))
    lines = []
    for file, (_, _, probabilities) in zip(files, result.files, strict=True):
        best = int(probabilities.argmax())
        lines.append(f"  {file:{width}}  {probabilities[best]:.3f}  {result.classes[best]}")
    return "\n".join(lines)


def metrics(result: Result) -> dict[str, object] | None:
    """Accuracy, macro F1, Gmean, ECE and recall over the pictures whose truth the bundle knows."""
    known = [item for item in result.files if item.truth in result.classes]
    if not known:
        return None
    truth = np.array([result.classes.index(item.truth or "") for item in known])
    figures = evaluate(truth, np.stack([item.probabilities for item in known]))
    recall = {
        name: float(value)
        for name, value in zip(result.classes, figures.recall, strict=True)
        if not np.isnan(value)
    }
    return {**figures.summary, "recall": recall, "images": len(known)}
