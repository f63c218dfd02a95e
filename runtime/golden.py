"""The golden check: does this network, on this machine, still say what it said at export."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contract.bundle import Bundle
from contract.card import ParityLimits
from contract.errors import ParityError

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Infer = Callable[[U8], tuple[F32, F32]]


class Difference(NamedTuple):
    """How far two runtimes are apart on the same tiles."""

    max_probability_difference: float
    label_agreement: float

    def within(self, limits: ParityLimits) -> bool:
        """Whether both limits hold."""
        return (
            self.max_probability_difference <= limits.max_probability_difference
            and self.label_agreement >= limits.min_label_agreement
        )


def compare(probabilities: F32, reference: F32) -> Difference:
    """Difference between two outputs `N x C`; one that is no number at all counts as wholly wrong.

    Raises:
        ParityError: they differ in shape.
    """
    if probabilities.shape != reference.shape or len(reference) == 0:
        raise ParityError(
            f"probabilities have shape {probabilities.shape}, the golden ones {reference.shape};"
            " export the bundle again"
        )
    distance = np.abs(probabilities.astype(np.float64) - reference).max()
    same = probabilities.argmax(axis=1) == reference.argmax(axis=1)
    apart = min(1.0, float(distance)) if np.isfinite(distance) else 1.0
    return Difference(apart, float(same.mean()))


def check_golden(bundle: Bundle, infer: Infer) -> Difference:
    """Run the golden tiles and hold the result to the card's limits.

    Raises:
        ParityError: a limit is broken; the text names both numbers.
        BundleError: the golden tiles cannot be read.
    """
    golden = bundle.golden()
    probabilities, _ = infer(golden.pixels)
    difference = compare(probabilities, golden.probabilities)
    limits = bundle.card.golden_limits
    if not difference.within(limits):
        raise ParityError(
            f"{bundle.card.label}: golden tiles differ by"
            f" {difference.max_probability_difference:.4f}"
            f" (limit {limits.max_probability_difference:.4f}), labels agree on"
            f" {difference.label_agreement:.1%} (limit {limits.min_label_agreement:.1%});"
            " use another backend or export the bundle on this kind of machine"
        )
    return difference
