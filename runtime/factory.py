"""Backends by name: the one place that knows which libraries exist."""

import importlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from contract.card import Precision
from contract.errors import ConfigError
from runtime.engine_cache import EngineCache
from runtime.policy import require_fit


class Backend(Protocol):
    """A network in one inference library; owned by one thread."""

    @property
    def name(self) -> str:
        """As in the table below."""
        ...

    def infer(
        self, pixels: npt.NDArray[np.uint8]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Probabilities F32 `N x C` and embedding F32 `N x D` of tiles U8 `N x H x W`; the arrays
        are valid until the next call.

        Raises:
            BundleError: the library refuses the graph or the tiles.
        """
        ...


class _Entry(NamedTuple):
    place: str
    extra: str


BACKENDS: Mapping[str, _Entry] = {
    "openvino": _Entry("runtime.backends.openvino:OpenVinoBackend", "cpu"),
    "onnxruntime": _Entry("runtime.backends.onnxruntime:OnnxRuntimeBackend", "ort"),
    "cuda": _Entry("runtime.backends.onnxruntime:CudaBackend", "gpu"),
    "tensorrt": _Entry("runtime.backends.tensorrt:TensorRtBackend", "gpu"),
}


def open_backend(
    name: str, model: bytes, precision: Precision, threads: int, engines: EngineCache | None = None
) -> Backend:
    """Make a backend ready to infer.

    Args:
        name: one of `BACKENDS`.
        model: the content of `model.onnx`, already checked.
        precision: from the bundle's card.
        threads: how many the library may use; 0 leaves it to the library.
        engines: where TensorRT finds the bundle's; without it `tensorrt` is refused.

    Raises:
        ConfigError: an unknown name, its library or device is missing, the policy is against it, or
            its engine has not been built.
        BundleError: the library refuses the graph.
    """
    if name not in BACKENDS:
        raise ConfigError(f"backend {name!r} is unknown; there are {', '.join(BACKENDS)}")
    entry = BACKENDS[name]
    module, _, attribute = entry.place.partition(":")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(
            f'backend {name} is not installed ({error}); pip install "stripsight[{entry.extra}]"'
        ) from error
    require_fit(name, model)
    backend: Backend = make(model, precision, threads, engines)
    return backend
