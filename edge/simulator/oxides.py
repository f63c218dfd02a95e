"""The three defects that are oxide: scale rolled in from the plate, scale grown with temperature,
red iron. Each is drawn after what the real ones of X-SDD show.
"""

import numpy as np

from edge.simulator.noise import ramp, smooth
from edge.simulator.patch import Patch, blank, coordinates, patch, place
from edge.types import F32


def oxide_scale_of_plate_system(rng: np.random.Generator, px_per_mm: float) -> Patch:
    """An upright lens with ragged tips, dark, its inside crumbled into dark ribs and islands of
    bare steel; sometimes a second one beside it.
    """
    canvas = blank(rng.uniform(28, 95) * px_per_mm, rng.uniform(8, 23) * px_per_mm)
    rows, columns = canvas.shape
    if columns > 11 * px_per_mm and rng.random() < 0.35:
        side = rng.uniform(0.5, 0.62)
        _lens(rng, canvas, (rows, columns * side), (rows / 2, columns * side / 2), px_per_mm)
        half = (rows * rng.uniform(0.4, 0.8), columns * (1 - side))
        _lens(
            rng, canvas, half, (rng.uniform(0.4, 0.6) * rows, columns * (0.5 + side / 2)), px_per_mm
        )
    else:
        width = min(columns, rng.uniform(0.3, 0.9) * columns + 3 * px_per_mm)
        _lens(rng, canvas, (rows, width), (rows / 2, columns / 2), px_per_mm)
    return patch(np.maximum(canvas, -0.75))


def _lens(
    rng: np.random.Generator,
    canvas: F32,
    size: tuple[float, float],
    middle: tuple[float, float],
    px_per_mm: float,
) -> None:
    piece = blank(*size)
    shape = piece.shape
    rows, columns = coordinates(shape)
    blunt = rng.uniform(1.4, 2.5)
    along = np.abs(rows / (shape[0] / 2)) ** blunt
    # Tips fray into upright fibres: the length differs from column to column.
    fray = 0.22 * smooth(rng, (1, shape[1]), (1, 0.8 * px_per_mm))
    sides = 0.08 * smooth(rng, shape, (2.5 * px_per_mm, 2.5 * px_per_mm))
    depth = 0.86 - np.hypot(along, columns / (shape[1] / 2)) + fray * along + sides
    body = ramp(depth.astype(np.float32), 0.0, 0.18)
    ribs = smooth(rng, shape, (0.9 * px_per_mm, rng.uniform(1.0, 2.4) * px_per_mm))
    fine = smooth(rng, shape, (0.5 * px_per_mm, 0.6 * px_per_mm))
    islands = smooth(rng, shape, (rng.uniform(4, 12) * px_per_mm, 3 * px_per_mm))
    bare = ramp(depth.astype(np.float32), 0.22, 0.1) * ramp(
        (islands + 0.5 * ribs + 0.3 * fine).astype(np.float32), rng.uniform(-0.2, 1.4), 0.4
    )
    dark = rng.uniform(0.18, 0.35)
    crumbs = (
        rng.uniform(0.09, 0.18) * (ribs + 0.6 * fine) * ramp(depth.astype(np.float32), 0.1, 0.2)
    )
    gain = body * (-dark + crumbs) * (1 - bare) + bare * rng.uniform(0.06, 0.26)
    place(canvas, gain.astype(np.float32), *middle)


