"""One section before the network: cut into whole tiles, classified, judged, joined."""

from typing import NamedTuple

import cv2
import numpy as np

from contract.tiles import Boxes, Span, TileGrid
from edge.config import Config
from edge.errors import BundleError, EngineError
from edge.inspect.account import TileMask
from edge.inspect.decide import UNJUDGED, Lie, Patch, Verdict, find_patches, judge, spread
from edge.inspect.screening import Glance, Screen
from edge.inspect.strip import View
from edge.lifecycle.model import Model
from edge.metrics import InspectMetrics
from edge.types import F32, U8, Picture, Section, TileRecord
from runtime.scale import cut_and_scale

JPEG_QUALITY = 90


class Seen(NamedTuple):
    """What was said of a section, tile by tile, and the patches of defects in it."""

    section: Section
    boxes: Boxes
    verdict: Verdict
    patches: list[Patch]
    lie: Lie
    grid: TileGrid

    @property
    def screened(self) -> bool:
        """Whether the screen kept a tile from the network."""
        return bool((self.verdict.labels == UNJUDGED).any())

    def classified(self) -> TileMask:
        """The tiles that the network was shown, where they lie on the coil. The margin beside the
        strip's edges goes with the outermost ones.
        """
        grid, lie = self.grid, self.lie
        rows, columns = grid.row_starts(), grid.column_starts()
        from_mm, to_mm = lie.across_mm(columns), lie.across_mm(columns + grid.tile_columns)
        from_mm[0], to_mm[-1] = -np.inf, np.inf
        return TileMask(
            lie.along_m(rows),
            lie.along_m(rows + grid.tile_rows),
            from_mm,
            to_mm,
            (self.verdict.labels != UNJUDGED).reshape(grid.shape),
        )


class TileRoom:
    """Memory for the tiles of a frame, used again for every frame: fresh pages cost more than the
    cut itself.
    """

    def __init__(self) -> None:
        self._array: U8 = np.empty((0, 0, 0), np.uint8)

    def of(self, count: int, side: int) -> U8:
        """Room for `count x side x side` bytes, until the next call."""
        if len(self._array) < count or self._array.shape[1:] != (side, side):
            self._array = np.empty((count, side, side), np.uint8)
        return self._array


def look(
    section: Section,
    view: View,
    config: Config,
    model: Model,
    room: TileRoom,
    metrics: InspectMetrics,
    screen: Screen | None = None,
) -> Seen | None:
    """Show a section to the network; None where not one whole tile fits. With a screen only the
    tiles that it finds suspicious are cut and shown.
    """
    columns = view.inner(config.strip)
    grid = TileGrid(
        whole_tiles(section, model.size.rows), columns, model.size.rows, model.size.columns
    )
    if 0 in grid.shape:
        return None
    glance = _glance(section, grid, screen, metrics)
    with metrics.stage_seconds.labels("cut").time():
        side = model.bundle.card.input_px
        out = room.of(grid.shape[0] * grid.shape[1], side)
        cut = glance.cut if glance else cut_and_scale
        pixels = cut(section.frame.pixels, grid, side, out)
    with metrics.stage_seconds.labels("classify").time():
        probabilities = _classify(model, pixels)
    metrics.tiles.inc(len(pixels))
    with metrics.stage_seconds.labels("join").time():
        verdict = judge(probabilities, model.limits)
        if screen and glance:
            verdict = spread(verdict, glance.suspicious)
            screen.learn(glance, verdict.defect)
        lie = Lie.of(section, view.left_px, config.optics.mm_per_px_across)
        boxes = grid.boxes()
        most = config.inspect.defects_per_frame
        patches = find_patches(verdict, boxes, grid.shape, lie, most)
        return Seen(section, boxes, verdict, patches, lie, grid)


def _glance(
    section: Section, grid: TileGrid, screen: Screen | None, metrics: InspectMetrics
) -> Glance | None:
    if screen is None:
        return None
    with metrics.stage_seconds.labels("screen").time():
        glance = screen.look(section.frame.pixels, grid)
    metrics.tiles_screened.inc(int((~glance.suspicious).sum()))
    return glance


def _classify(model: Model, pixels: U8) -> F32:
    """Not a fault of the bundle, which a start does not try again with: it has worked until now.

    Raises:
        EngineError: the backend failed, and none stood by or that one failed too.
    """
    if not len(pixels):
        return np.empty((0, len(model.limits)), np.float32)
    try:
        return model.engine.classify(pixels)[0]
    except BundleError as error:
        raise EngineError(f"{model.engine.backend} failed while it inspected: {error}") from error


def whole_tiles(section: Section, tile_rows: int) -> Span:
    """The section's rows; a section shorter than a tile borrows rows of its own frame."""
    if section.row_to - section.row_from >= tile_rows:
        return Span(section.row_from, section.row_to)
    start = max(0, section.row_to - tile_rows)
    return Span(start, min(start + tile_rows, section.frame.rows.rows))


def tile_records(seen: Seen, names: tuple[str, ...]) -> list[TileRecord]:
    """The tile log's lines."""
    records = []
    for box, label, probability in zip(
        seen.boxes, seen.verdict.labels, seen.verdict.probabilities, strict=True
    ):
        extent = seen.lie.extent(box)
        records.append(
            TileRecord(
                frame=seen.section.frame.seq,
                row=int(box[0]),
                column=int(box[1]),
                coil=seen.section.coil.id,
                from_m=extent.from_m,
                from_mm=extent.from_mm,
                label="screened" if label == UNJUDGED else names[label],
                probability=float(probability),
            )
        )
    return records


class Evidence:
    """Pictures of new defects, so many per frame at most."""

    def __init__(self, seen: Seen, room: int) -> None:
        self._seen = seen
        self._room = room
        self.pictures: list[Picture] = []

    def keep(self, patch: Patch, defect_id: str) -> str | None:
        """Keep the patch's clearest tile; returns the picture's name, None without room."""
        if len(self.pictures) >= self._room:
            return None
        top, left, bottom, right = self._seen.boxes[patch.best]
        tile = self._seen.section.frame.pixels[top:bottom, left:right]
        done, jpeg = cv2.imencode(".jpg", tile, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            return None
        name = defect_id.replace("/", "_") + ".jpg"
        self.pictures.append(Picture(name, jpeg.tobytes()))
        return name
