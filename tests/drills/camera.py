"""A camera that is hurt: `python -m tests.drills.camera HOW FOLDER COMMAND...` is `stripsight-edge
COMMAND...` with an emulated camera.

    gone    the SDK loses it every few frames, by an imposed error and by its removal in turns
    torn    a few buffers come incomplete, every few frames
    pulled  the SDK loses it, and finds it no more while FOLDER has a file `pulled`

FOLDER's `shown` gets a line for each frame: its number, and which picture it showed, by what its
pixels are. `run` starts its processes with the same camera.
"""

import functools
import itertools
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from edge import supervisor
from edge.acquire.pylon import PylonSource
from edge.cli import main
from edge.errors import SourceError
from edge.types import U8, Frame
from runtime.scale import read_gray

PROGRAM = "tests.drills.camera"
FRAMES_BETWEEN = (3, 5, 2, 8)
TORN = 2
"""Buffers that come incomplete, one after the other."""

Harm = Callable[[PylonSource], None]


class HurtCamera:
    """The drill's side of it."""

    def __init__(self, how: str, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.program = (PROGRAM, how, str(folder))

    def pull(self) -> None:
        """Have the cable pulled out."""
        (self._folder / "pulled").touch()

    def put_back(self) -> None:
        """Have the camera found again."""
        (self._folder / "pulled").unlink()

    def shown(self) -> Mapping[int, int]:
        """Frame number -> picture number."""
        lines = (self._folder / "shown").read_text().splitlines()
        pairs = (line.split() for line in lines)
        return {int(frame): int(picture) for frame, picture in pairs}


def source(frames: Path) -> dict[str, object]:
    """The config's section: the emulation plays these pictures as fast as it can."""
    emulation = {"kind": "pylon", "emulation": str(frames), "frames_per_s": 90}
    return {**emulation, "reconnect_s": 0.01}


def _hurt(how: str, folder: Path) -> None:
    harms = HARMS[how](folder / "pulled")
    true_read, pictures = PylonSource.read, dict[int, int]()
    shown = (folder / "shown").open("a", buffering=1)

    def read(self: PylonSource, timeout_s: float) -> Frame:
        next(harms)(self)
        frame = true_read(self, timeout_s)
        if not pictures:
            assert self._config.emulation is not None
            files = enumerate(sorted(self._config.emulation.iterdir()))
            pictures.update({_digest(read_gray(file)): number for number, file in files})
        shown.write(f"{frame.seq} {pictures[_digest(frame.pixels)]}\n")
        return frame

    PylonSource.read = read  # type: ignore[method-assign]


def _every_few_frames(*ways: Harm) -> Iterator[Harm]:
    for way, frames in zip(itertools.cycle(ways), itertools.cycle(FRAMES_BETWEEN), strict=False):
        yield from itertools.repeat(_leave_alone, frames)
        yield way


def _while_pulled(pulled: Path) -> Iterator[Harm]:
    true_open = PylonSource.open

    def open_(self: PylonSource) -> None:
        if pulled.exists():
            raise SourceError("no camera: its cable was pulled out")
        true_open(self)

    PylonSource.open = open_  # type: ignore[method-assign]
    return iter(lambda: _remove if pulled.exists() else _leave_alone, None)


def _leave_alone(source: PylonSource) -> None:
    pass


def _impose_error(source: PylonSource) -> None:
    source._camera.GetStreamGrabberNodeMap().GetNode("ImposedError").SetValue("imposed")


def _remove(source: PylonSource) -> None:
    source._camera.FirePnPCallback.Execute()


def _tear(source: PylonSource) -> None:
    source._camera.ForceFailedBufferCount.Value = TORN
    source._camera.ForceFailedBuffer.Execute()


HARMS: dict[str, Callable[[Path], Iterator[Harm]]] = {
    "gone": lambda _: _every_few_frames(_impose_error, _remove),
    "torn": lambda _: _every_few_frames(_tear),
    "pulled": _while_pulled,
}


def _command(how: str, folder: str, name: str, config: Path) -> list[str]:
    own = [sys.executable, "-m", PROGRAM, how, folder]
    return [*own, name, "--config", str(config), "--supervised", str(os.getpid())]


def _digest(pixels: U8) -> int:
    return zlib.crc32(pixels.tobytes())


if __name__ == "__main__":
    how, folder = sys.argv[1:3]
    del sys.argv[1:3]
    _hurt(how, Path(folder))
    supervisor._command = functools.partial(_command, how, folder)
    main()
