"""Which graph may run where, read from graphs made by hand."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from contract.errors import BundleError, ConfigError
from runtime.factory import BACKENDS
from runtime.policy import ON_GPU, require_fit
from runtime.quantisers import quantisers
from tests.unit.runtime.small_bundle import small_graph


def quantised(*zero_points: np.generic | None) -> bytes:
    """Pairs of quantisers, one after the other, with these zero points."""
    weights, nodes, value = [numpy_helper.from_array(np.array(0.1, np.float32), "s")], [], "x"
    for i, zero in enumerate(zero_points):
        names = [f"z{i}"] if zero is not None else []
        if zero is not None:
            weights.append(numpy_helper.from_array(np.array(zero), f"z{i}"))
        nodes.append(helper.make_node("QuantizeLinear", [value, "s", *names], [f"q{i}"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"q{i}", "s", *names], [f"y{i}"]))
        value = f"y{i}"
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N"]) for n in ("x", value)]
    graph = helper.make_graph(nodes, "quantised", ends[:1], ends[1:], weights)
    model: onnx.ModelProto = helper.make_model(graph)
    content: bytes = model.SerializeToString()
    return content


SIGNED = quantised(np.int8(0), np.int8(0))
UNSIGNED = quantised(np.int8(0), np.uint8(0))
FLOAT = small_graph().SerializeToString()


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (FLOAT, "none"),
        (SIGNED, "signed"),
        (UNSIGNED, "other"),
        (quantised(np.int8(3)), "other"),
        (quantised(None), "other"),
    ],
)
def test_the_graph_says_how_it_is_quantised(model: bytes, kind: str) -> None:
    assert quantisers(model) == kind


def test_what_is_no_graph_is_a_broken_bundle() -> None:
    with pytest.raises(BundleError, match="cannot be read as ONNX"):
        quantisers(b"no graph")


@pytest.mark.parametrize("backend", sorted(ON_GPU))
def test_float_runs_on_every_gpu_backend(backend: str) -> None:
    require_fit(backend, FLOAT)


@pytest.mark.parametrize("model", [SIGNED, UNSIGNED])
def test_cuda_refuses_int8_and_names_the_cure(model: bytes) -> None:
    with pytest.raises(ConfigError, match=r"slower than in float; .* --precision fp16"):
        require_fit("cuda", model)


def test_tensorrt_takes_int8_only_signed() -> None:
    require_fit("tensorrt", SIGNED)
    with pytest.raises(ConfigError, match=r"unsigned ones; export it with --int8 gpu"):
        require_fit("tensorrt", UNSIGNED)


def test_processors_take_any_int8() -> None:
    for backend in BACKENDS.keys() - ON_GPU:
        require_fit(backend, UNSIGNED)
