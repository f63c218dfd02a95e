"""Room kept back on the ledger's disk, so that the hole which a full disk tears can be recorded.

SQLite can neither delete nor checkpoint on a full disk. When a commit finds no room, this file is
given up and the commit tried once more; it is taken again when four times its size is free.
"""

import errno
import logging
import os
from pathlib import Path

NAME = "reserve.bin"
_log = logging.getLogger(__name__)


class Reserve:
    """A preallocated file; owned by the ledger's writer."""

    def __init__(self, directory: Path, size_bytes: int) -> None:
        self._path = directory / NAME
        self._size = size_bytes

    @property
    def held(self) -> bool:
        """Whether the room is there to be given up."""
        try:
            return self._path.stat().st_size == self._size > 0
        except OSError:
            return False

    def take(self) -> None:
        """Occupy the room if it is not held and the disk has plenty; never fails."""
        if self._size == 0 or self.held:
            return
        try:
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < 4 * self._size:
                return
            with self._path.open("wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, self._size)
        except OSError as error:
            self._path.unlink(missing_ok=True)
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                _log.warning("%s: no reserve can be held (%s)", self._path, error)

    def release(self) -> bool:
        """Give the room up; False when there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        _log.error("%s: the disk is full; the reserve is in use now, free some room", self._path)
        return True
