"""The folder that the camera SDK's emulation plays instead of a strip.

The emulation plays the .bmp, .png and .tiff files of a folder in plain name order (`f10` before
`f2`) for ever, at most at about 95 frames/s. It waits for its reader, so it never loses a frame by
overload; its block ids start at 0 and it has no time stamps.
"""

from contextlib import suppress
from pathlib import Path

from edge.acquire.folder import list_pictures
from edge.acquire.nodes import NodeMap
from edge.errors import ConfigError, SourceError
from runtime.picture import PictureSize, picture_size

EMULATED = "BaslerCamEmu"
SUFFIXES = frozenset({".bmp", ".png", ".tif", ".tiff"})


def only_pictures(folder: Path) -> None:
    """The emulation plays every file of its folder; what is no picture would be a torn frame.

    Raises:
        ConfigError: the folder has something else in it, or no picture.
    """
    pictures = {path.name for path in list_pictures(folder, SUFFIXES)}
    if foreign := {path.name for path in folder.iterdir()} - pictures:
        raise ConfigError(
            f"source.emulation: {folder} holds {min(foreign)!r}, which is no picture; the emulation"
            " plays every file of its folder, so keep nothing else there"
        )


def play(nodes: NodeMap, folder: Path) -> None:
    """Play a folder. The emulation would cut larger pictures to the frame without a word."""
    size = _largest(folder)
    nodes.write("Width", size.width)
    nodes.write("Height", size.height)
    nodes.write("TestImageSelector", "Off")
    nodes.write("ImageFilename", str(folder))
    nodes.write("ImageFileMode", "On")


def _largest(folder: Path) -> PictureSize:
    """Height and width that hold every picture of a folder; damaged ones are left to the grab."""
    sizes = []
    for file in list_pictures(folder, SUFFIXES):
        with suppress(ValueError, OSError):
            sizes.append(picture_size(file.read_bytes()))
    if not sizes:
        raise SourceError(f"{folder}: none of its pictures can be read; replace them")
    return PictureSize(max(s.height for s in sizes), max(s.width for s in sizes))
