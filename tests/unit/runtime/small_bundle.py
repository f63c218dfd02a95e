"""A bundle around a network small enough to know its answers by hand.

The embedding is the mean grey of the left and of the right half of the tile, in 0..1; the first
class is probable where the left half is the brighter one.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from contract.bundle import Bundle, Golden, write_bundle
from contract.card import EmbeddingStatistics, ModelCard, ParityLimits
from contract.classes import ClassList

CLASSES = ClassList(names=("left", "right"), clean=())
SIDE = 16
GAIN = 8.0


def small_graph(
    classes: ClassList = CLASSES,
    side: int = SIDE,
    pixels_type: int = TensorProto.UINT8,
    batch: str | int = "N",
    gain: float = GAIN,
) -> onnx.ModelProto:
    halves = np.zeros((side, side, 2), np.float32)
    halves[:, : side // 2, 0] = halves[:, side // 2 :, 1] = 2 / (255 * side * side)
    head = gain * np.array([[1, -1], [-1, 1]], np.float32)
    weights = [
        numpy_helper.from_array(halves.reshape(-1, 2), "halves"),
        numpy_helper.from_array(head, "head"),
        numpy_helper.from_array(np.array([-1, side * side], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["float", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "halves"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "head"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "small",
        [value("pixels", pixels_type, [batch, side, side])],
        [value("probabilities", TensorProto.FLOAT, [batch, 2]),
         value("embedding", TensorProto.FLOAT, [batch, 2])],
        weights,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(
        model,
        {
            "stripsight.class_digest": classes.digest,
            "stripsight.classes": json.dumps(classes.names),
        },
    )
    return model


def small_tiles(count: int = 6, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)


def expected(
    pixels: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    left, right = pixels[:, :, : SIDE // 2], pixels[:, :, SIDE // 2 :]
    embedding = np.stack([left.mean(axis=(1, 2)), right.mean(axis=(1, 2))], axis=1) / 255
    logit = GAIN * (embedding[:, 0] - embedding[:, 1])
    first = 1 / (1 + np.exp(-2 * logit))
    return np.stack([first, 1 - first], 1).astype(np.float32), embedding.astype(np.float32)


def small_card(classes: ClassList = CLASSES, side: int = SIDE) -> ModelCard:
    return ModelCard(
        schema_version="2",
        name="small",
        version="1",
        created=datetime(2026, 1, 2, tzinfo=UTC),
        classes=classes,
        class_digest=classes.digest,
        tile_px=side,
        input_px=side,
        mm_per_px=None,
        scale_tolerance=0.1,
        precision="fp32",
        thresholds=dict.fromkeys(classes.defects, 0.5),
        embedding=EmbeddingStatistics(mean=(0.5, 0.5), variance=(0.1, 0.1), images=4),
        training_data_digest="0" * 64,
        metrics={},
        recall={},
        metrics_on="nothing: known by hand",
        golden_limits=ParityLimits(max_probability_difference=0.01, min_label_agreement=1.0),
        parity=(),
        tools={},
        screen=None,
    )


def write_small_bundle(path: Path, model: onnx.ModelProto | None = None) -> Bundle:
    tiles = small_tiles()
    probabilities, embedding = expected(tiles)
    graph = small_graph() if model is None else model
    return write_bundle(
        path,
        model=graph.SerializeToString(),
        card=small_card(),
        golden=Golden(tiles, probabilities, embedding),
        people="# small\n",
    )
