"""Slag rolled into the strip: the most various of the seven, drawn in four kinds."""

import numpy as np

from edge.simulator.noise import ramp, smooth
from edge.simulator.patch import Patch, blank, coordinates, ends, patch, ridge
from edge.types import F32


def slag_inclusion(rng: np.random.Generator, px_per_mm: float) -> Patch:
    """A beaded upright line, a bundle of dark upright streaks, a broad torn band of shells, or a
    blister with a tail.
    """
    kinds = (_beads, _streaks, _shells, _blister)
    return kinds[rng.choice(4, p=[0.34, 0.22, 0.3, 0.14])](rng, px_per_mm)


def _beads(rng: np.random.Generator, px_per_mm: float) -> Patch:
    length = np.exp(rng.uniform(np.log(25), np.log(140))) * px_per_mm
    width = rng.uniform(1.6, 7.5) * px_per_mm
    gain = blank(length, width * 1.6 + 3)
    rows, columns = coordinates(gain.shape)
    pointed = ends(rows, length / 2, rng.uniform(0.05, 0.6) * length)
    wander = smooth(rng, (gain.shape[0], 4), (9 * px_per_mm, 4))[:, :1] * 0.1 * width
    ragged = 1 + 0.16 * smooth(rng, (gain.shape[0], 4), (1.2 * px_per_mm, 4))[:, :1]
    ragged = ragged + 0.2 * smooth(rng, (gain.shape[0], 4), (6 * px_per_mm, 4))[:, :1]
    half = width / 2 * (0.2 + 0.8 * pointed) * ragged
    inside = 1 - ramp((np.abs(columns - wander) - half).astype(np.float32), -0.7, 1.4)
    pitch = rng.uniform(0.7, 2.2) * px_per_mm
    beads = smooth(rng, gain.shape, (pitch, width)) + 0.4 * smooth(rng, gain.shape, (1, 1.2))
    lit = ramp(beads.astype(np.float32), rng.uniform(0.1, 0.9), 0.8)
    dark = rng.uniform(0.25, 0.58)
    shade = smooth(rng, gain.shape, (5 * px_per_mm, width))
    body = -dark * (1 + 0.25 * shade) + (dark + rng.uniform(0.1, 0.7)) * lit
    gain = inside * pointed**0.4 * body
    halo = rng.uniform(0, 0.05) * ridge(columns, width) * pointed
    return patch(gain.astype(np.float32), halo.astype(np.float32))


def _streaks(rng: np.random.Generator, px_per_mm: float) -> Patch:
    gain = blank(rng.uniform(50, 150) * px_per_mm, rng.uniform(10, 45) * px_per_mm)
    rows, columns = coordinates(gain.shape)
    for _ in range(rng.integers(2, 9)):
        length = rng.uniform(0.2, 1.0) * gain.shape[0]
        row = rng.uniform(-0.5, 0.5) * (gain.shape[0] - length)
        column = rng.normal(0, 0.2) * gain.shape[1]
        width = rng.uniform(0.6, 4.0) * px_per_mm
        wander = smooth(rng, (gain.shape[0], 4), (20 * px_per_mm, 4))[:, :1] * 0.15 * width
        line = ridge((columns - column - wander).astype(np.float32), width)
        texture = ramp(smooth(rng, gain.shape, (9 * px_per_mm, 0.8 * px_per_mm)), -1.0, 1.2)
        fade = ends((rows - row).astype(np.float32), length / 2, length * rng.uniform(0.1, 0.5))
        gain -= (rng.uniform(0.16, 0.6) * line * texture * fade).astype(np.float32)
    if rng.random() < 0.5:
        glints = smooth(rng, gain.shape, (1.2 * px_per_mm, 0.7 * px_per_mm))
        gain += rng.uniform(0.2, 0.7) * ramp(glints, 1.5, 0.5) * ramp(-gain, 0.1, 0.15)
    return patch(np.maximum(gain, -0.8))


