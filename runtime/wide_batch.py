"""The deep layers of a network, with the batch as the width of their pictures.

Where a picture has shrunk to 2 x 2 pixels, a processor's convolution has 2 pixels a row for a
matrix unit that takes 16, and reads its weights, megabytes, again for every tile. Turned from
`N x C x h x w` to `1 x C x h x w x N`, with the batch as a third dimension in which the kernel is 1
long, the same sums have rows of N pixels, and weights are read once for all of them. Bit for bit
the same in integers; ADR 19 has the figures.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

SMALL_PX = 8
LEAST_OPSET = 13
"""`Squeeze` takes its axes as an input from there on."""
_WIDE, _AXIS = "/wide", "/wide/axis"
_QUANTISERS = frozenset({"QuantizeLinear", "DequantizeLinear"})
_POINTWISE = frozenset({"Relu", "Add"}) | _QUANTISERS
_TURN, _TURN_BACK = [1, 2, 3, 0], [3, 0, 1, 2]


def widen(model: bytes, small_px: int = SMALL_PX) -> bytes:
    """The same network in ONNX with its deep convolutions turned; what is not understood stays.
    `small_px` is the longest side of a picture that is turned.
    """
    try:
        proto = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(model))
    except (DecodeError, onnx.shape_inference.InferenceError):
        return model
    if _opset(proto) < LEAST_OPSET or any(_has_branches(node) for node in proto.graph.node):
        return model
    rewrite = _Rewrite(proto.graph, small_px)
    if not rewrite.run():
        return model
    return bytes(proto.SerializeToString())


class _Rewrite:
    """One pass over the nodes, in order. A tensor that is turned goes by another name; one that a
    node needs as it was is turned back under its own.
    """

    def __init__(self, graph: GraphProto, small_px: int) -> None:
        self._graph, self._small_px = graph, small_px
        self._nodes: list[NodeProto] = []
        self._turned: set[str] = set()
        self._restored: set[str] = set()
        given = {value.name for value in graph.input}
        self._constants = {t.name: t for t in graph.initializer if t.name not in given}
        constants = {tensor.name for tensor in graph.initializer}
        self._shapes = {name: shape for name, shape in _shapes(graph) if name not in constants}
        self._uses = Counter(name for node in graph.node for name in node.input)
        self._makers = {name: node for node in graph.node for name in node.output}

    def run(self) -> bool:
        """Rewrite the graph; whether there was anything to turn."""
        for node in list(self._graph.node):
            self._take(node)
        if not self._turned:
            return False
        for output in self._graph.output:
            self._as_was(output.name)
        del self._graph.node[:], self._graph.value_info[:]
        self._graph.node.extend(self._nodes)
        axis = numpy_helper.from_array(np.zeros(1, np.int64), _AXIS)
        self._graph.initializer.append(axis)
        return True

    def _take(self, node: NodeProto) -> None:
        weights = self._weights(node) if self._is_deep(node) else None
        if weights is not None:
            weights.dims.append(1)
            _add_dimension(node)
            node.input[0] = self._turn(node.input[0])
        elif self._is_pointwise(node):
            for place, name in enumerate(_data(node)):
                node.input[place] = self._turn(name)
        else:
            for name in node.input:
                self._as_was(name)
            self._nodes.append(node)
            return
        self._turned.update(node.output)
        node.output[:] = [name + _WIDE for name in node.output]
        self._nodes.append(node)

    def _is_deep(self, node: NodeProto) -> bool:
        """A convolution over small pictures."""
        if node.op_type != "Conv":
            return False
        side = max(self._shapes.get(node.input[0], (0, 0, 0, 0))[2:], default=0)
        return 0 < side <= self._small_px

    def _weights(self, node: NodeProto) -> TensorProto | None:
        """A convolution's weights, where they are its own and can be given a dimension."""
        names = [node.input[1]]
        maker = self._makers.get(names[0])
        if maker is not None:
            if maker.op_type != "DequantizeLinear" or not _counts_axes_from_front(maker):
                return None
            names.append(maker.input[0])
        tensor = self._constants.get(names[-1])
        padded = all(a.s == b"NOTSET" for a in node.attribute if a.name == "auto_pad")
        if tensor is None or not padded or len(tensor.dims) != 4:
            return None
        return tensor if all(self._uses[name] == 1 for name in names) else None

    def _is_pointwise(self, node: NodeProto) -> bool:
        """Whether it treats each value for itself (or each channel: they are in their place)."""
        if node.op_type not in _POINTWISE or self._turned.isdisjoint(node.input):
            return False
        parameters = node.input[len(_data(node)) :]
        if not self._constants.keys() >= set(parameters) or not _counts_axes_from_front(node):
            return False
        return all(name in self._turned or self._is_picture(name) for name in _data(node))

    def _is_picture(self, name: str) -> bool:
        return len(self._shapes.get(name, ())) == 4

    def _turn(self, name: str) -> str:
        wide = name + _WIDE
        if name not in self._turned:
            self._turned.add(name)
            self._restored.add(name)
            self._emit("Transpose", [name], wide + "/turned", perm=_TURN)
            self._emit("Unsqueeze", [wide + "/turned", _AXIS], wide)
        return wide

    def _as_was(self, name: str) -> None:
        if name in self._turned and name not in self._restored:
            self._restored.add(name)
            self._emit("Squeeze", [name + _WIDE, _AXIS], name + "/narrow")
            self._emit("Transpose", [name + "/narrow"], name, perm=_TURN_BACK)

    def _emit(
        self, kind: str, inputs: list[str], output: str, perm: list[int] | None = None
    ) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], perm=perm))


def _data(node: NodeProto) -> list[str]:
    """A pointwise node's inputs that are pictures; the others of a quantiser are its steps."""
    return list(node.input[:1] if node.op_type in _QUANTISERS else node.input)


def _counts_axes_from_front(node: NodeProto) -> bool:
    """From behind a channel would be another axis once there is one more."""
    return all(attribute.i >= 0 for attribute in node.attribute if attribute.name == "axis")


def _add_dimension(conv: NodeProto) -> None:
    for attribute in conv.attribute:
        if attribute.name in {"kernel_shape", "strides", "dilations"}:
            attribute.ints.append(1)
        elif attribute.name == "pads":
            top, left, bottom, right = attribute.ints
            attribute.ints[:] = [top, left, 0, bottom, right, 0]


def _shapes(graph: GraphProto) -> Iterator[tuple[str, tuple[int, ...]]]:
    """By tensor; 0 for a size that is not fixed."""
    for value in (*graph.input, *graph.value_info, *graph.output):
        yield value.name, tuple(size.dim_value for size in value.type.tensor_type.shape.dim)


def _has_branches(node: NodeProto) -> bool:
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute)


def _opset(model: ModelProto) -> int:
    """Of the standard operators."""
    return max((entry.version for entry in model.opset_import if not entry.domain), default=0)
