"""A TensorRT engine for the GPU of this machine, built ahead of time.

It takes minutes and may crash, so it runs in a child; the engine lies in the cache only once it has
passed the bundle's golden tiles.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from contract.bundle import Bundle
from contract.errors import BundleError, ConfigError
from runtime.backends.tensorrt import TensorRtBackend
from runtime.engine import BATCH_SIZES, Engine
from runtime.engine_cache import EngineCache, engine_cache
from runtime.golden import check_golden
from runtime.graph import check_graph
from runtime.policy import require_fit

Say = Callable[[str], None]
TELL_EVERY_S = 10.0


def build_engine(bundle: Bundle, root: Path | None) -> Path:
    """Build in this process; returns the engine's folder, at once where it lies there already.

    Raises:
        ConfigError: no TensorRT, no GPU, a bundle that TensorRT does not take, or no room.
        BundleError: it cannot be built, or its numbers are off.
    """
    model = bundle.model.read_bytes()
    check_graph(model, bundle.card)
    require_fit("tensorrt", model)
    cache = engine_cache(bundle, root, BATCH_SIZES)
    try:
        return _build(bundle, model, cache)
    except OSError as error:
        raise ConfigError(
            f"{cache.root}: cannot be written ({error}); give another --out"
        ) from error


def _build(bundle: Bundle, model: bytes, cache: EngineCache) -> Path:
    made_with = TensorRtBackend.made_with()
    if not cache.is_built(made_with):
        with cache.draft(made_with) as draft:
            backend = TensorRtBackend(model, bundle.card.precision, 0, cache, build_in=draft)
            engine = Engine(bundle.card, backend, cache.sizes, None)
            engine.warm_up()
            check_golden(bundle, engine.classify)
    return cache.folder(made_with)


def build_apart(bundle: Path, root: Path | None, say: Say) -> int:
    """Build in a child that says for itself what is wrong; returns its exit code.

    Raises:
        BundleError: it crashed.
    """
    place = ["--out", str(root)] if root else []
    command = [sys.executable, "-m", "export.cli", "engine", str(bundle), *place, "--here"]
    return watch(command, say)


def watch(command: Sequence[str], say: Say, tell_every_s: float = TELL_EVERY_S) -> int:
    """Run a command, telling now and then for how long; returns its exit code.

    Raises:
        BundleError: a signal ended it.
    """
    start = time.monotonic()
    with subprocess.Popen(command) as child:
        try:
            while (code := _ended(child, tell_every_s)) is None:
                say(f"building for {time.monotonic() - start:.0f} s")
        finally:
            child.terminate()
    if code < 0:
        name = signal.Signals(-code).name
        raise BundleError(
            f"TensorRT ended by {name} after {time.monotonic() - start:.0f} s and left no engine;"
            " free the GPU and its memory and try again, or run the bundle on cuda"
        )
    return code


def _ended(child: subprocess.Popen[bytes], within_s: float) -> int | None:
    try:
        return child.wait(within_s)
    except subprocess.TimeoutExpired:
        return None
