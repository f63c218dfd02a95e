"""ONNX Runtime's adapter: its bound memory, run on the processor, and what a machine lacks."""

import ctypes
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from contract.errors import ConfigError
from runtime.backends import nvidia
from runtime.backends.bound import BoundRun
from runtime.backends.onnxruntime import CudaBackend
from runtime.backends.tensorrt import TensorRtBackend, provider_options
from runtime.engine_cache import EngineCache
from runtime.factory import open_backend
from tests.unit.runtime.small_bundle import SIDE, expected, small_graph, small_tiles

MODEL = small_graph().SerializeToString()


def test_bound_memory_is_read_anew_at_every_call() -> None:
    backend = open_backend("onnxruntime", MODEL, "fp32", 1)
    for seed, count in enumerate((4, 4, 2, 4)):
        tiles = small_tiles(count, seed)
        probabilities, embedding = backend.infer(tiles)
        np.testing.assert_allclose(probabilities, expected(tiles)[0], atol=1e-5)
        np.testing.assert_allclose(embedding, expected(tiles)[1], atol=1e-5)


def test_tiles_need_not_lie_side_by_side() -> None:
    tiles = small_tiles(8)[::2]
    found, _ = open_backend("onnxruntime", MODEL, "fp32", 1).infer(tiles)
    np.testing.assert_allclose(found, expected(tiles)[0], atol=1e-5)


def test_all_host_memory_is_prepared_once() -> None:
    session = ort.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    prepared: list[tuple[int, ...]] = []
    run = BoundRun(session, (3, SIDE, SIDE), "cpu", lambda memory: prepared.append(memory.shape))
    first, _ = run(small_tiles(3, 1))
    again, _ = run(small_tiles(3, 2))
    assert prepared == [(3, SIDE, SIDE), (3, 2), (3, 2)]
    assert first is again


@pytest.mark.parametrize("backend", [CudaBackend, TensorRtBackend])
def test_a_processors_onnxruntime_says_what_to_install(backend: type[CudaBackend]) -> None:
    if backend.provider in ort.get_available_providers():
        pytest.skip("this onnxruntime is built for GPUs")
    with pytest.raises(ConfigError, match=rf"has no {backend.provider}; .*stripsight\[gpu\]"):
        backend(MODEL, "fp32", 0, None)


def test_nodes_left_to_the_processor_are_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library goes on with the processor where the device is missing, or a kernel."""
    monkeypatch.setattr(CudaBackend, "require_provider", classmethod(lambda _: None))
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"), pytest.raises(
        ConfigError, match=r"cuda: no usable device .* or name another backend"
    ):  # fmt: skip
        CudaBackend(MODEL, "fp32", 0, None)


def test_a_missing_tensorrt_is_named(tmp_path: Path) -> None:
    provider = tmp_path / "provider.so"
    provider.write_bytes(b"\x7fELF\0libnvinfer.so.77\0libnvonnxparser.so.77\0")
    with pytest.raises(OSError, match=r"libnvinfer\.so\.77"):
        nvidia.tensorrt_version(provider)
    provider.write_bytes(b"\x7fELF")
    with pytest.raises(OSError, match="names no TensorRT library"):
        nvidia.tensorrt_version(provider)


def test_without_a_driver_there_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    assert nvidia.device() is None
    assert not nvidia.page_lock(np.zeros(4))


def test_engines_are_made_for_the_warmed_batches_and_the_precision(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, tmp_path / "b", "ab" * 32, 64, (8, 32, 128))
    options = provider_options(cache, tmp_path / "e", "int8")
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == f"{tmp_path}/e"
    shapes = [options[f"trt_profile_{end}_shapes"] for end in ("min", "opt", "max")]
    assert shapes == ["pixels:8x64x64", "pixels:32x64x64", "pixels:128x64x64"]
    switches = {
        precision: (found["trt_fp16_enable"], found["trt_int8_enable"])
        for precision in ("fp32", "fp16", "int8")
        for found in [provider_options(cache, tmp_path, precision)]
    }
    assert switches == {"fp32": ("0", "0"), "fp16": ("1", "0"), "int8": ("1", "1")}
