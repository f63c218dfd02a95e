"""From the deployed network to an ONNX graph, and its two derived forms that need no data."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch
from onnx import ModelProto
from onnxruntime.transformers.float16 import convert_float_to_float16

from contract.classes import ClassList
from runtime.graph import CLASS_DIGEST, CLASS_NAMES, EMBEDDING, PIXELS, PROBABILITIES
from training.networks.deployed import Deployed

OPSET = 18
"""The first with ReduceMean's axes as an input, as torch's exporter writes it; every runtime since
2023 reads it."""


def to_onnx(network: Deployed, input_px: int) -> ModelProto:
    """Trace the network: uint8 `N x input x input` in, N free, weights inside the file."""
    example = torch.zeros((2, input_px, input_px), dtype=torch.uint8)
    with _quiet_exporter():
        program = torch.onnx.export(
            network.eval(), (example,), dynamo=True, opset_version=OPSET, external_data=False,
            input_names=[PIXELS], output_names=[PROBABILITIES, EMBEDDING],
            dynamic_shapes={"pixels": {0: torch.export.Dim("N")}}, verbose=False,
        )  # fmt: skip
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    model: ModelProto = program.model_proto
    return model


def to_fp16(model: ModelProto) -> ModelProto:
    """Weights and arithmetic in half precision; input and outputs keep their types.

    Softmax stays in float32: its sum over the classes is what the probabilities hang on.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    half: ModelProto = convert_float_to_float16(copy, keep_io_types=True, op_block_list=["Softmax"])
    return half


def stamp(model: ModelProto, classes: ClassList) -> bytes:
    """The file's content, with the class list in its metadata (quantisation loses metadata)."""
    for node in model.graph.node:  # the exporter notes where on this machine its source lies
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.metadata_props[:]
    names = json.dumps(list(classes.names))
    onnx.helper.set_model_props(model, {CLASS_DIGEST: classes.digest, CLASS_NAMES: names})
    content: bytes = model.SerializeToString()
    return content


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Torch warns of its own deprecated calls and of torchvision, which is not needed."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        log.setLevel(level)
