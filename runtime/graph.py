"""What a bundle's graph must look like, checked before any engine sees it.

    pixels         uint8    N x input x input, N dynamic
    probabilities  float32  N x classes
    embedding      float32  N x D
    metadata       `stripsight.class_digest`, `stripsight.classes` (JSON list of names)

The file carries its own weights and only standard ONNX operators: external data can point at any
path of the host, and a custom operator is code that this program does not know.
"""

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

from contract.card import ModelCard
from contract.errors import BundleError

PIXELS, PROBABILITIES, EMBEDDING = "pixels", "probabilities", "embedding"
CLASS_DIGEST, CLASS_NAMES = "stripsight.class_digest", "stripsight.classes"
STANDARD_DOMAINS = frozenset({"", "ai.onnx"})

_CURE = "export the bundle again with stripsight-export"


def check_graph(model: bytes, card: ModelCard) -> None:
    """Refuse a graph that is not what the card promises.

    Args:
        model: the content of `model.onnx`.
        card: of the same bundle.

    Raises:
        BundleError: which rule is broken, with what was found and what was expected.
    """
    graph = _parse(model)
    _check_self_contained(graph)
    _check_pixels(graph.graph, card.input_px)
    _check_output(graph.graph, PROBABILITIES, len(card.classes))
    _check_output(graph.graph, EMBEDDING, len(card.embedding.mean))
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    if metadata.get(CLASS_DIGEST) != card.class_digest:
        raise BundleError(
            f"model.onnx: was exported for another class list ({CLASS_DIGEST} is"
            f" {metadata.get(CLASS_DIGEST)!r}, the card says {card.class_digest!r}); {_CURE}"
        )


def _parse(model: bytes) -> ModelProto:
    try:
        graph = onnx.load_model_from_string(model)
    except (DecodeError, ValueError) as error:
        raise BundleError(f"model.onnx: cannot be read as ONNX ({error}); {_CURE}") from error
    if not graph.graph.node:
        raise BundleError(f"model.onnx: holds no network; {_CURE}")
    return graph


def _check_self_contained(model: ModelProto) -> None:
    for tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise BundleError(
                f"model.onnx: tensor {tensor.name!r} lies in another file (external data), which"
                f" is refused; {_CURE}"
            )
    if model.functions:
        raise BundleError(f"model.onnx: defines functions of its own, which is refused; {_CURE}")
    for node in _nodes(model.graph):
        if node.domain not in STANDARD_DOMAINS:
            raise BundleError(
                f"model.onnx: operator {node.domain}.{node.op_type} is not standard ONNX; {_CURE}"
            )


def _nodes(graph: GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _check_pixels(graph: GraphProto, side: int) -> None:
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if [value.name for value in inputs] != [PIXELS]:
        names = ", ".join(str(value.name) for value in inputs) or "none"  # bytes: no UTF-8
        raise BundleError(f"model.onnx: inputs are {names}, expected only {PIXELS}; {_CURE}")
    found = _describe(inputs[0])
    if found != f"UINT8 [?, {side}, {side}]":
        raise BundleError(
            f"model.onnx: {PIXELS} is {found}, expected UINT8 [?, {side}, {side}] with a free"
            f" number of tiles; {_CURE}"
        )


def _check_output(graph: GraphProto, name: str, columns: int) -> None:
    found = {value.name: _describe(value) for value in graph.output}
    if found.get(name) != f"FLOAT [?, {columns}]":
        raise BundleError(
            f"model.onnx: output {name} is {found.get(name, 'missing')}, expected FLOAT"
            f" [?, {columns}]; {_CURE}"
        )


def _describe(value: ValueInfoProto) -> str:
    tensor = value.type.tensor_type
    dims = (str(d.dim_value) if d.HasField("dim_value") else "?" for d in tensor.shape.dim)
    names = {number: name for name, number in TensorProto.DataType.items()}
    kind = names.get(tensor.elem_type, f"type {tensor.elem_type}")
    return f"{kind} [{', '.join(dims)}]"
