"""Simulated pictures on disk: frames with their truth, and labelled tiles to train on.

    OUT/frames/frame_0000.bmp ...      what the camera emulation or the folder source plays: it
                                       plays every file, so nothing else lies there
    OUT/masks/frame_0000.png           0: bare; n: the n-th defect that truth.json lists for it
    OUT/truth.json                     the config, the coils, and each frame's defects

    OUT/<class>/0000.png ...           tiles, `clean` among the classes
    OUT/dataset.json                   mm_per_px, tile_px, the classes, and how it was made
    OUT/groups.csv                     file,group: tiles of one strip are one group

A folder that holds something already is never written into.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge.errors import ConfigError
from edge.simulator.defects import CLASSES
from edge.simulator.mill import Mill, MillConfig, SimulatedDefect, SimulatedFrame
from edge.simulator.noise import child
from edge.simulator.tiles import TileConfig, TileStrip
from edge.types import Coil

TRUTH, DATASET, GROUPS = "truth.json", "dataset.json", "groups.csv"
TILES_PER_STRIP = 8
_TILE_SEED = 1
"""Keeps the seeds of tiles apart from those of a mill with the same number."""


def write_frames(out: Path, config: MillConfig | None = None, frames: int = 40) -> None:
    """Write the first frames of a mill with their truth.

    Raises:
        ConfigError: `out` holds files already or cannot be written; `frames` is below 1.
    """
    if frames < 1:
        raise ConfigError(f"frames: {frames}; at least one, please")
    config = config or MillConfig()
    mill = Mill(config)
    _prepare(out / "frames", empty=out / "frames")
    _prepare(out / "masks", empty=out / "masks")
    records = []
    for frame in map(mill.frame, range(frames)):
        name = f"frame_{frame.seq:04d}"
        _write(out / "frames" / f"{name}.bmp", frame.pixels)
        _write(out / "masks" / f"{name}.png", _mask(frame))
        files = {"file": f"frames/{name}.bmp", "mask": f"masks/{name}.png"}
        records.append({**files, **_record(frame)})
    body = {"schema_version": "1", "mill": asdict(config), "frames": records}
    _write_json(out / TRUTH, body)


def write_tiles(
    out: Path,
    per_class: int = 800,
    seed: int = 0,
    tile_px: int = 128,
    mm_per_px: float = 0.5,
    command: Sequence[str] = (),
) -> None:
    """Write an image folder with `per_class` tiles of each class, eight from each strip.

    `command` is what was typed to make it: it is kept, and a bundle's MODEL_CARD.md repeats it.

    Raises:
        ConfigError: `out` holds files already or cannot be written, or a value no tile can have.
    """
    if per_class < 1 or seed < 0:
        raise ConfigError(f"tiles: {per_class} per class, seed {seed}; give at least 1, and 0")
    config = TileConfig(tile_px=tile_px, mm_per_px=mm_per_px)
    groups: list[tuple[str, str]] = []
    _prepare(out, empty=out)
    for number, name in enumerate(CLASSES):
        _prepare(out / name)
        for index in range(per_class):
            strip, place = divmod(index, TILES_PER_STRIP)
            if place == 0:
                key = child(np.random.SeedSequence(seed), _TILE_SEED, number, strip)
                tiles = TileStrip(key, config).tiles(name)
            file = f"{name}/{index:04d}.png"
            _write(out / file, next(tiles).pixels)
            groups.append((file, f"{name}-{strip:04d}"))
    _write_groups(out / GROUPS, groups)
    made = {"simulator": "edge.simulator.dataset.write_tiles", "seed": seed, "per_class": per_class}
    about = {
        "name": "Simulated hot-rolled strip",
        "classes": list(CLASSES),
        "clean": ["clean"],
        "tile_px": tile_px,
        "mm_per_px": mm_per_px,
        "counts": dict.fromkeys(CLASSES, per_class),
        "made": made | {"tiles_per_strip": TILES_PER_STRIP, "look": asdict(config)},
    }
    _write_json(out / DATASET, {**about, "command": list(command)})


def _record(frame: SimulatedFrame) -> dict[str, Any]:
    return {
        "seq": frame.seq,
        "first_m": round(frame.rows.first_m, 6),
        "exposed_s": round(frame.exposed_s, 6),
        "coils": [_coil(coil) for coil in frame.coils],
        "defects": [_defect(defect) for defect in frame.defects],
    }


def _coil(coil: Coil) -> dict[str, Any]:
    return {name: getattr(coil, name) for name in ("id", "head_m", "tail_m", "width_mm")}


def _defect(defect: SimulatedDefect) -> dict[str, Any]:
    record = {
        name: getattr(defect, name)
        for name in ("id", "class_name", "coil", "from_m", "to_m", "from_mm", "to_mm", "width_mm")
    }
    rounded = {k: round(v, 5) if isinstance(v, float) else v for k, v in record.items()}
    return rounded | {"pixels": defect.pixels, "roll": defect.roll, "box_px": list(defect.box)}


def _mask(frame: SimulatedFrame) -> npt.NDArray[np.uint8]:
    mask = np.zeros(frame.pixels.shape, np.uint8)
    for number, defect in enumerate(frame.defects, start=1):
        if number > np.iinfo(np.uint8).max:
            raise ConfigError(f"frame {frame.seq} shows more than 255 defects; lower the density")
        top, left, end, side = defect.box
        mask[top:end, left:side][defect.mask] = number
    return mask


def _prepare(folder: Path, *, empty: Path | None = None) -> None:
    try:
        if empty is not None and empty.exists() and any(empty.iterdir()):
            raise ConfigError(f"{empty}: holds files already; choose a new folder")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made ({error}); choose another --out") from error


def _write(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    suffix = path.suffix
    coded, data = cv2.imencode(suffix, picture)
    if not coded:
        raise ConfigError(f"{path}: {suffix} cannot be written by this OpenCV; use another build")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error}); choose another --out") from error


def _write_json(path: Path, body: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(body, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error}); choose another --out") from error


def _write_groups(path: Path, groups: list[tuple[str, str]]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([("file", "group"), *groups])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error}); choose another --out") from error
