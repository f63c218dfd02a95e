"""OpenVINO on the processor: the fastest backend on x86 (AVX2, AVX512-VNNI, AMX)."""

from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov

from contract.card import Precision
from contract.errors import BundleError
from runtime.engine_cache import EngineCache
from runtime.graph import EMBEDDING, PROBABILITIES
from runtime.wide_batch import widen

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


class OpenVinoBackend:
    """A compiled graph with one reusable request; owned by one thread.

    Left alone, OpenVINO takes bfloat16 on processors with AMX for whatever is not int8. That is
    right for an fp16 bundle. An fp32 one is held to fp32, and so is the little float arithmetic of
    an int8 one: it costs 4 % of the speed, and the answers are those of the machine on which the
    bundle was judged, with AMX or without (ADR 19).

    One request with all threads, not one for each of them: a frame is one batch, and in two halves,
    a thread each, it takes as long (ADR 19).
    """

    name = "openvino"

    def __init__(
        self, model: bytes, precision: Precision, threads: int, engines: EngineCache | None
    ) -> None:
        del engines  # compiled at every start, in a second
        config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        if precision != "fp16":
            config["INFERENCE_PRECISION_HINT"] = "f32"
        try:
            core = ov.Core()
            compiled = core.compile_model(core.read_model(widen(model)), "CPU", config)
            self._outputs = [compiled.output(PROBABILITIES), compiled.output(EMBEDDING)]
            self._request: Any = compiled.create_infer_request()
        except RuntimeError as error:
            raise BundleError(
                f"openvino cannot compile the graph ({_first_line(error)})"
            ) from error

    def infer(self, pixels: U8) -> tuple[F32, F32]:
        """Run the graph on U8 `N x H x W`; the arrays returned are valid until the next call."""
        try:
            self._request.infer([pixels], share_inputs=True)
        except RuntimeError as error:
            raise BundleError(f"openvino cannot run the graph ({_first_line(error)})") from error
        probabilities, embedding = (self._request.get_tensor(o).data for o in self._outputs)
        return probabilities, embedding


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
