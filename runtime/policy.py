"""Which bundle may run on which backend, beyond what the library itself would refuse, and in
batches of which sizes.
"""

from collections.abc import Sequence

from contract.errors import ConfigError

ON_GPU = frozenset({"cuda", "tensorrt"})
"""The others run on the processor."""


def batch_sizes(backend: str, sizes: Sequence[int]) -> tuple[int, ...]:
    """Numbers of tiles that a backend is given, descending; of `sizes` all, or the largest alone.

    With `cuda` every change of the number has cuDNN plan all convolutions anew, 20 ms for a
    student, where 128 tiles take no longer than 8 (docs/gpu.md).
    """
    descending = tuple(sorted(set(sizes), reverse=True))
    return descending[:1] if backend == "cuda" else descending


def require_fit(backend: str, model: bytes) -> None:
    """Refuse int8 where it would run slowly or not at all; fp32 and fp16 run everywhere.

    Args:
        backend: one of `BACKENDS`.
        model: the content of `model.onnx`.

    Raises:
        ConfigError: with the cure.
        BundleError: the model is no ONNX.
    """
    if backend not in ON_GPU:
        return
    from runtime.quantisers import quantisers  # noqa: PLC0415 - onnx takes 0.2 s; a GPU alone asks

    kind = quantisers(model)
    if kind == "none":
        return
    if backend == "cuda":
        raise ConfigError(
            "cuda has no int8 convolutions: it takes every quantiser of an int8 bundle as a step of"
            " its own and is slower than in float; export the bundle with --precision fp16"
        )
    if kind == "other":
        raise ConfigError(
            "tensorrt takes int8 only with signed symmetric activations, and this bundle has"
            " unsigned ones; export it with --int8 gpu, or with --precision fp16"
        )
