"""Bundles to time: the student's network with random weights, as fast as a trained one.

No threshold is ever reached, so the strip is clean: what defects cost is another question.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from contract.bundle import Bundle, Golden, open_bundle, write_bundle
from contract.card import EmbeddingStatistics, ModelCard, ParityLimits, Precision
from contract.classes import ClassList
from export.graph import stamp, to_onnx
from export.quantise import to_int8
from runtime.factory import open_backend
from training.networks.deployed import Deployed
from training.networks.resnet import ResNet34, StemStride

CLASSES = ClassList(names=("clean", *(f"defect_{i}" for i in range(7))), clean=("clean",))
NEVER = 1.0
TILE_PX = 128
MM_PER_PX = 0.5
SEED = 0


class Shape(NamedTuple):
    """Input of the network and stride of its first convolution."""

    input_px: int
    stem_stride: StemStride

    @property
    def name(self) -> str:
        """For folders and tables."""
        return f"{self.input_px} px" + (", stem of stride 4" if self.stem_stride == 4 else "")


class Pair(NamedTuple):
    """The same network in two precisions."""

    fp32: Bundle
    int8: Bundle


def bench_bundles(folder: Path, shape: Shape, tiles: np.ndarray) -> Pair:
    """Make, or find from an earlier run, the two bundles of one network.

    `tiles` (U8 `N x input x input`) calibrate the int8 graph and serve as golden tiles.
    """
    input_px = shape.input_px
    root = folder / f"{input_px}px-stem{shape.stem_stride}"
    if not root.is_dir():
        torch.manual_seed(SEED)
        student = ResNet34(len(CLASSES), shape.stem_stride)
        network = Deployed(student, mean=128, std=50, temperature=1).eval()
        graph = to_onnx(network, input_px)
        _write(root / "fp32", stamp(graph, CLASSES), input_px, "fp32", tiles[:8])
        quantised = to_int8(graph, tiles[:64])
        _write(root / "int8", stamp(quantised, CLASSES), input_px, "int8", tiles[:8])
    return Pair(open_bundle(root / "fp32"), open_bundle(root / "int8"))


def _write(
    path: Path, model: bytes, input_px: int, precision: Precision, tiles: np.ndarray
) -> None:
    probabilities, embedding = open_backend("openvino", model, precision, 0).infer(tiles)
    golden = Golden(tiles, probabilities.copy(), embedding.copy())
    dimensions = embedding.shape[1]
    card = ModelCard(
        schema_version="1",
        name="bench",
        version=f"{input_px}.{precision}",
        created=datetime.now(UTC),
        classes=CLASSES,
        class_digest=CLASSES.digest,
        tile_px=TILE_PX,
        input_px=input_px,
        mm_per_px=MM_PER_PX,
        scale_tolerance=0.1,
        precision=precision,
        thresholds=dict.fromkeys(CLASSES.defects, NEVER),
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
    )
    write_bundle(path, model=model, card=card, golden=golden, people="# For timing only\n")
