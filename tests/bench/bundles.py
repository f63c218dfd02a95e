"""Bundles to time: the student's network with random weights, as fast as a trained one.

The network calls no tile clean, so the thresholds alone decide what is a defect: none in `fp32` and
`int8`, the most suspicious tiles of each frame in `reporting`.
"""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from contract.bundle import Bundle, Golden, open_bundle, write_bundle
from contract.card import EmbeddingStatistics, ModelCard, ParityLimits, Precision
from contract.classes import ClassList
from edge.types import U8
from export.graph import stamp, to_onnx
from export.quantise import to_int8
from runtime.factory import open_backend
from training.networks.deployed import Deployed
from training.networks.resnet import ResNet34, StemStride

MM_PER_PX = 0.5
DEFECTS_PER_FRAME = 1
NEVER = 1.0
CALIBRATION_TILES, GOLDEN_TILES, SEED = 64, 8, 0
_NEVER_CLEAN = -50.0  # a logit


class Shape(NamedTuple):
    """Side of a tile in the frame, of the network's input, and stride of its first convolution."""

    tile_px: int
    input_px: int
    stem_stride: StemStride

    @property
    def name(self) -> str:
        """For tables."""
        stem = ", stem of stride 4" if self.stem_stride == 4 else ""
        return f"{self.tile_px}-px tiles at {self.input_px} px{stem}"

    @property
    def folder(self) -> str:
        """The same for a path."""
        return f"tile{self.tile_px}-input{self.input_px}-stem{self.stem_stride}"


class Bundles(NamedTuple):
    """One network as it is timed: the two precisions, and int8 with a defect in every frame."""

    fp32: Bundle
    int8: Bundle
    reporting: Bundle


def class_list(count: int) -> ClassList:
    """A clean class and defects."""
    names = ("clean", *(f"defect_{i}" for i in range(count - 1)))
    return ClassList(names=names, clean=names[:1])


CLASSES = class_list(8)


def bench_bundles(folder: Path, shape: Shape, tiles: U8, frames: int) -> Bundles:
    """Make, or find from an earlier run, the bundles of one network.

    Args:
        folder: where they lie.
        shape: of the network.
        tiles: U8 `N x input x input`, all tiles of `frames` frames; some calibrate the int8 graph
            and serve as golden tiles.
        frames: see above.
    """
    paths = [folder / name for name in Bundles._fields]
    if not all(path.is_dir() for path in paths):
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)  # what an interrupted run has left
        _make(paths, shape, tiles, frames)
    return Bundles(*(open_bundle(path) for path in paths))


def _make(paths: Sequence[Path], shape: Shape, tiles: U8, frames: int) -> None:
    some = np.random.default_rng(SEED).permutation(len(tiles))[:CALIBRATION_TILES]
    calibration = tiles[some]
    graph = to_onnx(_network(shape), shape.input_px)
    quantised = stamp(to_int8(graph, calibration), CLASSES)
    fp32, int8, reporting = paths
    _write(fp32, stamp(graph, CLASSES), shape, "fp32", calibration, NEVER)
    _write(int8, quantised, shape, "int8", calibration, NEVER)
    limit = limit_for(quantised, tiles, DEFECTS_PER_FRAME * frames)
    _write(reporting, quantised, shape, "int8", calibration, limit)


def _network(shape: Shape) -> Deployed:
    torch.manual_seed(SEED)
    student = ResNet34(len(CLASSES), shape.stem_stride)
    with torch.no_grad():
        student.fc.bias[0] = _NEVER_CLEAN
    return Deployed(student, mean=128, std=50, temperature=1).eval()


def limit_for(model: bytes, tiles: U8, defects: int) -> float:
    """The threshold that so many of the tiles reach."""
    backend = open_backend("openvino", model, "int8", 0)
    best = np.concatenate(
        [backend.infer(part)[0].max(axis=1).copy() for part in np.array_split(tiles, 16)]
    )
    return float(np.sort(best)[-min(defects, len(best))])


def _write(
    path: Path, model: bytes, shape: Shape, precision: Precision, tiles: U8, limit: float
) -> None:
    golden_tiles = tiles[:GOLDEN_TILES]
    probabilities, embedding = open_backend("openvino", model, precision, 0).infer(golden_tiles)
    golden = Golden(golden_tiles, probabilities.copy(), embedding.copy())
    card = bench_card(CLASSES, shape.tile_px, shape.input_px, precision, embedding.shape[1], limit)
    write_bundle(path, model=model, card=card, golden=golden, people="# For timing only\n")


def bench_card(
    classes: ClassList, tile_px: int, input_px: int, precision: Precision, dimensions: int,
    limit: float,
) -> ModelCard:  # fmt: skip
    """A card without figures; every class has the same threshold."""
    return ModelCard(
        schema_version="2",
        name="bench",
        version=f"{input_px}.{precision}",
        created=datetime.now(UTC),
        classes=classes,
        class_digest=classes.digest,
        tile_px=tile_px,
        input_px=input_px,
        mm_per_px=MM_PER_PX,
        scale_tolerance=0.1,
        precision=precision,
        thresholds=dict.fromkeys(classes.defects, limit),
        embedding=EmbeddingStatistics(
            mean=(0.0,) * dimensions, variance=(1.0,) * dimensions, images=0
        ),
        training_data_digest="none: random weights",
        metrics={},
        recall={},
        metrics_on="nothing: random weights, for timing only",
        golden_limits=ParityLimits(max_probability_difference=1.0, min_label_agreement=0.0),
        parity=(),
        tools={"torch": json.dumps(torch.__version__)},
        screen=None,
    )
