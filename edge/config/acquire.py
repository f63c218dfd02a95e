"""Where frames come from, what a pixel is, and where the strip is."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from edge.config.section import Name, Positive, Section


class FolderSource(Section):
    """Pictures of a folder in name order, each a block of lines."""

    kind: Literal["folder"]
    path: Path
    frames_per_s: Positive | None = None
    """Open loop on a clock: a frame that finds no room is lost, as with a camera. Null: as fast as
    they are taken.
    """
    repeat: bool = False


class SimulatedSource(Section):
    """The simulated mill, drawn in this process beforehand and offered on a clock."""

    kind: Literal["simulated"]
    seed: Annotated[int, Field(ge=0)] = 0
    frames: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Frames drawn before the start; they repeat."""
    width_px: Annotated[int, Field(ge=128, le=16384)] = 2048
    rows: Annotated[int, Field(ge=128, le=8192)] = 1024
    frames_per_s: Positive | None = 5.0


class PylonSource(Section):
    """A Basler camera through the vendor's SDK, or its emulation."""

    kind: Literal["pylon"]
    serial: str | None = None
    """Serial number; null takes the only camera there is."""
    emulation: Path | None = None
    """Folder of .bmp, .png or .tiff that the SDK's camera emulation plays; null for a real camera.
    """
    parameters: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """GenICam node -> value, set in this order before the grab starts."""
    frames_per_s: Positive | None = None
    """Frame rate asked of the camera (AcquisitionFrameRate); null leaves the camera's own trigger.
    """
    grab_timeout_s: Positive = 2.0
    reconnect_s: Positive = 0.5
    """First pause before the device is opened again; it doubles up to ten seconds."""


Source = Annotated[FolderSource | SimulatedSource | PylonSource, Field(discriminator="kind")]


class Optics(Section):
    """What a pixel is on the strip."""

    mm_per_px_along: Positive
    mm_per_px_across: Positive
    assume_bundle_scale: bool = False
    """Accept a bundle whose card does not know its mm per pixel, taking its tiles at the camera's
    own scale.
    """


class LinesPosition(Section):
    """An encoder triggers each line: position is the number of lines times their pitch."""

    kind: Literal["lines"]


class SpeedPosition(Section):
    """No encoder: position is constant speed times time."""

    kind: Literal["speed"]
    m_per_s: Positive


Position = Annotated[LinesPosition | SpeedPosition, Field(discriminator="kind")]


class Coils(Section):
    """Coils of constant length one after the other, for lines that do not report them."""

    first_id: Name = "coil-0001"
    """Id of the first coil; its trailing number counts on."""
    length_m: Positive | None = None
    """Null: one coil without end."""
    width_mm: Positive


def emulate_camera() -> None:
    """Announce one emulated camera to the camera SDK, which reads its environment when it is
    loaded; the one place of the daemon that sets a variable, called before that.
    """
    os.environ.setdefault("PYLON_CAMEMU", "1")  # noqa: TID251 - the SDK knows no other way
