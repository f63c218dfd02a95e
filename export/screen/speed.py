"""How fast the network is on this machine, for the report's tiles per second."""

import time

import numpy as np

from contract.bundle import Bundle
from runtime.engine import load_engine

BATCH = 32
SECONDS = 2.0


def network_speed(bundle: Bundle) -> float:
    """Tiles a second of the network alone, in batches of 32."""
    engine = load_engine(bundle, ("openvino", "onnxruntime"), threads=0)
    tiles = np.resize(bundle.golden().pixels, (BATCH, *bundle.golden().pixels.shape[1:]))
    engine.classify(tiles)
    batches, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        engine.classify(tiles)
        batches += 1
    return batches * BATCH / (time.perf_counter() - start)
