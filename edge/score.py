"""`stripsight-edge score`: a bundle judged on strips it never saw, simulated and real."""

from pathlib import Path

import numpy as np

from contract.bundle import open_bundle
from contract.card import ModelCard
from edge.config import Strip
from edge.errors import ConfigError
from edge.inspect.strip import find_strip
from edge.simulator.score import (
    Judge,
    Score,
    read_boxes,
    score_clean,
    score_mills,
    unseen_mills,
)
from edge.types import F32, U8
from runtime.engine import load_engine
from runtime.scale import fit_tile, read_gray


def judge_of(bundle: Path) -> tuple[Judge, ModelCard]:
    """A bundle as the line would run it: its own scaling, classifier and thresholds.

    Raises:
        BundleError: it is broken, or its card does not know its scale.
    """
    opened = open_bundle(bundle)
    engine = load_engine(opened, ("openvino", "onnxruntime"), threads=0)

    def classify(tiles: U8) -> F32:
        scaled = np.stack([fit_tile(tile, engine.card.input_px) for tile in tiles])
        probabilities, _ = engine.classify(scaled)
        return probabilities

    return Judge(classify, opened.card.classes, opened.card.thresholds), opened.card


def score_simulated(judge: Judge, card: ModelCard, coils: int, frames: int, seed: int) -> Score:
    """Judge on simulated coils whose seeds, textures and contrasts no training tile had.

    Raises:
        ConfigError: the card does not know its scale, so no mill can be drawn for it.
    """
    if card.mm_per_px is None:
        raise ConfigError(f"{card.label}: its card does not know its mm per pixel")
    mills = unseen_mills(seed, coils, card.mm_per_px)
    return score_mills(judge, mills, frames, card.tile_px, seed)


def score_real_strip(judge: Judge, card: ModelCard, folder: Path) -> Score:
    """False alarms on real frames: every tile of the strip that no box of `boxes.csv` touches.

    Raises:
        ConfigError: no table of boxes there, or a frame that cannot be read.
    """
    boxes = read_boxes(folder / "boxes.csv")
    frames = []
    for name in boxes:
        pixels = read_gray(folder / name)
        strip = Strip()
        frames.append((name, pixels, find_strip(pixels, strip).inner(strip)))
    return score_clean(judge, frames, boxes, card.tile_px)
