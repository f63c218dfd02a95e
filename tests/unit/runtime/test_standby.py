"""A backend that fails at work, and the one behind it that stands by."""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from contract.card import Precision
from contract.errors import BundleError, ConfigError
from runtime import engine
from runtime.engine import Engine, load_engine
from runtime.engine_cache import EngineCache
from runtime.factory import Backend, open_backend
from tests.unit.runtime.small_bundle import (
    expected,
    small_card,
    small_tiles,
    write_small_bundle,
)

F32 = npt.NDArray[np.float32]


class Failing:
    """Answers like the small network until its calls are used up."""

    def __init__(self, calls: int, name: str = "cuda") -> None:
        self.name, self.calls = name, calls
        self.sizes: list[int] = []

    def infer(self, pixels: npt.NDArray[np.uint8]) -> tuple[F32, F32]:
        if self.calls == 0:
            raise BundleError(f"{self.name}: the device is lost")
        self.calls -= 1
        self.sizes.append(len(pixels))
        return expected(pixels)


@pytest.mark.parametrize("fails_at", range(5))
def test_no_tile_is_lost_whichever_batch_fails(fails_at: int) -> None:
    gpu, cpu = Failing(fails_at, "tensorrt"), Failing(99, "openvino")
    ready = Engine(small_card(), gpu, (4, 8), None, cpu)
    tiles = small_tiles(29)
    probabilities, embedding = ready.classify(tiles)
    np.testing.assert_array_equal(probabilities, expected(tiles)[0])
    np.testing.assert_array_equal(embedding, expected(tiles)[1])
    assert gpu.sizes + cpu.sizes == [8, 8, 8, 4, 4]
    assert ready.backend == "openvino"


def test_cuda_gets_one_size_and_what_takes_over_all() -> None:
    """Each other number of tiles would cost CUDA's provider a new plan."""
    gpu, cpu = Failing(3), Failing(99, "openvino")
    ready = Engine(small_card(), gpu, (4, 8), None, cpu)
    ready.warm_up()
    probabilities, _ = ready.classify(small_tiles(4))
    np.testing.assert_array_equal(probabilities, expected(small_tiles(4))[0])
    assert gpu.sizes == [8, 8, 8]
    cpu.sizes.clear()
    ready.classify(small_tiles(12))
    assert cpu.sizes == [8, 4]


class Dying(Failing):
    """Answers, but not with numbers."""

    def infer(self, pixels: npt.NDArray[np.uint8]) -> tuple[F32, F32]:
        probabilities, embedding = super().infer(pixels)
        probabilities[-1, 0] = np.nan
        return probabilities, embedding


def test_a_card_that_answers_nonsense_has_failed() -> None:
    """No threshold is below NaN, so every tile would be clean."""
    tiles = small_tiles(4)
    ready = Engine(small_card(), Dying(9), (4,), None, Failing(9, "openvino"))
    np.testing.assert_array_equal(ready.classify(tiles)[0], expected(tiles)[0])
    assert (ready.backend, "no numbers" in str(ready.degraded)) == ("openvino", True)
    with pytest.raises(BundleError, match="no numbers"):
        Engine(small_card(), Dying(9, "openvino"), (4,), None).classify(tiles)


def test_the_change_is_said_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    ready = Engine(small_card(), Failing(1), (4,), "tensorrt: none here", Failing(9, "openvino"))
    ready.classify(small_tiles(4))
    assert (ready.backend, ready.degraded) == ("cuda", "tensorrt: none here")
    with caplog.at_level(logging.ERROR):
        ready.classify(small_tiles(4))
    said = "cuda failed while it inspected (cuda: the device is lost); openvino took over"
    assert ready.degraded == f"tensorrt: none here; {said}"
    assert caplog.messages == [said]


def test_nobody_takes_over_twice() -> None:
    ready = Engine(small_card(), Failing(0), (4,), None, Failing(1, "openvino"))
    ready.classify(small_tiles(4))
    with pytest.raises(BundleError, match="openvino: the device is lost"):
        ready.classify(small_tiles(4))


def test_the_standby_is_warm_before_it_is_needed() -> None:
    cpu = Failing(99, "openvino")
    Engine(small_card(), Failing(99), (4, 8), None, cpu).warm_up()
    assert set(cpu.sizes) == {4, 8}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """`cuda` opens on this machine, too: a stub that answers rightly, for so long."""
    stub = Failing(10**6)

    def opened(
        name: str, model: bytes, precision: Precision, threads: int, cache: EngineCache
    ) -> Backend:
        return stub if name == "cuda" else open_backend(name, model, precision, threads, cache)

    monkeypatch.setattr(engine, "open_backend", opened)
    return stub


@pytest.mark.parametrize(
    ("backends", "after"),
    [
        (["cuda", "openvino", "onnxruntime"], "openvino"),
        (["openvino", "cuda", "onnxruntime"], None),
        (["cuda"], None),
        (["tensorrt", "cuda", "onnxruntime"], "onnxruntime"),
    ],
)
def test_the_list_says_who_stands_by(
    tmp_path: Path, gpu: Failing, backends: list[str], after: str | None
) -> None:
    ready = load_engine(write_small_bundle(tmp_path / "b"), backends, 1, (4,))
    first = ready.backend
    gpu.calls = 0
    if after is None and first == "cuda":
        with pytest.raises(BundleError, match="the device is lost"):
            ready.classify(small_tiles(3))
        return
    np.testing.assert_allclose(
        ready.classify(small_tiles(3))[0], expected(small_tiles(3))[0], atol=1e-5
    )
    assert ready.backend == (after or "openvino")


def test_a_missing_standby_shows_where_one_was_named(
    tmp_path: Path, gpu: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    bundle = write_small_bundle(tmp_path / "b")
    assert load_engine(bundle, ["cuda"], 1, (4,)).degraded is None
    monkeypatch.setattr("runtime.factory.importlib.import_module", absent)
    ready = load_engine(bundle, ["cuda", "openvino"], 1, (4,))
    assert ready.backend == gpu.name
    assert ready.degraded is not None
    assert ready.degraded.startswith("no standby: openvino: backend openvino is not installed")
    with pytest.raises(ConfigError, match="openvino is not installed"):
        load_engine(bundle, ["openvino"], 1, (4,))
