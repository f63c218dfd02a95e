"""TensorRT through ONNX Runtime. Its engine is built beforehand by `stripsight-export engine`: that
takes minutes, which a line's start, or a change of model, does not have.
"""

from pathlib import Path

import onnxruntime as ort

from contract.card import Precision
from contract.errors import ConfigError
from runtime.backends.nvidia import device, tensorrt_version
from runtime.backends.onnxruntime import CudaBackend
from runtime.engine_cache import EngineCache, MadeWith
from runtime.graph import PIXELS

_PROVIDER = "libonnxruntime_providers_tensorrt.so"


class TensorRtBackend(CudaBackend):
    """A session whose network is one TensorRT engine from the cache; owned by one thread."""

    name = "tensorrt"
    provider = "TensorrtExecutionProvider"

    def __init__(
        self,
        model: bytes,
        precision: Precision,
        threads: int,
        engines: EngineCache | None,
        build_in: Path | None = None,
    ) -> None:
        """With `build_in` the engine is built into that folder, at the latest by the first call."""
        made_with = self.made_with()
        if engines is None:
            raise ConfigError("tensorrt runs bundles whose engine has been built, nothing else")
        if build_in is None and not engines.is_built(made_with):
            raise ConfigError(
                f"tensorrt has no engine of this bundle for {made_with.device} and the installed"
                f" libraries; run: stripsight-export engine {engines.bundle} --out {engines.root}"
            )
        folder = build_in or engines.folder(made_with)
        options = provider_options(engines, folder, precision)
        self._start(model, threads, [(self.provider, options), CudaBackend.provider])

    @classmethod
    def made_with(cls) -> MadeWith:
        """What an engine that is built here and now depends on.

        Raises:
            ConfigError: TensorRT, its provider or a GPU is missing; the text names it.
        """
        cls.require_provider()
        try:
            version = tensorrt_version(Path(ort.__file__).parent / "capi" / _PROVIDER)
        except OSError as error:
            raise ConfigError(
                f"TensorRT is not installed ({error}); install the version that onnxruntime"
                f" {ort.__version__} is built for, or name another backend, such as cuda"
            ) from error
        found = device()
        if found is None:
            raise ConfigError("tensorrt: no NVIDIA GPU; check the driver, or name another backend")
        return MadeWith(found.name, found.capability, ort.__version__, version, found.cuda)


def provider_options(engines: EngineCache, folder: Path, precision: Precision) -> dict[str, str]:
    """Options of ONNX Runtime's TensorRT provider for engines in this folder.

    The float parts of an int8 graph run in fp16, which is finer than the int8 around them.
    """
    side, sizes = engines.input_px, engines.sizes
    shapes = {"min": sizes[0], "opt": sizes[len(sizes) // 2], "max": sizes[-1]}
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_engine_cache_prefix": engines.digest[:16],
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": str(int(precision != "fp32")),
        "trt_int8_enable": str(int(precision == "int8")),
        **{f"trt_profile_{k}_shapes": f"{PIXELS}:{n}x{side}x{side}" for k, n in shapes.items()},
    }