def oxide_scale_of_temperature_system(rng: np.random.Generator, px_per_mm: float) -> Patch:
    """A field of small pits, dark with a lit rim below, in clusters or upright rows; sometimes the
    steel beside the pits is brightened in flames.
    """
    canvas = blank(rng.uniform(80, 220) * px_per_mm, rng.uniform(80, 180) * px_per_mm)
    shape = canvas.shape
    size = rng.uniform(0.9, 2.1) * px_per_mm
    upright = rng.uniform(0.6, 1.0) if rng.random() < 0.7 else rng.uniform(1.2, 2.2)
    cell = (size * upright, size)
    where = smooth(rng, shape, (45 * px_per_mm, rng.uniform(6, 30) * px_per_mm))
    pits = smooth(rng, shape, cell) + 0.35 * smooth(rng, shape, (0.8, 0.8))
    level = (pits + 0.4 * where + 4 * (_field(rng, shape) - 1)).astype(np.float32)
    pits = ramp(level, rng.uniform(0.9, 1.6), 0.7)
    depth = rng.uniform(0.16, 0.36)
    lit = np.roll(pits, max(1, round(size * 0.6)), axis=0)
    relief = rng.uniform(0.15, 0.6) * depth * np.clip(lit - pits, 0, 1)
    gain = -depth * pits + relief
    if rng.random() < 0.2:
        flames = smooth(rng, shape, (9 * px_per_mm, 2.5 * px_per_mm)) + 0.7 * where
        flames = flames + 0.25 * smooth(rng, shape, (1.5 * px_per_mm, px_per_mm))
        lit = rng.uniform(0.08, 0.3) * ramp(flames.astype(np.float32), 0.7, 0.4) * (1 - pits)
        gain = gain + lit * _field(rng, shape)
    return patch(gain.astype(np.float32))


def red_iron(rng: np.random.Generator, px_per_mm: float) -> Patch:
    """Dark flat patches with crisp, wavy borders, drawn out along the rolling direction: a crowd
    of them, broad lakes among them, or a few faint upright wisps.
    """
    if rng.random() < 0.2:
        return _wisps(rng, px_per_mm)
    canvas = blank(rng.uniform(90, 240) * px_per_mm, rng.uniform(70, 190) * px_per_mm)
    shape = canvas.shape
    width = rng.uniform(2.2, 4.5) * px_per_mm
    drawn_out = rng.uniform(2.0, 4.0)
    crowd = smooth(rng, shape, (width * drawn_out, width))
    ragged = 0.2 * smooth(rng, shape, (1.6 * px_per_mm, 1.1 * px_per_mm))
    lakes = rng.uniform(0.3, 1.1) * smooth(rng, shape, (60 * px_per_mm, 14 * px_per_mm))
    level = (crowd + ragged + lakes).astype(np.float32)
    field = _field(rng, shape)
    level += (field - 1) * 4
    patches = ramp(level, rng.uniform(-0.2, 1.05), 0.3)
    dark = rng.uniform(0.3, 0.54)
    # Where red iron grows, the steel between the patches is rough.
    rough = rng.uniform(0.015, 0.055) * field * smooth(rng, shape, (1.4, 1.4))
    return patch((-dark * patches).astype(np.float32), (rough * (1 - patches)).astype(np.float32))


def _wisps(rng: np.random.Generator, px_per_mm: float) -> Patch:
    canvas = blank(rng.uniform(35, 150) * px_per_mm, rng.uniform(5, 14) * px_per_mm)
    shape = canvas.shape
    rows, columns = coordinates(shape)
    wander = smooth(rng, (shape[0], 4), (14 * px_per_mm, 4))[:, :1] * 0.9 * px_per_mm
    reach = (columns - wander) / (shape[1] / 3.2)
    flakes = smooth(rng, shape, (7 * px_per_mm, 1.6 * px_per_mm))
    flakes = flakes + 0.5 * smooth(rng, shape, (2 * px_per_mm, 0.8 * px_per_mm))
    ending = 2.5 * np.abs(rows / (shape[0] / 2)) ** 4
    level = 1.1 + 0.8 * flakes - 1.4 * reach**2 - ending
    gain = -rng.uniform(0.13, 0.34) * ramp(level.astype(np.float32), 0.3, 0.7)
    return patch(gain.astype(np.float32))


def _field(rng: np.random.Generator, shape: tuple[int, int]) -> F32:
    """1 inside a field of defects, fading irregularly to 0 towards its border."""
    rows, columns = coordinates(shape)
    reach = np.maximum(np.abs(rows / (shape[0] / 2)), np.abs(columns / (shape[1] / 2)))
    edge = 0.15 * smooth(rng, shape, (shape[0] / 5, shape[1] / 5))
    return ramp((1 - reach + edge * reach * (1 - reach) * 4).astype(np.float32), 0.02, 0.32)
