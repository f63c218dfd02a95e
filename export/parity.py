"""How far each runtime may be from the network that was trained. All limits stand here, with their
reasons. They come from arithmetic and from one pilot network (ResNet34 at 64 px, seven classes,
86 % accuracy), never from the bundle that they judge.

1. `FP32_LIMITS`: the float32 graph on every backend against torch. Both add up the same products in
   another order; 36 layers of float32 (2^-24) leave some 1e-6 of a probability, and a wrong layer,
   epsilon or channel order leaves more than 1e-2. 1e-4 lies between, two powers of ten from each.
2. `LOSS_LIMITS`: the int8 or fp16 graph against torch in float32 on the validation tiles. Rounding
   moves tiles that the network has not decided, so labels may differ on a few; what counts is that
   accuracy does not fall. Small parts get two images of grace, since one image of 150 is already
   0.7 points.
3. `golden_limits`: the same graph on another backend or processor. See there.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contract.card import ParityLimits, ParityResult, Precision
from contract.errors import ConfigError, ParityError
from runtime.factory import BACKENDS, Backend, open_backend
from runtime.golden import Difference, compare
from runtime.policy import ON_GPU

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

BATCH = 32

FP32_LIMITS = ParityLimits(max_probability_difference=1e-4, min_label_agreement=1.0)
TF32_LIMITS = ParityLimits(max_probability_difference=0.01, min_label_agreement=0.99)
"""Of `FP32_LIMITS` on NVIDIA GPUs, which take float32 convolutions by 10-bit products (TF32)."""

GRACE_IMAGES = 2
TORCH = "torch fp32"
COARSE = "try --precision fp32, or train on more images"


class LossLimits(NamedTuple):
    """What a reduced precision may cost on validation tiles."""

    max_probability_difference: float
    min_label_agreement: float
    max_accuracy_loss: float


LOSS_LIMITS: Mapping[Precision, LossLimits] = {
    # int8: 256 steps per tensor; a tile in twenty may change sides (the pilot: one in forty), none
    # that was certain (0.875).
    "int8": LossLimits(0.75, 0.95, 0.01),
    # fp16: 11 bits, 2^-11 per operation; only true ties may change sides.
    "fp16": LossLimits(0.10, 0.99, 0.005),
}

GOLDEN_DIFFERENCE: Mapping[Precision, float] = {
    # The accumulation is exact on VNNI and AMX, while AVX2 without VNNI and another library's
    # kernels round intermediate results differently: OpenVINO and ONNX Runtime lay 0.013 apart on
    # the pilot and 0.097 on another network (the demo's). A class order exchanged moves a decided
    # tile by its whole lead, which is twice this or more.
    "int8": 0.20,
    # A processor with AMX computes fp16 graphs in bfloat16, whose 8 bits are no more than int8's.
    "fp16": 0.10,
    "fp32": TF32_LIMITS.max_probability_difference,
}


def golden_limits(precision: Precision, reference: F32) -> ParityLimits:
    """Limits of the golden check for tiles with these reference probabilities `N x C`.

    A tile's label can only be demanded where its lead over the second class is at least twice the
    allowed difference: below that, a permitted rounding may turn it. So the agreement asked for is
    the share of such decided tiles; all of them, as a rule, since golden tiles are chosen so.
    """
    allowed = GOLDEN_DIFFERENCE[precision]
    decided = lead(reference) >= 2 * allowed
    return ParityLimits(
        max_probability_difference=allowed,
        min_label_agreement=_floor(float(decided.mean())),
    )


def lead(probabilities: F32) -> F32:
    """Distance of the first class from the second, F32 `N`."""
    ordered = np.sort(probabilities, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def open_installed(model: bytes, precision: Precision) -> dict[str, Backend]:
    """Every backend of this machine with the graph in it.

    Raises:
        ConfigError: there is none.
        BundleError: a backend refuses the graph.
    """
    found: dict[str, Backend] = {}
    for name in BACKENDS:
        try:
            found[name] = open_backend(name, model, precision, threads=0)
        except ConfigError:  # not installed, without its device, or not for such a graph
            continue
    if not found:
        raise ConfigError('no inference backend is installed; pip install "stripsight[cpu]"')
    return found


def outputs(backend: Backend, pixels: U8) -> tuple[F32, F32]:
    """Probabilities `N x C` and embedding `N x D` of any number of tiles, U8 `N x H x W`."""
    parts = []
    for start in range(0, len(pixels), BATCH):
        probabilities, embedding = backend.infer(pixels[start : start + BATCH])
        parts.append((probabilities.copy(), embedding.copy()))
    return np.concatenate([p for p, _ in parts]), np.concatenate([e for _, e in parts])


def require_exact(backend: str, probabilities: F32, expected: F32) -> ParityResult:
    """Hold the float32 graph's outputs `N x C` to torch's.

    Raises:
        ParityError: a limit is broken.
    """
    limits = TF32_LIMITS if backend in ON_GPU else FP32_LIMITS
    cure = "the exporter or this backend computes another network: try another version of it"
    return require(backend, probabilities, expected, limits, f"{TORCH}, fp32 graph", cure)


def require(
    backend: str, probabilities: F32, expected: F32, limits: ParityLimits, reference: str,
    cure: str = COARSE,
) -> ParityResult:  # fmt: skip
    """Compare probabilities `N x C` with those expected, and record it.

    Raises:
        ParityError: a limit is broken; the text names backend, number and limit.
    """
    difference = compare(probabilities, expected)
    result = ParityResult(
        backend=backend,
        max_probability_difference=difference.max_probability_difference,
        label_agreement=difference.label_agreement,
        limits=limits,
        reference=reference,
    )
    if not result.passed:
        words = f"{backend}: {_words(difference, limits)} against {reference}"
        raise ParityError(f"{words}; no bundle is written: {cure}")
    return result


def require_small_loss(
    backend: str, probabilities: F32, expected: F32, truth: Ints, precision: Precision
) -> ParityResult:
    """Hold a reduced precision to `LOSS_LIMITS` against torch's outputs in float32.

    Raises:
        ParityError: as `require`, or the accuracy falls by more than allowed.
    """
    allowed, count = LOSS_LIMITS[precision], len(truth)
    limits = ParityLimits(
        max_probability_difference=allowed.max_probability_difference,
        min_label_agreement=_floor(
            max(0.0, min(allowed.min_label_agreement, 1 - GRACE_IMAGES / count))
        ),
    )
    result = require(backend, probabilities, expected, limits, f"{TORCH}, {precision} graph")
    lost = _right(expected, truth) - _right(probabilities, truth)
    permitted = max(allowed.max_accuracy_loss, GRACE_IMAGES / count)
    if lost > permitted * count:
        raise ParityError(
            f"{backend}: accuracy on {count} validation tiles falls by {lost / count:.4f} in"
            f" {precision} (limit {permitted:.4f}); no bundle is written: {COARSE}"
        )
    return result


def _right(probabilities: F32, truth: Ints) -> int:
    return int((probabilities.argmax(axis=1) == truth).sum())


def _floor(share: float) -> float:
    """Four digits, downwards: shares of images are compared, and they are no round numbers."""
    return float(np.floor(share * 1e4) / 1e4)


def _words(difference: Difference, limits: ParityLimits) -> str:
    return (
        f"probabilities differ by {difference.max_probability_difference:.5f}"
        f" (limit {limits.max_probability_difference:.5f}), labels agree on"
        f" {difference.label_agreement:.2%} (limit {limits.min_label_agreement:.2%})"
    )