def _shells(rng: np.random.Generator, px_per_mm: float) -> Patch:
    gain = blank(rng.uniform(40, 150) * px_per_mm, rng.uniform(14, 52) * px_per_mm)
    shape = gain.shape
    rows, columns = coordinates(shape)
    reach = 0.42 * shape[1] * (1 + 0.07 * smooth(rng, (shape[0], 4), (9 * px_per_mm, 4))[:, :1])
    reach = reach + 0.5 * px_per_mm * smooth(rng, (shape[0], 4), (px_per_mm, 4))[:, :1]
    inside = 1 - ramp((np.abs(columns) - reach).astype(np.float32), -1, 2)
    torn = 2.5 * smooth(rng, (1, shape[1]), (1, 7 * px_per_mm))
    torn = (torn + smooth(rng, (1, shape[1]), (1, 1.2 * px_per_mm))) * px_per_mm
    inside = inside * ends((rows + torn).astype(np.float32), 0.46 * shape[0], 3)
    # Shells lie across like roof tiles: a bent saw-tooth along the strip, lit at each front.
    pitch = rng.uniform(7, 20) * px_per_mm
    bent = 0.35 * pitch * smooth(rng, shape, (pitch, shape[1] / 3))
    phase = ((rows + bent) / pitch + rng.uniform()) % 1.0
    front = ramp(phase.astype(np.float32), 0.82, 0.1) * ramp(
        smooth(rng, shape, (3 * px_per_mm, 5 * px_per_mm)), -0.6, 1.0
    )
    dark = rng.uniform(0.36, 0.7)
    body = -dark * (
        0.45 + 0.55 * ramp(smooth(rng, shape, (4 * px_per_mm, 8 * px_per_mm)), -0.8, 1.2)
    )
    scars = 0.1 * smooth(rng, shape, (1 * px_per_mm, 3 * px_per_mm))
    glints = ramp(smooth(rng, shape, (0.7 * px_per_mm, 1.6 * px_per_mm)), 1.4, 0.7)
    bright = rng.uniform(0.25, 0.9) * front + rng.uniform(0.1, 0.8) * glints * (phase > 0.45)
    gain = inside * (body + scars + bright)
    edge = ridge((np.abs(columns) - reach).astype(np.float32), px_per_mm)
    gain = gain - 0.15 * edge * ends(rows, 0.46 * shape[0], 3)
    return patch(gain.astype(np.float32), _sheen(rng, shape))


def _blister(rng: np.random.Generator, px_per_mm: float) -> Patch:
    width = rng.uniform(7, 24) * px_per_mm
    gain = blank(width * rng.uniform(1.6, 3.2), width * 1.25)
    shape = gain.shape
    rows, columns = coordinates(shape)
    top = rows + shape[0] / 2 - 0.55 * width
    uneven = 0.05 * width * smooth(rng, shape, (width / 2, width / 2))
    bubble = np.hypot(columns * rng.uniform(0.95, 1.4), top) - width / 2 + uneven
    rim = ridge(bubble.astype(np.float32), rng.uniform(0.6, 1.3) * px_per_mm)
    wall = 0.8 + 0.3 * smooth(rng, shape, (3 * px_per_mm, 3 * px_per_mm))
    inside = 1 - ramp(bubble.astype(np.float32), -2, 2)
    gain = -rng.uniform(0.14, 0.35) * rim * wall - rng.uniform(0.0, 0.14) * inside
    core_width = rng.uniform(0.1, 0.3) * width
    wander = smooth(rng, (shape[0], 4), (width / 3, 4))[:, :1] * 0.05 * width
    down = ramp((top + 0.1 * width).astype(np.float32), 0, 0.1 * width)
    down = down * (1 - ramp(rows, 0.3 * shape[0], 0.2 * shape[0]))
    core = ridge((columns - wander).astype(np.float32), core_width) * down
    beads = smooth(rng, shape, (1.3 * px_per_mm, core_width))
    gain = gain + core * (-rng.uniform(0.2, 0.4) + 0.5 * ramp(beads, 0.5, 0.7))
    return patch(gain.astype(np.float32), _sheen(rng, shape))


def _sheen(rng: np.random.Generator, shape: tuple[int, int]) -> F32:
    """The paler steel round a defect that stands proud."""
    rows, columns = coordinates(shape)
    reach = np.hypot(rows / (shape[0] / 2), columns / (shape[1] / 2))
    return np.asarray(rng.uniform(0, 0.05) * np.clip(1 - reach, 0, 1), np.float32)
