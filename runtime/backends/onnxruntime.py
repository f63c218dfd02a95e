"""ONNX Runtime, on the processor or on an NVIDIA GPU."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as states

from contract.card import Precision
from contract.errors import BundleError, ConfigError
from runtime.backends.bound import BoundRun
from runtime.backends.nvidia import page_lock
from runtime.engine_cache import EngineCache

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

_FAULTS = (
    states.Fail, states.InvalidArgument, states.InvalidGraph, states.InvalidProtobuf,
    states.NotImplemented, states.RuntimeException, states.EPFail,
    RuntimeError,  # memory on a device that is lost
)  # fmt: skip
_ERRORS_ONLY = 3
_NO_PROCESSOR = "session.disable_cpu_ep_fallback"


class OnnxRuntimeBackend:
    """A session on the processor; owned by one thread."""

    name: ClassVar[str] = "onnxruntime"
    provider: ClassVar[str] = "CPUExecutionProvider"
    device: ClassVar[str] = "cpu"
    options: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, model: bytes, precision: Precision, threads: int, engines: EngineCache | None
    ) -> None:
        del precision, engines  # the graph's own types say it all here
        self._start(model, threads, [(self.provider, dict(self.options))])

    def _start(self, model: bytes, threads: int, providers: Sequence[object]) -> None:
        """Open the session.

        Raises:
            ConfigError: its library or device is missing.
            BundleError: the library refuses the graph.
        """
        self.require_provider()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        if self.device != "cpu":
            ort.preload_dlls()  # CUDA from NVIDIA's Python packages, where it comes from there
            options.add_session_config_entry(_NO_PROCESSOR, "1")
        try:
            self._session: Any = ort.InferenceSession(
                model, options, providers=providers, enable_fallback=0
            )
        except _FAULTS as error:
            if "CPU EP" in str(error):  # nodes, or all, would run there: see _NO_PROCESSOR
                raise self._no_device(f": {error}") from error
            raise BundleError(f"{self.name} cannot load the graph ({error})") from error
        # Without a usable device the library goes on with the processor and only logs it.
        if self._session.get_providers()[0] != self.provider:
            raise self._no_device("")
        self._bound: dict[tuple[int, ...], BoundRun] = {}

    @classmethod
    def require_provider(cls) -> None:
        """Whether the installed library was built for it at all.

        Raises:
            ConfigError: it was not.
        """
        if cls.provider not in ort.get_available_providers():
            raise ConfigError(
                f"the installed onnxruntime has no {cls.provider};"
                ' pip uninstall onnxruntime, then pip install "stripsight[gpu]"'
            )

    def infer(self, pixels: U8) -> tuple[F32, F32]:
        """Run the graph on U8 `N x H x W`; the arrays returned are valid until the next call."""
        try:
            return self._run_for(pixels.shape)(pixels)
        except _FAULTS as error:
            raise BundleError(f"{self.name} cannot run the graph ({error})") from error

    def _run_for(self, shape: tuple[int, ...]) -> BoundRun:
        run = self._bound.get(shape)
        if run is None:
            prepare = page_lock if self.device != "cpu" else len
            run = self._bound[shape] = BoundRun(self._session, shape, self.device, prepare)
        return run

    def _no_device(self, why: str) -> ConfigError:
        return ConfigError(
            f"{self.name}: no usable device ({self.provider} did not take the network{why});"
            " check the driver and CUDA's libraries, or name another backend"
        )


class CudaBackend(OnnxRuntimeBackend):
    """A session on an NVIDIA GPU; owned by one thread.

    The channels lie last, as tensor cores like them: 1.3 to 1.6 times as fast (docs/gpu.md).
    """

    name = "cuda"
    provider = "CUDAExecutionProvider"
    device = "cuda"
    options: ClassVar[Mapping[str, str]] = {"prefer_nhwc": "1"}
