"""The recording's files on disk: the newest are kept, the oldest give way."""

import errno
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from pydantic import JsonValue

from edge.record.header import Header
from edge.record.segment import HEAD_BYTES, TITLE, head

SEGMENT_BYTES = 256 << 20
SEGMENTS = 8
"""At least so many files make the ring, so that an eighth of it goes at a time."""
KEEP_FREE_BYTES, KEEP_FREE_SHARE = 1 << 30, 20
"""Left free on the disk: the smaller of a gigabyte and a twentieth of it. The ledger may share it.
"""
_NAME = re.compile(r"segment-([0-9]{8,})\.rec")


def segment_paths(folder: Path) -> list[Path]:
    """The files of a recording, oldest first.

    Raises:
        OSError: no such folder, or not readable.
    """
    return sorted((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), key=segment_number)


def segment_number(path: Path) -> int:
    """The number in a file's name: it counts on over all runs, whatever the clock says."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        raise ValueError(f"{path} is no segment of a recording")
    return int(found[1])


class Ring:
    """Writes one run's records. Owned by the recorder's thread; every method raises OSError."""

    def __init__(self, folder: Path, max_bytes: int, header: Header) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = min(SEGMENT_BYTES, max_bytes // SEGMENTS)
        self._header = header
        self._number = 0
        self._file: BinaryIO | None = None
        self._size = 0
        self._records = 0  # whole ones in the file, its header apart

    def write(self, words: Mapping[str, JsonValue], pixels: memoryview) -> int:
        """Append a record; returns its size in bytes.

        What was written of a record that failed stays as the torn end of its file; the next record
        begins another.
        """
        body = json.dumps(words, separators=(",", ":")).encode()
        size = HEAD_BYTES + len(body) + pixels.nbytes
        if self._file is not None and self._size + size > self._segment_bytes:
            self.close()
        try:
            self._append(body, pixels, size)
        except OSError:
            self._let_go()
            raise
        return size

    def close(self) -> None:
        """Have the file on the disk and let go of it."""
        if self._file is not None:
            try:
                os.fdatasync(self._file.fileno())
            finally:
                self._let_go()

    def _append(self, words: bytes, pixels: memoryview, size: int) -> None:
        file = self._file or self._begin(size)
        if self._disk_lacks(size):
            self._remove_oldest(self._segment_bytes)
            if self._disk_lacks(size):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
        self._write(file, words, pixels)
        self._records += 1

    def _begin(self, size: int) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = segment_paths(self._folder)
        excess = sum(path.stat().st_size for path in kept) - self._max_bytes
        self._remove_oldest(excess + max(self._segment_bytes, size))
        self._number = 1 + max(self._number, segment_number(kept[-1]) if kept else 0)
        run = self._header.run or self._number
        self._header = self._header.model_copy(update={"run": run})
        path = self._folder / f"segment-{self._number:08d}.rec"
        self._file, self._size, self._records = path.open("xb", buffering=0), 0, 0
        self._write_all(self._file, memoryview(TITLE))
        self._write(self._file, self._header.model_dump_json().encode(), memoryview(b""))
        self._header = self._header.model_copy(update={"part": self._header.part + 1})
        return self._file

    def _write(self, file: BinaryIO, words: bytes, pixels: memoryview) -> None:
        for part in (memoryview(head(words, pixels)), memoryview(words), pixels):
            self._write_all(file, part)

    def _write_all(self, file: BinaryIO, view: memoryview) -> None:
        while view.nbytes:
            written = file.write(view)
            self._size += written
            view = view[written:]

    def _remove_oldest(self, needed: int) -> None:
        """Free so many bytes, if need be of all files but the one in hand."""
        kept = segment_paths(self._folder)
        for path in kept[:-1] if self._file is not None else kept:
            if needed <= 0:
                return
            needed -= path.stat().st_size
            path.unlink()

    def _disk_lacks(self, size: int) -> bool:
        disk = os.statvfs(self._folder)
        keep = min(KEEP_FREE_BYTES, disk.f_blocks * disk.f_frsize // KEEP_FREE_SHARE)
        return disk.f_bavail * disk.f_frsize < size + keep

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
            if not self._records:
                Path(file.name).unlink(missing_ok=True)
