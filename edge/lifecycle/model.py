"""A bundle made ready for this line: verified, checked on its golden tiles, fitted, warmed up.

All of it happens in the thread that asks for the bundle, never in the inspecting one.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contract.bodies import ModelReference
from contract.bundle import Bundle, open_bundle
from contract.card import ModelCard, ScreenCard
from edge.config import Config
from edge.errors import BundleError
from edge.lifecycle.geometry import TileSize, tile_size
from edge.types import F32
from runtime.engine import Engine, load_engine
from runtime.screen import FEATURES


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle ready to inspect. Its engine belongs to the inspecting thread once it is active."""

    bundle: Bundle
    engine: Engine
    limits: F32
    """Threshold of each class in the network's order; infinite for the clean ones."""
    size: TileSize
    screen: ScreenCard | None = None
    """What the screen does; None: every tile is classified."""

    @property
    def reference(self) -> ModelReference:
        """How events name it."""
        card = self.bundle.card
        return ModelReference(name=card.name, version=card.version, digest=self.bundle.digest)


def load_model(path: Path, config: Config) -> Model:
    """Open, verify, check and warm up a bundle for this line.

    Raises:
        BundleError: it is broken, fails its golden tiles, has no clean class where one is needed,
            its scale does not fit the camera, or it has no screen where one is asked for.
    """
    bundle = open_bundle(path)
    card = bundle.card
    if not card.classes.clean and not config.allow_no_clean_class:
        raise BundleError(
            f"{path}: has no clean class, so it would report a defect on every tile;"
            " train with defect-free tiles, or set allow_no_clean_class: true"
        )
    size = tile_size(card, config.optics)
    inspect = config.inspect
    screen = _screen(card, size) if inspect.screen else None
    engine = load_engine(bundle, inspect.backends, inspect.threads, engines=inspect.engines)
    limits = [card.thresholds.get(name, np.inf) for name in card.classes.names]
    return Model(bundle, engine, np.array(limits, np.float32), size, screen)


def _screen(card: ModelCard, size: TileSize) -> ScreenCard:
    if card.screen is None:
        raise BundleError(
            f"{card.label}: has no calibrated screen; make one with stripsight-export screen, or"
            " set inspect.screen: false"
        )
    if card.screen.features != FEATURES:
        raise BundleError(
            f"{card.label}: its screen was calibrated for features {card.screen.features!r}, this"
            f" program has {FEATURES!r}; run stripsight-export screen again"
        )
    if (size.rows, size.columns) != (card.tile_px, card.tile_px):
        raise BundleError(
            f"{card.label}: its screen holds for tiles of {card.tile_px} px, this camera's have"
            f" {size.rows} x {size.columns}; calibrate at the camera's scale, or set"
            " inspect.screen: false"
        )
    return card.screen
