"""From what was watched to a screen for the card."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from contract.card import Metric, MissRate, ScreenCard
from contract.errors import ConfigError
from export.screen.bound import lower, needed, threshold_for, upper
from export.screen.watch import F32, Met, Watched
from runtime.screen import FEATURES

BOOTSTRAP = 1000


@dataclass(frozen=True, slots=True)
class Wish:
    """The bound that is wanted, for each class by itself."""

    miss_rate: float
    confidence: float
    held_out: float
    """Share of the coils that check the threshold and have no part in choosing it."""
    seed: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Two parts of what was watched, with no coil in both."""

    calibration: Watched
    held_out: Watched


def divide(watched: Watched, wish: Wish) -> Parts:
    """Divide the coils by chance."""
    coils = np.array(sorted(watched.clean))
    coils = coils[np.random.default_rng(wish.seed).permutation(len(coils))]
    kept = round(len(coils) * wish.held_out)
    return Parts(watched.of({*coils[kept:].tolist()}), watched.of({*coils[:kept].tolist()}))


def calibrate(
    parts: Parts, classes: Sequence[str], wish: Wish, data: str, data_digest: str
) -> ScreenCard:
    """Choose the highest threshold at which the bound holds for each class.

    Raises:
        ConfigError: too few coils show a class, or the held-out coils contradict the bound.
    """
    threshold = threshold_of(parts, classes, wish)
    screen = ScreenCard(
        features=FEATURES,
        threshold=threshold,
        wanted=wish.miss_rate,
        confidence=wish.confidence,
        calibration=rates(parts.calibration, classes, threshold, wish),
        held_out=rates(parts.held_out, classes, threshold, wish),
        clean_screened=clean_screened(parts.held_out, threshold),
        data=data,
        data_digest=data_digest,
        created=datetime.now(UTC),
    )
    for name, rate in screen.held_out.items():
        if (least := lower(rate.missed, rate.defects, wish.confidence)) > wish.miss_rate:
            raise ConfigError(
                f"{name}: {rate.missed} of {rate.defects} held-out defects are missed, at least"
                f" {least:.1%}: the coils are not alike; give frames of more coils"
            )
    return screen


def threshold_of(parts: Parts, classes: Sequence[str], wish: Wish) -> float:
    """The least of the classes' own thresholds.

    Raises:
        ConfigError: too few coils show a class.
    """
    found = by_class(parts.calibration.one_per_coil(wish.seed), classes)
    chosen, short = [], []
    for name, suspicion in found.items():
        threshold = threshold_for(suspicion, wish.miss_rate, wish.confidence)
        if threshold is None:
            short.append(f"{name} {len(suspicion)}")
        else:
            chosen.append(threshold)
    if short:
        raise ConfigError(
            f"a miss rate of {wish.miss_rate:g} at {wish.confidence:.0%} needs"
            f" {needed(wish.miss_rate, wish.confidence)} calibration coils with a defect of each"
            f" class, none of them missed; there are: {', '.join(short)}. Give more --frames, or a"
            " higher --miss-rate"
        )
    return min(chosen)


def by_class(met: Sequence[Met], classes: Sequence[str]) -> dict[str, F32]:
    """Suspicions by class."""
    return {
        name: np.array([m.suspicion for m in met if m.class_name == name], np.float32)
        for name in classes
    }


def rates(
    watched: Watched, classes: Sequence[str], threshold: float, wish: Wish
) -> dict[str, MissRate]:
    """Misses and bound of each class that is there."""
    found = by_class(watched.one_per_coil(wish.seed), classes)
    return {name: rate_of(s, threshold, wish.confidence) for name, s in found.items() if len(s)}


def rate_of(suspicion: F32, threshold: float, confidence: float) -> MissRate:
    """Misses among some defects and their bound."""
    missed, defects = int((suspicion < threshold).sum()), len(suspicion)
    return MissRate(missed=missed, defects=defects, bound=upper(missed, defects, confidence))


def clean_screened(watched: Watched, threshold: float) -> Metric:
    """Share of the tiles without a mark that are screened; interval from a bootstrap over coils."""
    counts = np.array(
        [
            (sum(int((p < threshold).sum()) for p in parts), sum(map(len, parts)))
            for parts in watched.clean.values()
        ]
    ).reshape(-1, 2)
    screened, tiles = counts.sum(axis=0).tolist()
    if not tiles:
        raise ConfigError("no tile without a mark in the held-out coils; give more --frames")
    draws = np.random.default_rng(0).integers(0, len(counts), (BOOTSTRAP, len(counts)))
    sums = counts[draws].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / np.maximum(sums[:, 1], 1), [2.5, 97.5]).tolist()
    return Metric(value=screened / tiles, low=low, high=high, images=tiles)
