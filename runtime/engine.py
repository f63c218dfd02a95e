"""A bundle ready to classify: graph checked, backend chosen, golden tiles passed, warmed up."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from contract.bundle import Bundle
from contract.card import ModelCard
from contract.errors import BundleError, ConfigError
from runtime.factory import Backend, open_backend
from runtime.golden import check_golden
from runtime.graph import check_graph

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

BATCH_SIZES = (8, 32, 128)
"""On two cores 32 reaches nine tenths of the best rate and 128 all of it; a few tiles cost 8."""


class Engine:
    """A network in use; owned by one thread.

    A batch is split and padded to sizes that were run before: a size seen for the first time takes
    three times as long.
    """

    def __init__(
        self, card: ModelCard, backend: Backend, sizes: Sequence[int], degraded: str | None
    ) -> None:
        self.card = card
        self.degraded = degraded
        """Why this is not the backend asked for first; None when it is."""
        self._backend = backend
        self._sizes = tuple(sorted(set(sizes), reverse=True))
        side = card.input_px
        self._padded = np.zeros((self._sizes[-1], side, side), np.uint8)
        self._columns = len(card.classes), len(card.embedding.mean)

    @property
    def backend(self) -> str:
        """Name of the backend that runs."""
        return self._backend.name

    def warm_up(self) -> None:
        """Run every batch size twice: the first builds the kernels, the second settles buffers."""
        side = self.card.input_px
        for size in self._sizes:
            blank = np.zeros((size, side, side), np.uint8)
            for _ in range(2):
                self._backend.infer(blank)

    def classify(self, pixels: U8) -> tuple[F32, F32]:
        """Classify U8 `N x input x input`, C-contiguous; any N, none included.

        Returns:
            Probabilities F32 `N x C` and embedding F32 `N x D`, the caller's own.

        Raises:
            BundleError: the backend failed.
        """
        count = len(pixels)
        probabilities = np.empty((count, self._columns[0]), np.float32)
        embedding = np.empty((count, self._columns[1]), np.float32)
        start = 0
        while start < count:
            size = self._next_size(count - start)
            end = min(count, start + size)
            batch = pixels[start:end] if end - start == size else self._pad(pixels[start:end])
            found, vector = self._backend.infer(batch)
            probabilities[start:end] = found[: end - start]
            embedding[start:end] = vector[: end - start]
            start = end
        return probabilities, embedding

    def _next_size(self, rest: int) -> int:
        return next((size for size in self._sizes if size <= rest), self._sizes[-1])

    def _pad(self, pixels: U8) -> U8:
        self._padded[: len(pixels)] = pixels
        return self._padded


def load_engine(
    bundle: Bundle,
    backends: Sequence[str],
    threads: int,
    batch_sizes: Sequence[int] = BATCH_SIZES,
) -> Engine:
    """Make a verified bundle ready on the first backend that can run it and passes its golden
    tiles.

    Args:
        bundle: from `open_bundle`.
        backends: names in order of preference; `engine.degraded` says why an earlier one was
            passed over.
        threads: for the backend; 0 leaves it to the library.
        batch_sizes: to warm up.

    Raises:
        BundleError, ParityError: the graph is refused, or the last backend fails with it.
        ConfigError: no backend named, or none of them is installed.
    """
    if not backends:
        raise ConfigError("no backend named; give for example openvino")
    model = _read_model(bundle)
    check_graph(model, bundle.card)
    refusals: list[str] = []
    faults: list[BundleError | ConfigError] = []
    for name in backends:
        try:
            backend = open_backend(name, model, bundle.card.precision, threads)
            engine = Engine(bundle.card, backend, batch_sizes, "; ".join(refusals) or None)
            check_golden(bundle, engine.classify)
        except (BundleError, ConfigError) as error:
            refusals.append(f"{name}: {error}")
            faults.append(error)
            continue
        engine.warm_up()
        return engine
    worst = next((fault for fault in faults if isinstance(fault, BundleError)), faults[-1])
    raise type(worst)(f"{bundle.path}: no backend runs it: {'; '.join(refusals)}") from worst


def _read_model(bundle: Bundle) -> bytes:
    try:
        return bundle.model.read_bytes()
    except OSError as error:
        raise BundleError(f"{bundle.model}: cannot be read ({error}); copy it again") from error
