"""Post-training quantisation to int8 (NNCF on the ONNX graph): one QDQ file for every runtime.

Weights are symmetric per channel, activations symmetric per tensor: unsigned behind a ReLU, which
is finer by one bit, or signed throughout for TensorRT, which takes nothing else. The normalisation
in front, the last matrix product and the softmax stay in float: they cost nothing and decide the
probabilities' last digits.
"""

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import Literal

import nncf
import numpy as np
import numpy.typing as npt
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
from onnx import ModelProto, TensorProto, numpy_helper

from runtime.graph import PIXELS
from runtime.quantisers import quantising, zero_point_of

U8 = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Target = Literal["cpu", "gpu"]
"""What an int8 graph is made for."""

CALIBRATION_TILES = 300
"""NNCF's own default; its statistics change little beyond."""

_FLOAT_OPERATORS = ("Sub", "Div", "Mul", "Gemm", "MatMul", "Softmax")


def to_int8(model: ModelProto, tiles: U8, target: Target = "cpu") -> ModelProto:
    """Quantise a float32 graph.

    No overflow fix: it halves the weights' resolution for processors whose 8-bit products saturate
    at 16 bits (AVX2 without VNNI). OpenVINO does not need it there; the golden check at load
    tells where another runtime does.

    The first convolution stays in float: grey levels lie close around their mean, and with rare
    bright ones in the calibration 256 steps are too few for them. On the demo's student it alone
    moved labels on 3 % of the tiles; in float it costs no time that can be measured.

    No bias correction: on a briefly trained ResNet34 it moved probabilities by 0.018 on average
    against 0.010 without it, and more labels (8.8 % against 4.4 % of 250 held-out images).

    Args:
        model: from `to_onnx`; not changed.
        tiles: U8 `N x H x W` that show every class, from the training part.
        target: `gpu` makes every quantiser signed.
    """
    nncf.set_log_level(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
        quantised: ModelProto = nncf.quantize(
            model,
            nncf.Dataset(list(tiles[:, None]), lambda tile: {PIXELS: tile}),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(tiles),
            ignored_scope=nncf.IgnoredScope(names=_float_nodes(model)),
            advanced_parameters=AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.DISABLE, disable_bias_correction=True
            ),
        )
    return to_signed(quantised) if target == "gpu" else quantised


def to_signed(model: ModelProto) -> ModelProto:
    """The same graph with every unsigned symmetric quantiser made a signed one of the same range.

    NNCF lets nobody force the sign of activations (its table of devices has none that asks for it),
    so its result is rewritten: 255 steps above zero become 127 of twice the width.
    """
    signed = ModelProto()
    signed.CopyFrom(model)
    constants = {tensor.name: tensor for tensor in signed.graph.initializer}
    unsigned = [
        node for node in quantising(signed.graph)
        if constants[zero_point_of(node)].data_type == TensorProto.UINT8
    ]  # fmt: skip
    for name in {node.input[1] for node in unsigned}:
        scale = numpy_helper.to_array(constants[name]) * np.float32(255 / 127)
        constants[name].CopyFrom(numpy_helper.from_array(scale, name))
    for name in {zero_point_of(node) for node in unsigned}:
        zero = numpy_helper.to_array(constants[name])
        if zero.any():
            raise ValueError(f"{name} is no symmetric quantiser's zero point")
        constants[name].CopyFrom(numpy_helper.from_array(zero.astype(np.int8), name))
    return signed


def stratified(truth: Ints, count: int, seed: int) -> Ints:
    """Indices of about `count` images with every class in equal number, as far as it has them."""
    generator = np.random.default_rng(seed)
    classes: Sequence[np.int64] = list(np.unique(truth))
    each = max(1, count // max(1, len(classes)))
    chosen = [generator.permutation(np.flatnonzero(truth == c))[:each] for c in classes]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)


def _float_nodes(model: ModelProto) -> list[str]:
    """Arithmetic before the first and after the last convolution, and the first itself."""
    nodes = list(model.graph.node)
    convolutions = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
    first, last = (convolutions[0], convolutions[-1]) if convolutions else (len(nodes), -1)
    outside = [node for i, node in enumerate(nodes) if i < first or i > last]
    names = [node.name for node in outside if node.op_type in _FLOAT_OPERATORS]
    return [*names, nodes[first].name] if convolutions else names
