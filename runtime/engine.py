"""A bundle ready to classify: graph checked, backend chosen, golden tiles passed, warmed up; behind
a GPU a second one on the processor that stands by.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contract.bundle import Bundle
from contract.card import ModelCard
from contract.errors import BundleError, ConfigError
from runtime.engine_cache import EngineCache, engine_cache
from runtime.factory import Backend, open_backend
from runtime.golden import check_golden
from runtime.graph import check_graph
from runtime.policy import ON_GPU, batch_sizes

log = logging.getLogger(__name__)

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Fault = BundleError | ConfigError

BATCH_SIZES = (8, 16, 24, 32, 48, 64, 96, 128)
"""A frame of 64 tiles in one batch is a tenth faster than in two, and 128 reach the best rate; a
few tiles cost 8. Behind a screen any number comes, so that they lie close."""
LEAST_FILLED = 0.75
"""Share of a batch that must be tiles, not padding."""


class Engine:
    """A network in use; owned by one thread.

    A batch is split and padded to sizes that were run before: a size seen for the first time takes
    three times as long.
    """

    def __init__(
        self,
        card: ModelCard,
        backend: Backend,
        sizes: Sequence[int],
        degraded: str | None,
        standby: Backend | None = None,
    ) -> None:
        self.card = card
        self.degraded = degraded
        """Why this does not run as asked for; None when it does. Any thread may read it."""
        self._standby = standby
        self._failed: Backend | None = None
        self._backend = backend
        self._all_sizes = tuple(sizes)
        self._sizes = batch_sizes(backend.name, sizes)
        side = card.input_px
        self._padded = np.zeros((max(sizes), side, side), np.uint8)
        self._columns = len(card.classes), len(card.embedding.mean)

    @property
    def backend(self) -> str:
        """Name of the backend that runs; another one after a failure. Any thread may read it."""
        return self._backend.name

    def warm_up(self) -> None:
        """Run every batch size twice: the first builds the kernels, the second settles buffers."""
        side = self.card.input_px
        for backend in filter(None, (self._backend, self._standby)):
            for size in batch_sizes(backend.name, self._all_sizes):
                blank = np.zeros((size, side, side), np.uint8)
                for _ in range(2):
                    backend.infer(blank)

    def classify(self, pixels: U8) -> tuple[F32, F32]:
        """Classify U8 `N x input x input`, C-contiguous; any N, none included.

        Returns:
            Probabilities F32 `N x C` and embedding F32 `N x D`, the caller's own.

        Raises:
            BundleError: the backend failed, and none stands by or that one failed too.
        """
        count = len(pixels)
        probabilities = np.empty((count, self._columns[0]), np.float32)
        embedding = np.empty((count, self._columns[1]), np.float32)
        start = 0
        while start < count:
            size = self._next_size(count - start)
            end = min(count, start + size)
            batch = pixels[start:end] if end - start == size else self._pad(pixels[start:end], size)
            found, vector = self._infer(batch)
            probabilities[start:end] = found[: end - start]
            embedding[start:end] = vector[: end - start]
            start = end
        return probabilities, embedding

    def _infer(self, batch: U8) -> tuple[F32, F32]:
        try:
            return _numbers(self._backend.infer(batch))
        except BundleError as error:
            if self._standby is None:
                raise
            self._take_over(self._standby, error)
            return _numbers(self._backend.infer(batch))

    def _take_over(self, standby: Backend, error: BundleError) -> None:
        why = f"{self._backend.name} failed while it inspected ({error}); {standby.name} took over"
        log.error("%s", why)
        # Kept: to take down a session whose device is gone may hang, or end the process.
        self._failed = self._backend
        self._backend, self._standby = standby, None
        self._sizes = batch_sizes(standby.name, self._all_sizes)
        self.degraded = "; ".join(filter(None, (self.degraded, why)))

    def _next_size(self, rest: int) -> int:
        """The largest that is filled, or nearly; the smallest where none is."""
        filled = (size for size in self._sizes if rest >= LEAST_FILLED * size)
        return next(filled, self._sizes[-1])

    def _pad(self, pixels: U8, size: int) -> U8:
        self._padded[: len(pixels)] = pixels
        return self._padded[:size]


def _numbers(found: tuple[F32, F32]) -> tuple[F32, F32]:
    """A card that dies may answer NaN without an error, and no threshold is below that: every tile
    would be clean.
    """
    if not np.isfinite(found[0]).all():
        raise BundleError("its probabilities are no numbers")
    return found


def load_engine(
    bundle: Bundle,
    backends: Sequence[str],
    threads: int,
    sizes: Sequence[int] = BATCH_SIZES,
    engines: Path | None = None,
) -> Engine:
    """Make a verified bundle ready on the first backend that can run it and passes its golden
    tiles. Behind a GPU the first one on the processor that comes later in the list stands by.

    Args:
        bundle: from `open_bundle`.
        backends: names in order of preference; `engine.degraded` says why an earlier one was
            passed over.
        threads: for the backend; 0 leaves it to the library.
        sizes: of batches, to warm up.
        engines: folder of TensorRT's engines; the one beside the bundle if not given.

    Raises:
        BundleError, ParityError: the graph is refused, or the last backend fails with it.
        ConfigError: no backend named, or none of them is installed.
    """
    if not backends:
        raise ConfigError("no backend named; give for example openvino")
    model = _read_model(bundle)
    check_graph(model, bundle.card)
    cache = engine_cache(bundle, engines, sizes)
    prepare = partial(_first_ready, bundle, model, threads, cache)
    chosen, faults = prepare(backends)
    if chosen is None:
        fault = next((f for f in faults.values() if isinstance(f, BundleError)), None)
        worst = fault or next(reversed(faults.values()))
        raise type(worst)(f"{bundle.path}: no backend runs it: {_words(faults)}") from worst
    standby = None
    later = [name for name in backends[backends.index(chosen.name) :] if name not in ON_GPU]
    if chosen.name in ON_GPU and later:
        standby, unfit = prepare(later)
        faults |= {} if standby else {f"no standby: {name}": f for name, f in unfit.items()}
    engine = Engine(bundle.card, chosen, sizes, _words(faults) or None, standby)
    engine.warm_up()
    return engine


def _first_ready(
    bundle: Bundle, model: bytes, threads: int, cache: EngineCache, names: Sequence[str]
) -> tuple[Backend | None, dict[str, Fault]]:
    """The first backend with its golden tiles passed, and why those before it are not."""
    faults: dict[str, Fault] = {}
    for name in names:
        try:
            backend = open_backend(name, model, bundle.card.precision, threads, cache)
            check_golden(bundle, Engine(bundle.card, backend, cache.sizes, None).classify)
        except (BundleError, ConfigError) as error:
            faults[name] = error
        else:
            return backend, faults
    return None, faults


def _words(faults: Mapping[str, Fault]) -> str:
    return "; ".join(f"{name}: {fault}" for name, fault in faults.items())


def _read_model(bundle: Bundle) -> bytes:
    try:
        return bundle.model.read_bytes()
    except OSError as error:
        raise BundleError(f"{bundle.model}: cannot be read ({error}); copy it again") from error
