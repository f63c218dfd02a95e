"""Which folder an engine has, and when it may be used."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigError
from runtime.engine_cache import EngineCache, MadeWith, engine_cache
from runtime.factory import open_backend
from tests.unit.runtime.small_bundle import SIDE, small_graph, write_small_bundle

HERE = MadeWith("NVIDIA H100 80GB HBM3", "9.0", "1.31.0", "101300", "13.0")


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return engine_cache(write_small_bundle(tmp_path / "b"), tmp_path / "engines", (32, 8, 128, 8))


def test_the_folder_says_what_the_engine_is_for(cache: EngineCache) -> None:
    found = cache.folder(HERE).relative_to(cache.root)
    words = (
        f"{cache.digest[:16]}-nvidia_h100_80gb_hbm3-sm9.0-ort1.31.0-trt101300-cuda13.0-n8-32-128"
    )
    assert str(found) == words
    assert cache.input_px == SIDE


@pytest.mark.parametrize("field", MadeWith._fields)
def test_another_machine_or_library_has_its_own_folder(cache: EngineCache, field: str) -> None:
    other = HERE._replace(**{field: "7"})
    assert cache.folder(other) != cache.folder(HERE)
    with cache.draft(HERE):
        pass
    assert cache.is_built(HERE)
    assert not cache.is_built(other)


def test_another_bundle_or_batch_has_its_own_engine(cache: EngineCache) -> None:
    with cache.draft(HERE):
        pass
    same_start = cache._replace(digest=cache.digest[:16] + "0" * 48)
    assert same_start.folder(HERE) == cache.folder(HERE)
    assert not same_start.is_built(HERE)
    assert not cache._replace(sizes=(8,)).is_built(HERE)


@given(st.text())
def test_no_name_leads_out_of_the_root(name: str) -> None:
    cache = EngineCache(Path("/root"), Path("/b"), "0" * 64, SIDE, (8,))
    assert cache.folder(MadeWith(name, name, name, name, name)).parent == Path("/root")


def test_what_broke_off_is_no_engine(cache: EngineCache) -> None:
    def build(error: type[Exception] | None) -> None:
        with cache.draft(HERE) as draft:
            (draft / "some.engine").touch()
            if error:
                raise error

    with pytest.raises(RuntimeError):
        build(RuntimeError)
    assert not cache.is_built(HERE)
    assert list(cache.root.iterdir()) == []
    build(None)
    assert cache.is_built(HERE)
    assert (cache.folder(HERE) / "some.engine").exists()


def test_a_damaged_seal_is_no_engine(cache: EngineCache) -> None:
    with cache.draft(HERE):
        pass
    (cache.folder(HERE) / "engine.json").write_bytes(b"\xff{")
    assert not cache.is_built(HERE)


def test_without_a_root_it_lies_beside_the_bundle(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "b")
    assert engine_cache(bundle, None, (8,)).root == tmp_path / "engines"


@pytest.mark.parametrize("built", [False, True])
def test_the_line_never_builds(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch, *, built: bool
) -> None:
    """With a sealed engine it goes as far as opening the session, which no machine here can."""
    where = "runtime.backends.tensorrt.TensorRtBackend"
    monkeypatch.setattr(f"{where}.made_with", classmethod(lambda _: HERE))
    if built:
        with cache.draft(HERE):
            pass
    words = "has no TensorrtExecutionProvider" if built else "stripsight-export engine .*/b --out"
    with pytest.raises(ConfigError, match=words):
        open_backend("tensorrt", small_graph().SerializeToString(), "fp16", 0, cache)
