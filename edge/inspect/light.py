"""The light across the picture, made even: a gain per column, measured once (`calibrate-light`).

The correction comes before the cut, on the whole picture, so that a tile is still what `fit_tile`
makes of the picture that evidence shows (ADR 16). Recordings hold what the camera saw. Whether a
picture is dark or saturated, and where the strip is, is judged before it, by what the camera saw.
"""

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.config import AravisSource, Config, PylonSource
from edge.errors import ConfigError
from edge.types import U8, Frame

UNIT = 128
"""Gains are whole 128ths in 8 bits, at most 1.99: the product of two bytes is exact on any CPU."""
LEAST_GAIN, MOST_GAIN = 32, 255
MAX_FILE_BYTES = 1 << 20


class LightFile(BaseModel):
    """What `calibrate-light` writes (JSON)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: Literal["1"] = "1"
    camera: str
    """`/<site>/<line>/<camera>`."""
    serial: str | None
    mirrored: bool
    """As `mounting.mirrored` was: the columns are those of the picture as it is inspected."""
    made: Annotated[datetime, Field(strict=False)]
    frames: Annotated[int, Field(ge=1)]
    gain: Annotated[
        list[Annotated[int, Field(ge=LEAST_GAIN, le=MOST_GAIN)]],
        Field(min_length=1, max_length=65536),
    ]
    """Of each column, in 128ths."""
    digest: str = ""
    """SHA-256 of all of the above."""

    def sealed(self) -> Self:
        """The same with its digest."""
        return self.model_copy(update={"digest": self._sum()})

    @property
    def whole(self) -> bool:
        """Whether nothing has changed since it was sealed."""
        return self.digest == self._sum()

    def _sum(self) -> str:
        return hashlib.sha256(self.model_dump_json(exclude={"digest"}).encode()).hexdigest()


def serial_of(config: Config) -> str | None:
    """The camera that the config asks for, where it names one."""
    camera = config.source
    return camera.serial if isinstance(camera, PylonSource | AravisSource) else None


def read_light(path: Path, config: Config) -> LightFile:
    """Read and check a file.

    Raises:
        ConfigError: not there, damaged, changed by hand, or of another camera.
    """
    again = "make it again with stripsight-edge calibrate-light"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        light = LightFile.model_validate_json(data[: MAX_FILE_BYTES + 1])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {again}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{path}: damaged ({where}: {first['msg']}); {again}") from error
    if not light.whole:
        raise ConfigError(f"{path}: changed since it was written (digest); {again}")
    serial = serial_of(config)
    if light.camera != config.event_source or (light.serial and serial not in {None, light.serial}):
        raise ConfigError(
            f"{path}: measured with {light.camera}, serial {light.serial}, this is"
            f" {config.event_source}, serial {serial}; {again}"
        )
    if light.mirrored != config.mounting.mirrored:
        raise ConfigError(f"{path}: mounting.mirrored was {light.mirrored} then; {again}")
    return light


class Light:
    """Corrects frames; owned by the inspecting thread."""

    def __init__(self, config: Config) -> None:
        self._path = config.optics.flat_field
        light = read_light(self._path, config) if self._path else None
        self._gain: U8 | None = np.array([light.gain], np.uint8) if light else None
        self._gains: U8 = np.empty((0, 0), np.uint8)
        self._room: U8 = np.empty((0, 0), np.uint8)
        self._done: tuple[Frame, Frame] | None = None

    def even(self, frame: Frame) -> Frame:
        """The frame as an even light would show it; its pixels are this object's memory and last
        until the next frame.

        Raises:
            ConfigError: the file was measured at another picture width.
        """
        if self._gain is None:
            return frame
        if self._done is None or self._done[0] is not frame:
            self._done = frame, replace(frame, pixels=self._corrected(frame.pixels, self._gain))
        return self._done[1]

    def _corrected(self, pixels: U8, gain: U8) -> U8:
        rows, width = pixels.shape
        if width != gain.shape[1]:
            raise ConfigError(
                f"{self._path}: measured on pictures of {gain.shape[1]} columns, these have"
                f" {width}; make it again with stripsight-edge calibrate-light"
            )
        if rows > len(self._room):
            self._gains = np.ascontiguousarray(np.broadcast_to(gain, (rows, width)))
            self._room = np.empty((rows, width), np.uint8)
        room = self._room[:rows]
        cv2.multiply(pixels, self._gains[:rows], room, 1 / UNIT)
        even = room.view()
        even.flags.writeable = False
        return even
