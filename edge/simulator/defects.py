"""The simulated mill's catalogue: the seven kinds of X-SDD, each with what draws it."""

from collections.abc import Callable, Mapping

import numpy as np

from edge.errors import ConfigError
from edge.simulator.marks import finishing_roll_printing, iron_sheet_ash, surface_scratch
from edge.simulator.oxides import (
    oxide_scale_of_plate_system,
    oxide_scale_of_temperature_system,
    red_iron,
)
from edge.simulator.patch import Patch
from edge.simulator.slag import slag_inclusion

CLEAN = "clean"
PAINTERS: Mapping[str, Callable[[np.random.Generator, float], Patch]] = {
    "finishing_roll_printing": finishing_roll_printing,
    "iron_sheet_ash": iron_sheet_ash,
    "oxide_scale_of_plate_system": oxide_scale_of_plate_system,
    "oxide_scale_of_temperature_system": oxide_scale_of_temperature_system,
    "red_iron": red_iron,
    "slag_inclusion": slag_inclusion,
    "surface_scratch": surface_scratch,
}
DEFECTS = tuple(PAINTERS)
CLASSES = tuple(sorted((CLEAN, *DEFECTS)))
"""In the order in which an image folder would name them."""
MAX_LENGTH_MM = 450.0
"""No defect is longer than this along the strip."""
_TRIES = 20


def draw(rng: np.random.Generator, class_name: str, mm_per_px: float) -> Patch:
    """Draw one defect of a class; no two are alike.

    Raises:
        ConfigError: no such class, or the scale is so coarse that it cannot be seen.
    """
    if class_name not in PAINTERS:
        raise ConfigError(f"{class_name!r}: not in the catalogue; choose of {', '.join(DEFECTS)}")
    for _ in range(_TRIES):
        drawn = PAINTERS[class_name](rng, 1 / mm_per_px)
        if drawn.mask.any():
            return drawn
    raise ConfigError(f"{class_name} cannot be seen at {mm_per_px} mm per pixel; use a finer scale")
