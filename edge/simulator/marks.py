"""The four defects that something left on the strip: a worn roll, ash, slag, a sharp edge. Each is
drawn after what the real ones of X-SDD show.
"""

import numpy as np

from edge.simulator.noise import ramp, smooth
from edge.simulator.patch import Patch, blank, blob, coordinates, ends, patch, place, ridge, turned
from edge.types import F32


def finishing_roll_printing(rng: np.random.Generator, px_per_mm: float) -> Patch:
    """What a worn finishing roll prints: thin lines nearly across the strip, a slanting gouge,
    pale brush-like bands, or a small scuff.
    """
    kinds = (_printed_line, _printed_gouge, _printed_bands, _printed_scuff)
    return kinds[rng.choice(4, p=[0.48, 0.27, 0.15, 0.1])](rng, px_per_mm)


def _printed_line(rng: np.random.Generator, px_per_mm: float) -> Patch:
    length = rng.uniform(22, 100) * px_per_mm
    lean = rng.choice([-1, 1]) * rng.uniform(2, 26)
    height = length * abs(np.sin(np.deg2rad(lean))) + 14 * px_per_mm
    shape = blank(height, length * np.cos(np.deg2rad(lean)) + 2).shape
    along, beside = turned(shape, lean, rng.uniform(-3, 3) * px_per_mm)
    fade = ends(along, length / 2, rng.uniform(0.1, 0.5) * length)
    broken = 0.75 + 0.35 * smooth(rng, shape, (3 * px_per_mm, 3 * px_per_mm))
    line = ridge(beside, rng.uniform(0.4, 1.1) * px_per_mm) * fade * broken
    sign = 1 if rng.random() < 0.55 else -1
    gain = sign * rng.uniform(0.15, 0.45) * line
    if rng.random() < 0.6:
        # The metal pushed aside: a dull wedge on one side, widening along the line.
        wide = (rng.uniform(1.2, 6) * px_per_mm) * (0.55 + 0.45 * along / (length / 2))
        offset = beside * rng.choice([-1, 1])
        wedge = ramp(offset, 0, 1.5) * (1 - ramp(offset - wide, 0, 2.0)) * fade
        gain = gain - rng.uniform(0.09, 0.19) * wedge
    return patch(gain.astype(np.float32))


def _printed_gouge(rng: np.random.Generator, px_per_mm: float) -> Patch:
    length, width = rng.uniform(30, 75) * px_per_mm, rng.uniform(2.2, 5.0) * px_per_mm
    lean = rng.choice([-1, 1]) * rng.uniform(66, 82)
    margin = 7 * px_per_mm
    shape = blank(length, length * np.cos(np.deg2rad(lean)) + 2 * margin).shape
    along, beside = turned(shape, lean, rng.uniform(-3, 3) * px_per_mm)
    t = along / (length / 2)
    half = np.clip(width / 2 * (1 - t**2) * (1 + 0.5 * t), 0.4, None)
    inside = 1 - ramp((np.abs(beside) - half).astype(np.float32), -0.6, 1.4)
    rim = ridge((np.abs(beside) - half).astype(np.float32), 0.5 * px_per_mm)
    fade = ends(along, length * 0.48, rng.uniform(0.05, 0.3) * length)
    rough = 1 + 0.3 * smooth(rng, shape, (2 * px_per_mm, px_per_mm))
    depth = rng.uniform(0.12, 0.27)
    gain = -depth * fade * (inside * rough * 0.7 + rim * 0.6)
    halo = rng.uniform(0.01, 0.06) * ridge(beside, margin * 0.9) * fade
    return patch(gain.astype(np.float32), halo.astype(np.float32))


def _printed_bands(rng: np.random.Generator, px_per_mm: float) -> Patch:
    shape = blank(rng.uniform(18, 60) * px_per_mm, rng.uniform(60, 130) * px_per_mm).shape
    lean, bend = rng.choice([-1, 1]) * rng.uniform(3, 16), rng.uniform(-7, 7) * px_per_mm
    gain = blank(*shape)
    for _ in range(rng.integers(2, 6)):
        along, beside = turned(shape, lean + rng.uniform(-2, 2), bend)
        shifted = beside - rng.uniform(-0.42, 0.42) * shape[0]
        reach = rng.uniform(0.3, 0.5) * shape[1]
        brush = 0.8 + 0.35 * smooth(rng, shape, (1.0 * px_per_mm, 14 * px_per_mm))
        band = ridge(shifted.astype(np.float32), rng.uniform(1.0, 3.0) * px_per_mm)
        gain += rng.uniform(0.08, 0.17) * band * brush * ends(along, reach, reach * 0.6)
    return patch(np.minimum(gain, 0.2))


def _printed_scuff(rng: np.random.Generator, px_per_mm: float) -> Patch:
    gain = blank(rng.uniform(8, 18) * px_per_mm, rng.uniform(14, 34) * px_per_mm)
    for _ in range(rng.integers(1, 4)):
        piece = blank(rng.uniform(3, 6) * px_per_mm, rng.uniform(8, 20) * px_per_mm)
        along, beside = turned(piece.shape, rng.uniform(-14, 14), rng.uniform(-1, 1) * px_per_mm)
        flake = ends(along, piece.shape[1] * 0.48, 3) * ridge(beside, 0.9 * px_per_mm)
        light = rng.uniform(0.1, 0.3) * flake
        shade = np.roll(flake, max(1, round(0.8 * px_per_mm)), axis=0)
        flakes = light * (1 + 0.5 * smooth(rng, piece.shape, (2, 3)))
        piece = np.asarray(flakes - rng.uniform(0.1, 0.25) * shade, np.float32)
        place(gain, piece, *(rng.uniform(0.25, 0.75) * side for side in gain.shape))
    return patch(gain)


