"""A camera that goes away again and again: `python -m tests.drills.pulled_cable SHOWN COMMAND...`
is `stripsight-edge COMMAND...` with an emulated camera that the SDK loses every few frames, by an
imposed error and by its removal in turns. SHOWN gets a line for each frame: its number, and which
picture it showed, by what its pixels are.
"""

import itertools
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

from edge.acquire.pylon import PylonSource
from edge.cli import main
from edge.types import U8, Frame
from runtime.scale import read_gray

FRAMES_BETWEEN = (3, 5, 2, 8)


def read_shown(path: Path) -> Mapping[int, int]:
    """Frame number -> picture number."""
    pairs = (line.split() for line in path.read_text().splitlines())
    return {int(frame): int(picture) for frame, picture in pairs}


def _pull(shown: Path) -> None:
    true_read, pictures = PylonSource.read, dict[int, int]()
    ways = itertools.cycle([_impose_error, _remove])
    lengths = itertools.cycle(FRAMES_BETWEEN)
    rest = next(lengths)
    log = shown.open("a", buffering=1)

    def read(self: PylonSource, timeout_s: float) -> Frame:
        nonlocal rest
        if rest == 0:
            rest = next(lengths)
            next(ways)(self)
        frame = true_read(self, timeout_s)
        rest -= 1
        if not pictures:
            folder = self._config.emulation
            assert folder is not None
            files = enumerate(sorted(folder.iterdir()))
            pictures.update({_digest(read_gray(file)): number for number, file in files})
        log.write(f"{frame.seq} {pictures[_digest(frame.pixels)]}\n")
        return frame

    PylonSource.read = read  # type: ignore[method-assign]


def _impose_error(source: PylonSource) -> None:
    source._camera.GetStreamGrabberNodeMap().GetNode("ImposedError").SetValue("imposed")


def _remove(source: PylonSource) -> None:
    source._camera.FirePnPCallback.Execute()


def _digest(pixels: U8) -> int:
    return zlib.crc32(pixels.tobytes())


if __name__ == "__main__":
    _pull(Path(sys.argv.pop(1)))
    main()
