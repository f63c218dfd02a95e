"""What a test that needs an NVIDIA GPU and `onnxruntime-gpu` is marked with."""

import onnxruntime as ort
import pytest

from runtime.backends import nvidia

needs_gpu = (
    pytest.mark.gpu,
    pytest.mark.skipif(
        nvidia.device() is None or "CUDAExecutionProvider" not in ort.get_available_providers(),
        reason="needs an NVIDIA GPU and onnxruntime-gpu",
    ),
)
