"""The small network with work added that changes nothing: an engine that is too slow."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from contract.classes import ClassList
from tests.unit.runtime.small_bundle import SIDE, small_graph

WIDTH = 1024


def slow_graph(classes: ClassList, layers: int) -> onnx.ModelProto:
    """`layers` products of `N x 1024` by `1024 x 1024` beside the network; their sum, made as small
    as nothing, is added to the logits so that no compiler may leave them out.
    """
    model = small_graph(classes)
    nodes = {node.output[0]: node for node in model.graph.node}
    nodes["probabilities"].input[0] = "slowed"
    random = np.random.default_rng(0)
    weights = {
        "into": random.normal(0, 1e-3, (SIDE * SIDE, WIDTH)),
        "work": random.normal(0, WIDTH**-0.5, (WIDTH, WIDTH)),
        "nothing": np.full((WIDTH, 2), 1e-30),
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()
    )
    added = [helper.make_node("MatMul", ["rows", "into"], ["work_0"])]
    for layer in range(layers):
        added += [
            helper.make_node("MatMul", [f"work_{layer}", "work"], [f"product_{layer}"]),
            helper.make_node("Tanh", [f"product_{layer}"], [f"work_{layer + 1}"]),
        ]
    added += [
        helper.make_node("MatMul", [f"work_{layers}", "nothing"], ["almost_zero"]),
        helper.make_node("Add", ["logits", "almost_zero"], ["slowed"]),
    ]
    softmax = model.graph.node.pop()
    model.graph.node.extend([*added, softmax])
    return model
