"""ONNX Runtime, on the processor or on an NVIDIA GPU."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as states

from contract.card import Precision
from contract.errors import BundleError, ConfigError
from runtime.graph import EMBEDDING, PIXELS, PROBABILITIES

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

_FAULTS = (
    states.Fail, states.InvalidArgument, states.InvalidGraph, states.InvalidProtobuf,
    states.NotImplemented, states.RuntimeException,
)  # fmt: skip
_ERRORS_ONLY = 3


class OnnxRuntimeBackend:
    """A session on the processor; owned by one thread."""

    name: ClassVar[str] = "onnxruntime"
    provider: ClassVar[str] = "CPUExecutionProvider"

    def __init__(self, model: bytes, precision: Precision, threads: int) -> None:
        del precision  # the graph's own types say it all here
        if self.provider not in ort.get_available_providers():
            raise ConfigError(
                f"the installed onnxruntime has no {self.provider};"
                ' pip uninstall onnxruntime, then pip install "stripsight[gpu]"'
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = ort.InferenceSession(model, options, providers=[self.provider])
        except _FAULTS as error:
            raise BundleError(f"{self.name} cannot load the graph ({error})") from error
        # Without a usable device the library goes on with the processor and only logs it.
        if self._session.get_providers()[0] != self.provider:
            raise ConfigError(
                f"{self.name}: no usable device ({self.provider} did not start);"
                " check the driver, or name another backend"
            )

    def infer(self, pixels: U8) -> tuple[F32, F32]:
        """Run the graph on U8 `N x H x W`."""
        try:
            probabilities, embedding = self._session.run(
                [PROBABILITIES, EMBEDDING], {PIXELS: pixels}
            )
        except _FAULTS as error:
            raise BundleError(f"{self.name} cannot run the graph ({error})") from error
        return probabilities, embedding


class CudaBackend(OnnxRuntimeBackend):
    """A session on an NVIDIA GPU; owned by one thread."""

    name = "cuda"
    provider = "CUDAExecutionProvider"
