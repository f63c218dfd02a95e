"""Pictures of a folder as blocks of lines, in natural name order (`f2` before `f10`).

A picture that cannot be read is a frame that was lost (`unreadable`), with a log line that names
it; the daemon goes on.
"""

import logging
import re
from pathlib import Path

from edge.acquire.framing import Framing
from edge.acquire.pacing import OVERRUN, AsRead, Pace, make_pace
from edge.clock import Clock
from edge.config import FolderSource as FolderSection
from edge.errors import ConfigError, SourceEndedError, SourceError
from edge.ports import LinePosition
from edge.types import U8, Frame, SourceReport
from runtime.scale import read_gray

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"})
PRELOAD_BYTES = 512 << 20
"""Decoded before the start: 120 frames of 4 MB. What does not fit is decoded when it is due, which
takes about 13 ms a frame from .png."""
UNREADABLE = "unreadable"


class FolderSource:
    """Plays a folder, once or for ever, open loop at a rate or as fast as it is read.

    Pictures added after `open` are not seen; one removed after it is unreadable, if it was not
    preloaded.
    """

    def __init__(self, config: FolderSection, position: LinePosition, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._framing = Framing(position)
        self._files: tuple[Path, ...] = ()
        self._loaded: dict[Path, U8] = {}
        self._pace: Pace = AsRead(0, clock)

    def open(self) -> None:
        """List the pictures, preload what fits, start the clock.

        Raises:
            ConfigError: no such folder, or no picture in it.
            SourceError: none of its pictures can be read.
        """
        self._files = list_pictures(self._config.path)
        self._preload()
        frames = None if self._config.repeat else len(self._files)
        self._pace = make_pace(self._config.frames_per_s, frames, self._clock)
        self._framing.away()
        self._pace.start()

    def read(self, timeout_s: float) -> Frame:
        """The next picture that can be read."""
        deadline_ns = self._clock.now().monotonic_ns + round(timeout_s * 1e9)
        for _ in self._files:
            rest_s = (deadline_ns - self._clock.now().monotonic_ns) / 1e9
            try:
                due = self._pace.take(max(0.0, rest_s))
            except SourceEndedError:
                self._report_end()
                raise
            self._framing.lost(OVERRUN, due.missed)
            pixels = self._picture(self._files[due.number % len(self._files)])
            if pixels is not None:
                return self._framing.frame(pixels, due.exposed, due.grabbed)
        raise SourceError(f"{self._config.path}: none of its pictures can be read; replace them")

    def report(self) -> SourceReport:
        """Nothing: no device, no statistics."""
        return SourceReport()

    def close(self) -> None:
        """Forget the pictures."""
        self._files = ()
        self._loaded = {}

    def _preload(self) -> None:
        room = PRELOAD_BYTES
        readable = False
        for file in self._files:
            pixels = _read(file)
            if pixels is None:
                continue
            readable = True
            room -= pixels.nbytes
            if room < 0:
                log.info("%s: decoded when due from %s on", self._config.path, file.name)
                return
            self._loaded[file] = pixels
        if not readable:
            raise SourceError(f"{self._config.path}: none of its pictures can be read")

    def _picture(self, file: Path) -> U8 | None:
        loaded = self._loaded.get(file)
        # A copy, as out of a camera's buffer: a frame is its own, and the bench pays for it.
        pixels = _read(file) if loaded is None else loaded.copy()
        if pixels is None:
            self._framing.lost(UNREADABLE)
        return pixels

    def _report_end(self) -> None:
        """Losses travel with the frame after them; at the end there is none, so say it here."""
        if missing := self._framing.frames_missing:
            log.warning("%s: the last %d frames are lost", self._config.path, missing)


def list_pictures(folder: Path, suffixes: frozenset[str] = SUFFIXES) -> tuple[Path, ...]:
    """Pictures directly in a folder, in natural name order.

    Raises:
        ConfigError: no such folder, not readable, or no picture in it.
    """
    try:
        files = [f for f in folder.iterdir() if f.suffix.lower() in suffixes and f.is_file()]
    except OSError as error:
        raise ConfigError(f"{folder}: not a readable folder ({error.strerror})") from error
    if not files:
        raise ConfigError(f"{folder}: no picture in it; expected {', '.join(sorted(suffixes))}")
    return tuple(sorted(files, key=lambda file: natural_key(file.name)))


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts numbers in names by value; equal values by their spelling."""
    parts = re.split(r"([0-9]+)", name)
    return (*((int(p) if p.isdecimal() else 0, p) for p in parts), (0, name))


def _read(file: Path) -> U8 | None:
    try:
        return read_gray(file)
    except ConfigError as error:
        log.warning("frame lost: %s", error)
        return None
