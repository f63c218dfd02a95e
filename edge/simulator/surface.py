"""The bare strip: hot-rolled steel as a camera sees it, without a defect.

What is drawn, from fine to coarse: grain; fibres and streaks along the rolling direction; oxide
mottle with soft borders; specks and dull bands that are no defects yet look a little like one;
slow changes of tone along and across. Amplitudes are relative to the mean grey.
"""

from dataclasses import dataclass

import numpy as np

from edge.simulator.noise import StripNoise, child, ramp
from edge.types import F32

SPECK_MAX_MM = 1.0
"""Specks up to this size are clean surface: hard negatives for the network."""


@dataclass(frozen=True, slots=True)
class Look:
    """One strip's appearance; every strip has its own."""

    grey: float
    """Mean grey level, 0..255."""
    grain: float
    grain_blur_px: float
    cloud: float
    """Blotches the size of a finger."""
    cloud_px: tuple[int, int]
    fibre: float
    """Fine lines along the rolling direction."""
    streak: float
    """Broader soft lines, metres long."""
    streak_px: int
    mottle: float
    """Patches of oxide; negative: darker than the rest."""
    mottle_px: int
    mottle_stretch: int
    mottle_cover: float
    """Where the patches start, in standard deviations: 1.5 gives few, 0 covers half."""
    specks: float
    """Contrast of the small dark specks; 0: none."""
    tone: float
    """Slow changes along and across."""
    tilt: float
    """Illumination rises by this from the middle to the right."""
    slope: float
    """Illumination falls by this from the middle to the edges."""


def draw_look(
    rng: np.random.Generator, grey: tuple[float, float], contrast: tuple[float, float]
) -> Look:
    """A strip's look.

    Args:
        rng: drawn from.
        grey: least and greatest mean grey level.
        contrast: least and greatest factor on all amplitudes of the texture.
    """
    k = rng.uniform(*contrast)
    mottled = rng.random() < 0.45
    return Look(
        grey=rng.uniform(*grey),
        grain=k * rng.uniform(0.009, 0.019),
        grain_blur_px=rng.uniform(0.5, 0.95),
        fibre=k * (rng.uniform(0.004, 0.012) if rng.random() < 0.3 else rng.uniform(0, 0.003)),
        cloud=k * rng.uniform(0.004, 0.017),
        cloud_px=(int(rng.integers(14, 90)), int(rng.integers(14, 60))),
        streak=k * rng.uniform(0.002, 0.012),
        streak_px=int(rng.integers(3, 14)),
        mottle=k * rng.uniform(0.02, 0.07) * rng.choice([1, -1]) if mottled else 0.0,
        mottle_px=int(rng.integers(3, 8)),
        mottle_stretch=int(rng.integers(1, 4)),
        mottle_cover=rng.uniform(0.4, 1.7),
        specks=k * rng.uniform(0.04, 0.12) if rng.random() < 0.5 else 0.0,
        tone=k * rng.uniform(0.003, 0.012),
        tilt=rng.uniform(-0.06, 0.06),
        slope=rng.uniform(0.0, 0.08),
    )


class Surface:
    """The relative brightness (about 1) of one strip, row by row from its head.

    Args:
        seed: of this strip.
        look: its appearance.
        columns: width of the picture in pixels.
        mm_per_px: scale of the picture.
    """

    def __init__(
        self, seed: np.random.SeedSequence, look: Look, columns: int, mm_per_px: float
    ) -> None:
        self._look = look
        speck_px = max(1, round(SPECK_MAX_MM / mm_per_px))
        cells = {
            "grain": (1, 1),
            "fibre": (24, 1),
            "streak": (400, look.streak_px),
            "band": (900, 60),
            "mottle": (look.mottle_px * look.mottle_stretch, look.mottle_px),
            "ragged": (2, 2),
            "where": (150, 110),
            "speck": (speck_px, speck_px),
            "tone": (700, 300),
            "cloud": look.cloud_px,
            "puff": (5, 9),
        }
        self._noise = {
            name: StripNoise(
                child(seed, i), columns, cell,
                blur_px=look.grain_blur_px if name == "grain" else 0.0,
            )
            for i, (name, cell) in enumerate(cells.items())
        }  # fmt: skip
        across = np.linspace(-1, 1, columns, dtype=np.float32)
        light = 1 + look.tilt * across - look.slope * (across**2 - 1 / 3)
        self._light = light.astype(np.float32)

    def rows(self, first: int, count: int) -> F32:
        """F32 `count x columns`, from row `first` of the strip on; the caller owns it."""
        look, noise = self._look, self._noise
        surface = 1 + look.grain * noise["grain"].rows(first, count)
        surface += look.cloud * noise["cloud"].rows(first, count)
        surface += 0.4 * look.cloud * noise["puff"].rows(first, count)
        surface += look.fibre * noise["fibre"].rows(first, count)
        surface += look.streak * noise["streak"].rows(first, count)
        surface += look.tone * (noise["tone"].rows(first, count) + noise["band"].rows(first, count))
        if look.mottle or look.specks:
            where = noise["where"].rows(first, count)
            if look.mottle:
                surface += look.mottle * self._mottle(first, count, where)
            if look.specks:
                surface -= look.specks * self._specks(first, count, where)
        surface *= self._light
        return np.asarray(surface, np.float32)

    def _mottle(self, first: int, count: int, where: F32) -> F32:
        patches = self._noise["mottle"].rows(first, count) + 0.6 * where
        patches = patches + 0.25 * self._noise["ragged"].rows(first, count)
        return ramp(np.asarray(patches, np.float32), self._look.mottle_cover, 0.7)

    def _specks(self, first: int, count: int, where: F32) -> F32:
        return ramp(self._noise["speck"].rows(first, count) + 0.35 * where, 2.6, 0.6)
