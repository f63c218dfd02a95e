"""Networks before and after, by a runtime that rewrites nothing itself."""

from collections import Counter

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import ModelProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edge.types import F32
from runtime.wide_batch import widen

RESIDUAL = """
<ir_version: 8, opset_import: ["" : 18]>
deep (float[N,3,SIDE,SIDE] x) => (float[N,4,OUT,OUT] middle, float[N,4,1,1] mean)
{
  a = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (x, w1, b1)
  middle = Relu(a)
  c = Conv <kernel_shape = [3, 3], pads = [1, 0, 1, 2]> (middle, w2)
  beside = Conv <strides = [2, 2]> (x, w3)
  sum = Add(c, beside)
  out = Relu(sum)
  mean = ReduceMean(out, axes)
}
"""
QUANTISED = """
<ir_version: 8, opset_import: ["" : 19]>
deep (float[N,3,4,4] x) => (float[N,4,4,4] out)
{
  q = QuantizeLinear(x, step, zero)
  d = DequantizeLinear(q, step, zero)
  w = DequantizeLinear <axis = 0> (w8, steps, zeros)
  y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (d, w)
  r = Relu(y)
  s = QuantizeLinear <axis = 1> (r, steps, zeros)
  out = DequantizeLinear <axis = 1> (s, steps, zeros)
}
"""
RNG = np.random.default_rng(0)
FLOATS = {
    "w1": RNG.normal(size=(4, 3, 3, 3)), "b1": RNG.normal(size=4),
    "w2": RNG.normal(size=(4, 4, 3, 3)), "w3": RNG.normal(size=(4, 3, 1, 1)),
}  # fmt: skip


def residual(text: str = RESIDUAL, side: int = 8) -> ModelProto:
    model = onnx.parser.parse_model(text.replace("SIDE", str(side)).replace("OUT", str(side // 2)))
    given = {name: array.astype(np.float32) for name, array in FLOATS.items()}
    return holding(model, given | {"axes": np.array([2, 3])})


def quantised() -> ModelProto:
    return holding(
        onnx.parser.parse_model(QUANTISED),
        {
            "step": np.array(0.05, np.float32), "zero": np.array(0, np.int8),
            "zeros": np.zeros(4, np.int8),
            "steps": np.array([0.5, 1, 2, 4], np.float32),
            "w8": RNG.integers(-128, 128, (4, 3, 3, 3), dtype=np.int8),
        },
    )  # fmt: skip


def holding(model: ModelProto, constants: dict[str, np.ndarray]) -> ModelProto:
    used = {name for node in model.graph.node for name in node.input}
    for name in used & set(constants):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(constants[name]), name))
    return model


def padded_by_the_runtime() -> ModelProto:
    model = residual()
    for node in model.graph.node:
        if node.op_type == "Conv":
            kept = [attribute for attribute in node.attribute if attribute.name != "pads"]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("auto_pad", "SAME_UPPER")])
    return model


def constant_weights() -> ModelProto:
    """Weights from a node, which standard ONNX allows."""
    model = residual()
    for tensor in [t for t in model.graph.initializer if t.name in FLOATS]:
        model.graph.initializer.remove(tensor)
        tensor_node = helper.make_node("Constant", [], [tensor.name], value=tensor)
        model.graph.node.insert(0, tensor_node)
    return model


def axes_from_behind() -> ModelProto:
    model = quantised()
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "axis":
                attribute.i -= 4
    return model


def outputs(model: bytes, x: F32) -> list[F32]:
    found = ReferenceEvaluator(onnx.load_model_from_string(model)).run(None, {"x": x})
    return list(found)


def says_the_same(before: bytes, after: bytes, tiles: int = 3) -> None:
    x = RNG.normal(size=(tiles, 3, 8, 8)).astype(np.float32)
    for old, new in zip(outputs(before, x), outputs(after, x), strict=True):
        assert new.shape == old.shape
        assert new == pytest.approx(old, abs=1e-4)


def ranks(model: bytes) -> list[int]:
    """Of the kernels of a network's convolutions."""
    graph = onnx.load_model_from_string(model).graph
    sizes = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    quantised = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    kernels = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    return [sizes[quantised.get(kernel, kernel)] for kernel in kernels]


@pytest.mark.parametrize("tiles", [1, 7])
def test_a_turned_network_says_the_same(tiles: int) -> None:
    before = residual().SerializeToString()
    after = widen(before)
    assert ranks(after) == [5, 5, 5]
    onnx.checker.check_model(onnx.load_model_from_string(after), full_check=True)
    says_the_same(before, after, tiles)


def test_in_integers_it_says_bit_for_bit_the_same() -> None:
    before = quantised().SerializeToString()
    after = widen(before)
    assert ranks(after) == [5]
    x = RNG.normal(size=(5, 3, 4, 4)).astype(np.float32)
    (old,), (new,) = outputs(before, x), outputs(after, x)
    assert np.array_equal(old, new)
    assert len(np.unique(old)) > 10


def test_it_turns_once_and_back_where_it_must() -> None:
    nodes = onnx.load_model_from_string(widen(residual().SerializeToString())).graph.node
    found = Counter(node.op_type for node in nodes)
    assert (found["Unsqueeze"], found["Squeeze"]) == (1, 2), "x; the middle output and the mean"


def test_larger_pictures_stay_and_smaller_ones_behind_them_turn() -> None:
    assert ranks(widen(residual(side=16).SerializeToString())) == [4, 5, 4]


@pytest.mark.parametrize(
    "model",
    [
        residual(side=32),
        residual(RESIDUAL.replace("18", "12").replace("8, o", "7, o")),
        padded_by_the_runtime(),
        constant_weights(),
        axes_from_behind(),
    ],
    ids=[
        "large pictures", "an old opset", "padding left to the runtime", "weights from a node",
        "axes from behind",
    ],
)  # fmt: skip
def test_what_is_not_understood_stays(model: ModelProto) -> None:
    data = model.SerializeToString()
    assert widen(data) == data


def test_shared_weights_stay() -> None:
    shared = RESIDUAL.replace("pads = [1, 0, 1, 2]", "pads = [1, 1, 1, 1]").replace(
        "out = Relu(sum)", "t = Conv <pads = [1, 1, 1, 1]> (sum, w2)\n  out = Relu(t)"
    )
    before = residual(shared).SerializeToString()
    after = widen(before)
    assert ranks(after) == [5, 4, 5, 4]
    says_the_same(before, after)


def test_a_constant_for_each_channel_is_added_to_pictures_as_they_were() -> None:
    """Torch's exporter tells the shapes of constants too, as if they were pictures."""
    text = RESIDUAL.replace("sum = Add(c, beside)", "t = Add(c, shift)\n  sum = Add(t, beside)")
    model = residual(text)
    shift = RNG.normal(size=(1, 4, 1, 1)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(shift, "shift"))
    value = helper.make_tensor_value_info("shift", onnx.TensorProto.FLOAT, shift.shape)
    model.graph.value_info.append(value)
    before = model.SerializeToString()
    assert ranks(widen(before)) == [5, 5, 5]
    says_the_same(before, widen(before))
