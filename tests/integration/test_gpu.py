"""What needs an NVIDIA GPU and `onnxruntime-gpu`: numbers, bound memory, and a failure at work."""

from pathlib import Path

import numpy as np
import pytest

from contract.bundle import open_bundle
from contract.errors import BundleError
from export.graph import to_fp16, to_onnx
from runtime.backends import nvidia
from runtime.engine import load_engine
from runtime.factory import open_backend
from tests.conftest import ROOT
from tests.gpu import needs_gpu
from tests.integration.line.test_commands import edge
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.unit.runtime.small_bundle import expected, small_tiles, write_small_bundle
from tests.waiting import wait_for
from training.networks.deployed import Deployed
from training.networks.resnet import ResNet34

pytestmark = [pytest.mark.integration, *needs_gpu]
SIDE = 64
CHAIN = ["tensorrt", "cuda", "onnxruntime"]


def test_the_device_is_named_and_memory_is_locked() -> None:
    found = nvidia.device()
    assert found is not None
    assert float(found.capability) >= 5
    for _ in range(50):  # freed and locked again, often at the same address
        assert nvidia.page_lock(np.zeros(1 << 20, np.uint8))


def test_every_call_brings_its_own_tiles_and_answers(tmp_path: Path) -> None:
    engine = load_engine(write_small_bundle(tmp_path / "b"), ["cuda", "onnxruntime"], 1)
    assert (engine.backend, engine.degraded) == ("cuda", None)
    for seed in range(20):
        tiles = small_tiles(173, seed)
        probabilities, embedding = engine.classify(tiles)
        np.testing.assert_allclose(probabilities, expected(tiles)[0], atol=5e-3)
        np.testing.assert_allclose(embedding, expected(tiles)[1], atol=5e-3)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_students_network_says_the_same_as_on_the_processor(precision: str) -> None:
    graph = to_onnx(Deployed(ResNet34(8), mean=128, std=50, temperature=1), SIDE)
    exact = graph.SerializeToString()
    model = to_fp16(graph).SerializeToString() if precision == "fp16" else exact
    tiles = np.random.default_rng(0).integers(0, 256, (32, SIDE, SIDE), dtype=np.uint8)
    on_gpu = open_backend("cuda", model, "fp32", 0).infer(tiles)[0]
    there = open_backend("onnxruntime", exact, "fp32", 0).infer(tiles)[0]
    assert np.abs(on_gpu - there).max() < 0.02


def test_int8_is_refused_and_the_next_backend_says_so() -> None:
    bundle = open_bundle(ROOT / "deploy" / "bundles" / "demo")
    engine = load_engine(bundle, CHAIN, 0)
    assert engine.backend == "onnxruntime"
    assert engine.degraded is not None
    assert "--int8 gpu" in engine.degraded
    assert "cuda has no int8 convolutions" in engine.degraded


def test_tensorrt_without_an_engine_is_no_wait(tmp_path: Path) -> None:
    engine = load_engine(write_small_bundle(tmp_path / "b"), CHAIN, 0)
    assert engine.backend == "cuda"
    assert engine.degraded is not None
    assert engine.degraded.startswith("tensorrt: ")


def test_a_call_that_fails_on_the_gpu_is_run_again_on_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load_engine(write_small_bundle(tmp_path / "b"), ["cuda", "onnxruntime"], 1, (8,))

    def lost(_: object) -> None:
        raise BundleError("the device is gone")

    engine.classify(small_tiles(8))
    monkeypatch.setattr(engine._backend, "infer", lost)
    found, _ = engine.classify(small_tiles(20))
    np.testing.assert_allclose(found, expected(small_tiles(20))[0], atol=1e-5)
    assert engine.backend == "onnxruntime"


def test_a_replay_on_a_gpu_is_equal_within_the_bundle_s_limit(tmp_path: Path) -> None:
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 10, [(0, 0, 3), (2, 7, 5), (9, 7, 0)])
    inspect = {"backends": ["cuda", "onnxruntime"], "deadline_s": 5.0}
    record = {"path": "recording", "max_gb": 1}
    changes = sections(tmp_path, frames, inspect=inspect, record=record)
    with Daemon(write_config(tmp_path, changes), "inspect") as daemon:
        daemon.wait_until_inspecting()
        assert daemon.status()["backend"] == "cuda"
        wait_for(lambda: len(daemon.reader().latest(["coil_report"], 9)) > 2, "coils")
    done = edge("replay", "--from", tmp_path / "recording", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "on a GPU: probabilities may be" in done.stdout
    assert "equal" in done.stdout
