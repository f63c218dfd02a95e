from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pytest

from contract.errors import BundleError, ConfigError, ParityError
from runtime.engine import Engine, load_engine
from runtime.factory import BACKENDS, open_backend
from tests.unit.runtime.small_bundle import (
    SIDE,
    expected,
    small_card,
    small_graph,
    small_tiles,
    write_small_bundle,
)

F32 = npt.NDArray[np.float32]


class Recorder:
    """Answers like the small network and remembers the batch sizes."""

    name = "recorder"

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.result: tuple[F32, F32] = np.empty((0, 2), np.float32), np.empty((0, 2), np.float32)

    def infer(self, pixels: npt.NDArray[np.uint8]) -> tuple[F32, F32]:
        self.sizes.append(len(pixels))
        self.result[0][:], self.result[1][:] = 7, 7  # an adapter may reuse its outputs
        self.result = expected(pixels)
        return self.result


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 41])
def test_engine_answers_as_computed_by_hand(tmp_path: Path, backend: str, count: int) -> None:
    engine = load_engine(write_small_bundle(tmp_path / "b"), [backend], 1, sizes=(8, 32))
    tiles = small_tiles(count, seed=3)
    probabilities, embedding = engine.classify(tiles)
    assert engine.backend == backend
    assert engine.degraded is None
    np.testing.assert_allclose(probabilities, expected(tiles)[0], atol=1e-5)
    np.testing.assert_allclose(embedding, expected(tiles)[1], atol=1e-5)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (0, []),
        (1, [4]),
        (4, [4]),
        (5, [4, 4]),
        (11, [4, 4, 4]),
        (12, [16]),
        (16, [16]),
        (39, [16, 16, 4, 4]),
        (45, [16, 16, 16]),
    ],
)
def test_only_warmed_sizes_reach_the_backend(count: int, sizes: list[int]) -> None:
    recorder = Recorder()
    engine = Engine(small_card(), recorder, (16, 4), None)
    tiles = small_tiles(count)
    probabilities, _ = engine.classify(tiles)
    assert recorder.sizes == sizes
    np.testing.assert_array_equal(probabilities, expected(tiles)[0])


def test_results_outlive_the_next_call() -> None:
    engine = Engine(small_card(), Recorder(), (4,), None)
    first, _ = engine.classify(small_tiles(4, seed=1))
    kept = first.copy()
    engine.classify(small_tiles(4, seed=2))
    np.testing.assert_array_equal(first, kept)


def test_warm_up_runs_every_size() -> None:
    recorder = Recorder()
    Engine(small_card(), recorder, (4, 16), None).warm_up()
    assert set(recorder.sizes) == {4, 16}


@pytest.mark.parametrize("gpu", ["cuda", "tensorrt"])
def test_a_fallback_is_never_silent(tmp_path: Path, gpu: str) -> None:
    bundle = write_small_bundle(tmp_path / "b")
    engine = load_engine(bundle, [gpu, "onnxruntime"], 1, (4,))
    assert engine.backend == "onnxruntime"
    assert engine.degraded is not None
    assert engine.degraded.startswith(f"{gpu}: ")
    assert "stripsight[gpu]" in engine.degraded


def test_wrong_numbers_are_refused_on_every_backend(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "b", small_graph(gain=2.0))
    with pytest.raises(ParityError, match=r"openvino: .* differ by 0\.\d+ .*onnxruntime: "):
        load_engine(bundle, ["openvino", "onnxruntime"], 1)


def test_swapped_classes_are_refused(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "b", small_graph(gain=-8.0))
    with pytest.raises(ParityError, match=r"labels agree on 0\.0%"):
        load_engine(bundle, ["onnxruntime"], 1)


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> NoReturn:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("runtime.factory.importlib.import_module", absent)
    for name, entry in BACKENDS.items():
        with pytest.raises(ConfigError, match=rf'pip install "stripsight\[{entry.extra}\]"'):
            open_backend(name, b"", "fp32", 1)


def test_unknown_backend_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'tpu' is unknown; there are openvino, onnxruntime"):
        open_backend("tpu", b"", "fp32", 1)


def test_no_backend_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no backend named"):
        load_engine(write_small_bundle(tmp_path / "b"), [], 1)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("model", [b"", b"not a graph", small_graph().SerializeToString()[:300]])
def test_a_library_that_refuses_the_graph_is_a_bundle_error(backend: str, model: bytes) -> None:
    with pytest.raises(BundleError, match=f"{backend} cannot"):
        open_backend(backend, model, "fp32", 1)


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_tiles_of_a_wrong_size_are_a_bundle_error(backend: str) -> None:
    engine = open_backend(backend, small_graph().SerializeToString(), "fp32", 1)
    with pytest.raises(BundleError, match=f"{backend} cannot run the graph"):
        engine.infer(np.zeros((2, SIDE, SIDE + 1), np.uint8))
