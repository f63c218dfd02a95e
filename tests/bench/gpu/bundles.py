"""The student's network with random weights as fp32, fp16 and int8 for GPUs.

Each is made where its tools are: int8 needs NNCF and may be brought along in the cache's folder.
"""

import importlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import torch

from contract.bundle import Bundle, Golden, open_bundle, write_bundle
from contract.card import EmbeddingStatistics, ParityLimits, Precision
from contract.classes import ClassList
from edge.simulator.mill import Mill, MillConfig
from export.graph import stamp, to_fp16, to_onnx
from runtime.factory import open_backend
from tests.unit.runtime.small_bundle import small_card
from training.networks.deployed import Deployed
from training.networks.resnet import ResNet34

CLASSES = ClassList(names=("clean", *(f"defect_{i}" for i in range(7))), clean=("clean",))
TILE_PX, MM_PER_PX = 128, 0.5
FRAME_ROWS, FRAME_COLUMNS = 1024, 2048
TILES_PER_FRAME = (FRAME_ROWS // TILE_PX) * (FRAME_COLUMNS // TILE_PX)
NEVER = 1.0


def gpu_bundle(folder: Path, input_px: int, precision: Precision, tiles: np.ndarray) -> Bundle:
    """Make a bundle, or find an earlier run's; `tiles` calibrate int8 and are the golden ones.

    Raises:
        ImportError: int8 without NNCF.
    """
    path = folder / f"{input_px}px" / precision
    if not path.is_dir():
        torch.manual_seed(0)
        network = Deployed(ResNet34(len(CLASSES)), mean=128, std=50, temperature=1).eval()
        graph = to_onnx(network, input_px)
        if precision == "fp16":
            graph = to_fp16(graph)
        if precision == "int8":
            graph = importlib.import_module("export.quantise").to_int8(graph, tiles[:64], "gpu")
        _write(path, stamp(graph, CLASSES), input_px, precision, tiles[:8])
    return open_bundle(path)


def _write(
    path: Path, model: bytes, input_px: int, precision: Precision, tiles: np.ndarray
) -> None:
    found, embedding = open_backend("onnxruntime", model, precision, 0).infer(tiles)
    dimensions = embedding.shape[1]
    changes = {
        "tile_px": TILE_PX,
        "mm_per_px": MM_PER_PX,
        "precision": precision,
        "thresholds": dict.fromkeys(CLASSES.defects, NEVER),
        "embedding": EmbeddingStatistics(
            mean=(0.0,) * dimensions, variance=(1.0,) * dimensions, images=0
        ),
        # Random weights decide nothing: the figure is printed, not judged.
        "golden_limits": ParityLimits(max_probability_difference=1.0, min_label_agreement=0.0),
    }
    card = small_card(CLASSES, input_px).model_copy(update=changes)
    golden = Golden(tiles, found.copy(), embedding.copy())
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(path.with_name(path.name + ".partial"), ignore_errors=True)
    write_bundle(path, model=model, card=card, golden=golden, people="# For timing only\n")


def frames(folder: Path) -> list[np.ndarray]:
    """Frames of simulated strip, U8 1024 x 2048, made once."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        mill = Mill(MillConfig(seed=77, width_px=FRAME_COLUMNS, rows=FRAME_ROWS))
        for number in range(4):
            cv2.imwrite(str(folder / f"frame_{number:02d}.bmp"), mill.frame(number).pixels)
    found = (cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in sorted(folder.glob("*.bmp")))
    return [np.asarray(frame, np.uint8) for frame in found]


def tiles_of(pictures: list[np.ndarray], input_px: int, count: int = 128) -> np.ndarray:
    """Tiles of the frames at the network's size, U8 `count x input x input`."""
    rng, tiles = np.random.default_rng(5), []
    for _ in range(count):
        picture = pictures[int(rng.integers(len(pictures)))]
        top, left = rng.integers(FRAME_ROWS - TILE_PX), rng.integers(FRAME_COLUMNS - TILE_PX)
        tile = picture[top : top + TILE_PX, left : left + TILE_PX]
        tiles.append(cv2.resize(tile, (input_px, input_px), interpolation=cv2.INTER_AREA))
    return np.stack(tiles)
