"""How large the network's tile is in this camera's picture and on the strip."""

from dataclasses import dataclass

from contract.card import ModelCard
from edge.config import Optics
from edge.errors import BundleError

COUNTED = 0.02
"""What an encoder's whole counts may add to or take from a row's pitch, at whatever scale."""


@dataclass(frozen=True, slots=True)
class TileSize:
    """A tile in camera pixels, and the cell that it is on the strip."""

    rows: int
    columns: int
    cell_m: float
    cell_mm: float


def tile_size(card: ModelCard, optics: Optics) -> TileSize:
    """The tile of this bundle under this camera.

    It keeps its size on the strip: where the camera's scale differs from the training
    pictures' within the card's tolerance, the tile is cut larger or smaller and scaled.

    Raises:
        BundleError: the scales differ by more, or the card does not know its scale and the
            config does not accept that.
    """
    if card.mm_per_px is None:
        if not optics.assume_bundle_scale:
            raise BundleError(
                f"{card.label}: its card does not know its mm per pixel; export with --mm-per-px,"
                " or set optics.assume_bundle_scale: true to take tiles at the camera's own scale"
            )
        along = across = 1.0
    else:
        along = card.mm_per_px / optics.mm_per_px_along
        across = card.mm_per_px / optics.mm_per_px_across
        _within(along, "along", card, optics.mm_per_px_along)
        _within(across, "across", card, optics.mm_per_px_across)
    rows, columns = round(card.tile_px * along), round(card.tile_px * across)
    return TileSize(
        rows=rows,
        columns=columns,
        cell_m=rows * optics.mm_per_px_along / 1000,
        cell_mm=columns * optics.mm_per_px_across,
    )


def in_scale(card: ModelCard, optics: Optics, m_per_row: float) -> bool:
    """Whether rows that were taken so far apart still show strip at the scale of the training:
    lines on the camera's own clock stand closer while the strip runs slowly.
    """
    ratio = m_per_row * 1000 / optics.mm_per_px_along
    return max(ratio, 1 / ratio) <= 1 + max(card.scale_tolerance, COUNTED)


def _within(ratio: float, axis: str, card: ModelCard, camera_mm: float) -> None:
    if max(ratio, 1 / ratio) > 1 + card.scale_tolerance:
        raise BundleError(
            f"{card.label}: trained at {card.mm_per_px} mm per pixel, the camera has {camera_mm}"
            f" (optics.mm_per_px_{axis}); more than {card.scale_tolerance:.0%} apart:"
            " retrain at this scale, or correct the optics"
        )
