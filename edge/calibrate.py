"""`stripsight-edge calibrate-light`: measure the light across the picture on moving strip.

A column's light is its median over the frames: what is on the strip moves through, the lamp stays.
It is smoothed over a sixty-fourth of the picture, because a lamp is smooth and a streak that stays
in one column is the strip's own.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from edge.acquire.factory import make_source
from edge.acquire.position import make_position
from edge.clock import Clock
from edge.config import Config, FolderSource
from edge.errors import ConfigError, SourceEndedError, SourceTimeoutError
from edge.inspect.light import LEAST_GAIN, MOST_GAIN, UNIT, LightFile, serial_of
from edge.inspect.strip import find_strip, unusable
from edge.types import F32, U8

READ_S = 10.0
LEAST_FRAMES = 5
LEAST_SHARE = 0.6
"""Of the columns, that the strip must have covered."""
RIM_MM = 20.0
"""Beside the strip's edges: rims are brighter or darker than the strip."""
DIM = 0.6
"""Of the light's middle; below this the lamp wants moving rather than its picture mending."""


class Calibration(NamedTuple):
    """The light as measured, and what must be known of it."""

    file: LightFile
    light: F32
    """Of each column, over the middle one's."""
    unused: int
    """Frames that could not be judged."""
    warnings: tuple[str, ...]
    example: U8
    """The first frame."""

    @property
    def summary(self) -> str:
        """For people, in one line."""
        span = f"{self.light.min():.0%} to {self.light.max():.0%} across the picture"
        return f"{self.file.frames} frames, {self.unused} unused; the light is {span}"


def frames_of(config: Config, folder: Path | None, clock: Clock) -> Iterator[U8]:
    """Pictures of the configured source, or of a folder, as they come.

    Raises:
        SourceError, ConfigError: the source cannot be opened, or is gone.
    """
    if folder is not None:
        source = FolderSource(kind="folder", path=folder)
        config = config.model_copy(update={"source": source})
    camera = make_source(config, make_position(config), clock)
    camera.open()
    try:
        while True:
            yield camera.read(READ_S).pixels
    except (SourceEndedError, SourceTimeoutError):
        return
    finally:
        camera.close()


def calibrate(config: Config, pictures: Iterable[U8], frames: int, clock: Clock) -> Calibration:
    """Measure the light over so many usable pictures.

    Raises:
        ConfigError: too few of them, of different widths, or of too narrow a strip.
    """
    profiles: list[F32] = []
    example, unused = None, 0
    for pixels in pictures:
        example = pixels if example is None else example
        if pixels.shape[1] != example.shape[1]:
            raise ConfigError(
                f"pictures of {example.shape[1]} and of {pixels.shape[1]} columns: give frames of"
                " one camera"
            )
        profile = _profile(pixels, config)
        if profile is None:
            unused += 1
        else:
            profiles.append(profile)
        if len(profiles) == frames or unused > frames:
            break
    if example is None or len(profiles) < LEAST_FRAMES:
        raise ConfigError(
            f"only {len(profiles)} pictures can be judged, {unused} cannot; at least {LEAST_FRAMES}"
            " of moving strip are needed, neither dark nor saturated"
        )
    light = light_of(profiles)
    gain = np.clip(np.rint(UNIT / light), LEAST_GAIN, MOST_GAIN).astype(int)
    file = LightFile(
        camera=config.event_source,
        serial=serial_of(config),
        mirrored=config.mounting.mirrored,
        made=clock.now().utc(),
        frames=len(profiles),
        gain=gain.tolist(),
    )
    warnings = (*_dim(light), *_white(gain, example, config))
    return Calibration(file.sealed(), light, unused, warnings, example)


def light_of(profiles: list[F32]) -> F32:
    """Light of each column over the middle's, from profiles with NaN where there was no strip.

    Raises:
        ConfigError: the strip covered too little of the picture.
    """
    stack = np.stack(profiles)
    seen = np.count_nonzero(~np.isnan(stack), axis=0) * 2 > len(stack)
    width = stack.shape[1]
    if seen.sum() < LEAST_SHARE * width:
        raise ConfigError(
            f"the strip covers {seen.sum() / width:.0%} of the picture; the light is measured on a"
            f" strip that covers at least {LEAST_SHARE:.0%}"
        )
    columns = np.arange(width)
    median = np.interp(columns, columns[seen], np.nanmedian(stack[:, seen], axis=0))
    smooth = cv2.GaussianBlur(
        median[None].astype(np.float32),
        (0, 0),
        max(1.0, width / 64),
        borderType=cv2.BORDER_REPLICATE,
    )[0]
    light: F32 = (smooth / np.median(smooth)).astype(np.float32)
    return light


def _profile(pixels: U8, config: Config) -> F32 | None:
    """Mean grey of each column over the strip's own; NaN off the strip."""
    view = find_strip(pixels, config.strip)
    rim = round(RIM_MM / config.optics.mm_per_px_across)
    start = view.columns.start + rim * view.left_edge_seen
    end = view.columns.end - rim * view.right_edge_seen
    if start >= end or unusable(pixels, view.columns, config.inspect):
        return None
    profile = np.full(pixels.shape[1], np.nan, np.float32)
    profile[start:end] = pixels[:, start:end].mean(axis=0)
    profile /= np.nanmedian(profile)
    return profile


def _dim(light: F32) -> Iterator[str]:
    worst = int(light.argmin())
    if light[worst] < DIM:
        clipped = ", less than the gain of 1.99 can mend" if light[worst] * MOST_GAIN < UNIT else ""
        yield f"the light falls to {light[worst]:.0%} at column {worst}{clipped}: move the lamp"


def _white(gain: npt.NDArray[np.int_], example: U8, config: Config) -> Iterator[str]:
    most = np.quantile(example[::16], 0.99, axis=0) * gain / UNIT
    strip = find_strip(example, config.strip).columns
    white = np.count_nonzero(most[strip.start : strip.end] > 255)
    if white:
        yield f"{white} columns become white where the strip is brightest: lower the exposure"


def draw(calibration: Calibration, path: Path) -> None:
    """Write a picture for people: the first frame before and after, and the light over its columns.

    Raises:
        ConfigError: it cannot be written.
    """
    before = calibration.example
    gain = np.array([calibration.file.gain], np.uint8)
    after = np.empty_like(before)
    cv2.multiply(before, np.ascontiguousarray(np.broadcast_to(gain, before.shape)), after, 1 / UNIT)
    width, height = 1024, 240
    shrunk = [
        cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        for picture in (before, after)
    ]
    plot = np.full((height, width), 255, np.uint8)
    columns = np.linspace(0, len(calibration.light) - 1, width).astype(int)
    for share, line in ((0.5, 200), (1.0, 200)):
        y = _row(np.float32(share), height)
        cv2.line(plot, (0, y), (width, y), line)
        cv2.putText(plot, f"{share:.0%}", (4, y - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 100)
    rows = [_row(value, height) for value in calibration.light[columns]]
    points = np.stack([np.arange(width), rows], axis=1).astype(np.int32)
    cv2.polylines(plot, [points], isClosed=False, color=0, thickness=2)
    if not cv2.imwrite(str(path), np.vstack([*shrunk, plot])):
        raise ConfigError(f"{path}: cannot be written; choose another --out")


def _row(share: np.float32, height: int) -> int:
    return round(height - 10 - float(share) * (height - 20) / 1.5)
