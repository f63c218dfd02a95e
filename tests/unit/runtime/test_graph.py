import hypothesis.strategies as st
import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from onnx import TensorProto, helper, numpy_helper

from contract.classes import ClassList
from contract.errors import BundleError
from runtime.graph import check_graph
from tests.unit.runtime.small_bundle import small_card, small_graph


def refused(model: onnx.ModelProto | bytes, match: str) -> None:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(BundleError, match=match) as caught:
        check_graph(data, small_card())
    assert "export the bundle again with stripsight-export" in str(caught.value)


def test_the_right_graph_passes() -> None:
    check_graph(small_graph().SerializeToString(), small_card())


def external(tensor: TensorProto) -> TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def test_external_weights_are_refused() -> None:
    model = small_graph()
    external(model.graph.initializer[0])
    refused(model, "tensor 'halves' lies in another file")


def test_external_data_in_a_constant_node_is_refused() -> None:
    model = small_graph()
    hidden = external(numpy_helper.from_array(np.zeros(3, np.float32), "hidden"))
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=hidden))
    refused(model, "tensor 'hidden' lies in another file")


def test_external_data_inside_a_branch_is_refused() -> None:
    model = small_graph()
    hidden = external(numpy_helper.from_array(np.zeros(3, np.float32), "deep"))
    branch = helper.make_graph([], "branch", [], [], [hidden])
    model.graph.node.append(
        helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    )
    refused(model, "tensor 'deep' lies in another file")


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.INT8])
def test_a_wrong_input_type_is_refused(kind: int) -> None:
    name = TensorProto.DataType.Name(kind)
    refused(small_graph(pixels_type=kind), rf"pixels is {name} \[\?, 16, 16\], expected UINT8")


def test_an_input_type_that_onnx_does_not_know_is_refused() -> None:
    model = small_graph()
    model.graph.input[0].type.tensor_type.elem_type = 999
    refused(model, r"pixels is type 999 \[\?, 16, 16\], expected UINT8")


def test_a_wrong_input_size_is_refused() -> None:
    refused(small_graph(side=32), r"pixels is UINT8 \[\?, 32, 32\], expected UINT8 \[\?, 16, 16\]")


def test_a_fixed_number_of_tiles_is_refused() -> None:
    refused(small_graph(batch=1), r"pixels is UINT8 \[1, 16, 16\]")


def test_a_second_input_is_refused() -> None:
    model = small_graph()
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    refused(model, "inputs are pixels, more, expected only pixels")


@pytest.mark.parametrize("name", ["probabilities", "embedding"])
def test_a_missing_output_is_refused(name: str) -> None:
    model = small_graph()
    kept = [value for value in model.graph.output if value.name != name]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    refused(model, f"output {name} is missing")


def test_an_output_of_another_width_is_refused() -> None:
    model = small_graph()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 3
    refused(model, r"output probabilities is FLOAT \[\?, 3\], expected FLOAT \[\?, 2\]")


@pytest.mark.parametrize(
    "other",
    [
        ClassList(names=("right", "left"), clean=()),
        ClassList(names=("left", "right"), clean=("left",)),
    ],
)
def test_another_class_list_is_refused(other: ClassList) -> None:
    refused(small_graph(classes=other), "exported for another class list")


def test_missing_metadata_is_refused() -> None:
    model = small_graph()
    del model.metadata_props[:]
    refused(model, "class_digest is None")


def test_a_custom_operator_is_refused() -> None:
    model = small_graph()
    model.graph.node[0].domain = "com.evil"
    refused(model, r"operator com\.evil\.Cast is not standard ONNX")


def test_own_functions_are_refused() -> None:
    model = small_graph()
    node = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(
        helper.make_function("own", "F", ["a"], ["b"], [node], [helper.make_opsetid("", 18)])
    )
    refused(model, "defines functions of its own")


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, small_graph().SerializeToString()[:-40]])
def test_what_is_no_graph_is_refused(data: bytes) -> None:
    refused(data, "cannot be read as ONNX|holds no network")


@given(
    edits=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=3),
    end=st.integers(0, 3000),
)
@example(edits=[(2328, 128)], end=2559)  # an input's name is no UTF-8
@settings(max_examples=200)
def test_damage_never_gives_another_exception(edits: list[tuple[int, int]], end: int) -> None:
    data = bytearray(small_graph().SerializeToString()[:end])
    for at, value in edits:
        if at < len(data):
            data[at] = value
    try:
        check_graph(bytes(data), small_card())
    except BundleError as error:
        assert "model.onnx" in str(error)  # noqa: PT017 - damage in a name or weight may pass
