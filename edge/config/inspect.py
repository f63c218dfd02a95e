"""How a frame is looked at."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from edge.config.section import Fraction, Positive, Section


class Strip(Section):
    """Where the strip lies in the picture."""

    edges: Literal["detect", "fixed"] = "detect"
    left_px: int = 0
    """First column of the strip when fixed (operator side); negative where it lies beside the
    picture, as under one of several cameras.
    """
    margin_px: Annotated[int, Field(ge=0)] = 6
    """Columns beside a detected edge that no tile shows: a wandering edge looks like a scratch."""
    width_tolerance: Fraction = 0.02
    """Share of the mill's width by which the strip may differ; hot steel is 1.5 % wider."""
    max_jump_mm: Positive = 20.0
    """An edge that moves by more from one frame to the next is not believed until it has been
    there for three frames.
    """


class Inspect(Section):
    """How tiles become defects."""

    backends: tuple[Literal["openvino", "onnxruntime", "cuda", "tensorrt"], ...] = (
        "openvino",
        "onnxruntime",
    )
    """Tried in this order; one that is not the first shows as `degraded`. Behind `tensorrt` and
    `cuda` the first of the others that comes later stands by, for the case that the GPU fails.
    """
    engines: Path | None = None
    """Where TensorRT's engines lie (`stripsight-export engine --out`); `engines` beside the bundle
    if not given.
    """
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """For inference and for cutting frames; 0 leaves the first to the engine, and cuts with two."""
    deadline_s: Positive = 0.05
    """From the grab of a frame's last line to its result; later results count as `late`."""
    screen: bool = False
    """Call tiles clean without the network where the bundle's screen does: its MODEL_CARD.md says
    at most how many defects that costs. Their cells are `screened`.
    """
    confirm_tiles: Annotated[int, Field(ge=1)] = 1
    """Tiles of one class that touch before a defect is announced."""
    close_after_m: Positive = 0.1
    """A defect is closed when this much strip has passed without more of it."""
    defects_per_frame: Annotated[int, Field(ge=1)] = 32
    """Separate defects of one frame that are told one by one; where there are more, all of a class
    are told as one, marked `crowded`, so that a strip full of defects still meets the deadline.
    """
    defects_per_10_m: Annotated[int, Field(ge=1)] = 200
    """Defects of one class in ten metres of strip that are told one by one; those that follow are
    told as a number (`defect_density`), but for more severe ones.
    """
    quantified_px: Annotated[int, Field(ge=0)] = 500_000
    """Pixels of a frame's defects, the steel around them included, that are looked at to measure
    them: they bound what that costs. Small defects come first; what is left over is marked
    `complete: false`. 0 measures none.
    """
    evidence_per_frame: Annotated[int, Field(ge=0)] = 4
    """Pictures of new defects kept per frame."""
    tile_log: bool = False
    """Write the label of every tile into the ledger: for commissioning; about 100 bytes a tile."""
    frame_buffer: Annotated[int, Field(ge=1, le=1024)] = 8
    dark_below: Fraction = 0.04
    """A frame whose strip's 99th percentile of grey lies below this share of white is
    `unusable(dark)`.
    """
    saturated_above: Fraction = 0.5
    """A frame of whose strip more than this share is white is `unusable(saturated)`."""
    blurred_below: Fraction = 0.25
    """A frame whose fine texture has less than this share of its usual contrast is
    `unusable(blurred)`, columns of it for which that is so are `unusable(obscured)`; 0 turns both
    off.
    """