def iron_sheet_ash(rng: np.random.Generator, px_per_mm: float) -> Patch:
    """Burnt-in crumbs: a dark ragged blob with a smoky border, and spatter fanned out behind it
    inside a pale wake.
    """
    gain = blank(rng.uniform(30, 62) * px_per_mm, rng.uniform(28, 60) * px_per_mm)
    around = blank(*gain.shape)
    for i in range(rng.choice([1, 2, 3], p=[0.6, 0.28, 0.12])):
        middle = (
            rng.uniform(0.18, 0.3 if i == 0 else 0.75) * gain.shape[0],
            rng.uniform(0.3, 0.7) * gain.shape[1],
        )
        _ash(rng, gain, around, middle, px_per_mm * (1 if i == 0 else rng.uniform(0.4, 0.9)))
    if rng.random() < 0.5:
        around += rng.uniform(0.02, 0.06) * _wake(rng, gain.shape)
    return patch(np.maximum(gain, -0.7), around)


def _ash(
    rng: np.random.Generator,
    gain: F32,
    around: F32,
    middle: tuple[float, float],
    px_per_mm: float,
) -> None:
    height, width = rng.uniform(3.5, 10) * px_per_mm, rng.uniform(5, 17) * px_per_mm
    shape = blank(height, width).shape
    depth = blob(rng, shape, rng.uniform(0.12, 0.65))
    dark = rng.uniform(0.28, 0.58)
    rough = smooth(rng, shape, (1.2 * px_per_mm, 1.4 * px_per_mm))
    body = -dark * ramp(depth, 0, 0.3) * (1 + rng.uniform(0.08, 0.4) * rough)
    if rng.random() < 0.35:
        glints = smooth(rng, shape, (0.8 * px_per_mm, 1.0 * px_per_mm))
        body = body + rng.uniform(0.3, 0.8) * ramp(glints, 1.2, 0.6) * ramp(depth, 0, 0.2)
    place(gain, body.astype(np.float32), *middle)
    smoke = blank(height * 3.0, width * 2.6)
    rows, columns = coordinates(smoke.shape)
    reach = np.hypot(rows / (smoke.shape[0] / 2), columns / (smoke.shape[1] / 2))
    place(
        around,
        (-rng.uniform(0.08, 0.22) * np.clip(1 - reach, 0, 1) ** 1.5).astype(np.float32),
        *middle,
    )
    for _ in range(rng.integers(0, 26)):
        fall, spread = abs(rng.normal(0, 1)), rng.normal(0, 1)
        row = middle[0] + height * (0.3 + 1.2 * fall)
        column = middle[1] + width * 0.45 * spread * (0.8 + 0.35 * fall)
        side = rng.uniform(0.5, 2.0) * px_per_mm
        crumb = blank(side * rng.choice([1.0, 1.0, 2.5]), side)
        deep = -rng.uniform(0.12, 0.4) * ramp(blob(rng, crumb.shape, 0.4), 0, 0.6)
        place(gain, deep.astype(np.float32), row, column)


def _wake(rng: np.random.Generator, shape: tuple[int, int]) -> F32:
    rows, columns = coordinates(shape)
    down = (rows / shape[0] + rng.uniform(0.25, 0.4) + 0 * columns).astype(np.float32)
    inside = down - (columns / shape[1]) ** 2 * rng.uniform(5, 14)
    fading = 1 - ramp(down, 0.2, 0.7)
    return np.asarray(ramp(inside.astype(np.float32), 0, 0.08) * fading, np.float32)


def surface_scratch(rng: np.random.Generator, px_per_mm: float) -> Patch:
    """A thin dark line along the rolling direction, straight and long, seldom a pair, with
    pointed ends.
    """
    length = np.exp(rng.uniform(np.log(45), np.log(420))) * px_per_mm
    lean = np.deg2rad(rng.normal(0, 0.6))
    lines = rng.choice([1, 2], p=[0.8, 0.2])
    gap = rng.uniform(3, 7) * px_per_mm
    gain = blank(length, abs(np.sin(lean)) * length + 2 * gap + 4 * px_per_mm)
    rows, columns = coordinates(gain.shape)
    wander = smooth(rng, (gain.shape[0], 4), (60 * px_per_mm, 4))[:, :1] * 0.25 * px_per_mm
    for i in range(lines):
        beside = columns - rows * np.tan(lean) - wander - (i - (lines - 1) / 2) * gap
        width = rng.uniform(0.5, 1.4) * px_per_mm
        pressure = 1 + 0.18 * smooth(rng, (gain.shape[0], 4), (12 * px_per_mm, 4))[:, :1]
        if rng.random() < 0.2:
            skips = smooth(rng, (gain.shape[0], 4), (10 * px_per_mm, 4))[:, :1]
            pressure = pressure * ramp(skips, -1.3, 0.5)
        reach = gain.shape[0] / 2 * rng.uniform(0.7, 1.0) if i else gain.shape[0] / 2
        fade = ends(rows, reach, rng.uniform(4, 25) * px_per_mm)
        line = ridge(beside.astype(np.float32), width) * pressure * fade
        gain -= (rng.uniform(0.15, 0.52) * line).astype(np.float32)
    return patch(gain)
