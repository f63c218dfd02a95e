"""Which tiles travel in the bundle, to be checked at every load."""

import numpy as np
import numpy.typing as npt

from contract.bundle import Golden
from contract.card import Precision
from export.images import Images
from export.parity import GOLDEN_DIFFERENCE, lead

F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

PER_CLASS = 4


def choose_golden(
    images: Images, probabilities: F32, embedding: F32, precision: Precision
) -> Golden:
    """Some tiles of every class, with the outputs that the reference backend gave for them.

    Taken are decided tiles, so that no permitted rounding turns a label, spread from the least to
    the most decided: the former feel a wrong number first. A class without decided tiles gives its
    most decided ones.
    """
    leads = lead(probabilities)
    chosen = np.concatenate(
        [
            _spread(np.flatnonzero(images.truth == label), leads, 2 * GOLDEN_DIFFERENCE[precision])
            for label in np.unique(images.truth)
        ]
    )
    return Golden(images.pixels[chosen], probabilities[chosen], embedding[chosen])


def _spread(members: Ints, leads: F32, decided_from: float) -> Ints:
    ordered = members[np.argsort(leads[members], kind="stable")]
    decided = ordered[leads[ordered] >= decided_from]
    if len(decided) < PER_CLASS:
        return ordered[-PER_CLASS:]
    return decided[np.linspace(0, len(decided) - 1, PER_CLASS).round().astype(np.int64)]
