"""How a graph is quantised, read from the graph itself: the card says no more than int8."""

from collections.abc import Iterator
from typing import Literal

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, NodeProto, TensorProto, numpy_helper

from contract.errors import BundleError

Quantisers = Literal["none", "signed", "other"]
"""`signed`: every one is int8 with zero point 0, the only kind that TensorRT takes."""

_QUANTISERS = frozenset({"QuantizeLinear", "DequantizeLinear"})
_ZERO_POINT = 2


def quantisers(model: bytes) -> Quantisers:
    """Which quantisers a graph holds.

    Args:
        model: the content of `model.onnx`.

    Raises:
        BundleError: it is no ONNX.
    """
    try:
        graph = onnx.load_model_from_string(model).graph
    except (DecodeError, ValueError) as error:
        raise BundleError(f"model.onnx: cannot be read as ONNX ({error})") from error
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kinds = [_is_signed(node, constants) for node in quantising(graph)]
    if not kinds:
        return "none"
    return "signed" if all(kinds) else "other"


def quantising(graph: GraphProto) -> Iterator[NodeProto]:
    """The nodes that quantise or take it back."""
    return (node for node in graph.node if node.op_type in _QUANTISERS)


def zero_point_of(node: NodeProto) -> str:
    """Name of a quantising node's zero point; empty where it has none, which means uint8."""
    return node.input[_ZERO_POINT] if len(node.input) > _ZERO_POINT else ""


def _is_signed(node: NodeProto, constants: dict[str, TensorProto]) -> bool:
    zero = constants.get(zero_point_of(node))
    if zero is None or zero.data_type != TensorProto.INT8:
        return False
    return not numpy_helper.to_array(zero).any()
