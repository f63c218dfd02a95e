"""Evidence pictures: one JPEG per file in the folder `evidence` beside the event log.

A picture is complete on disk before the commit whose event names it. A crash in between leaves a
picture that no event names, never an event that names no picture.
"""

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from edge.errors import LedgerError
from edge.types import Picture

FOLDER = "evidence"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.~-]{0,199}")


def evidence_path(directory: Path, name: str) -> Path:
    """Where a picture lies, by the name that its event gives.

    Raises:
        LedgerError: the name could lead out of the folder.
    """
    if not _NAME.fullmatch(name):
        raise LedgerError(f"{name[:80]!r} is no name of an evidence picture")
    return directory / FOLDER / name


def make_folders(directory: Path) -> None:
    """Make the event log's folder and that of its pictures, and sync their names: a picture is not
    on disk as long as the folder that it lies in is not.

    Raises:
        OSError: the disk's own.
    """
    (directory / FOLDER).mkdir(parents=True, exist_ok=True)
    sync_folder(directory)
    with contextlib.suppress(PermissionError):  # a folder that was made for us
        sync_folder(directory.parent)


def store_pictures(directory: Path, pictures: Sequence[Picture]) -> None:
    """Write pictures so that they survive a power failure: data, name and folder are synced.

    Raises:
        LedgerError: a name that leads out of the folder.
        OSError: the disk's own.
    """
    if not pictures:
        return
    folder = directory / FOLDER
    if not folder.is_dir():
        make_folders(directory)
    for picture in pictures:
        path = evidence_path(directory, picture.name)
        draft = path.with_name(path.name + ".partial")
        with draft.open("wb") as stream:
            stream.write(picture.jpeg)
            stream.flush()
            os.fdatasync(stream.fileno())
        draft.replace(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
