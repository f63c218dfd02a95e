"""What a disk holds after the power failed, by the calls that were made until then.

The strict reading of POSIX: a file's bytes are on disk once fdatasync or fsync of the file has
returned, its name once that of its folder has. What was written and not synced may be there or not,
sector by sector, in any order.
"""

import random
from pathlib import Path

from tests.line.trace import Call

SECTOR = 512
KEPT = (".sqlite", ".sqlite-wal", ".jpg", ".partial")
"""The files that count: a shared index is not for the disk, nor a lock, nor the reserve."""

_Change = tuple[int, bytes | None]
"""Bytes from an offset on; None: the length is the offset."""


class _File:
    def __init__(self) -> None:
        self.sure = bytearray()
        self.pending: list[_Change] = []
        self.end = 0
        """Where a plain write goes on."""

    def sync(self, covered: int) -> None:
        for change in self.pending[:covered]:
            _apply(self.sure, change)
        del self.pending[:covered]

    def torn(self, chance: random.Random) -> bytearray:
        """The synced bytes and a part, by chance, of what came after."""
        found = bytearray(self.sure)
        for offset, data in self.pending:
            if data is None:
                parts: list[_Change] = [(offset, None)]
            else:
                parts = [
                    (offset + at, data[at : at + SECTOR]) for at in range(0, len(data), SECTOR)
                ]
            for part in parts:
                if chance.random() < 0.5:
                    _apply(found, part)
        return found


def _apply(content: bytearray, change: _Change) -> None:
    offset, data = change
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data


class Disk:
    """The files below a folder that was there, and empty, when the trace began."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._live: dict[str, _File] = {}
        self._sure: dict[str, _File] = {}
        self._folders, self._sure_folders = {self._root}, {self._root}
        self._covered: dict[int, int | dict[str, _File]] = {}
        self.version = 0
        """Counts the syncs that made a difference."""

    def begin(self, call: Call) -> None:
        """A call has begun: what it writes may be on disk from here on."""
        path = call.path
        if not path.startswith(self._root):
            return
        file = self._live.get(path)
        match call.name:
            case "pwrite64" if file:
                file.pending.append((call.last, call.data))
            case "write" if file:
                file.pending.append((file.end, call.data))
                file.end += len(call.data)
            case "ftruncate" if file:
                file.pending.append((call.last, None))
            case "fdatasync" | "fsync":
                self._covered[call.begun] = len(file.pending) if file else self._names(path)
            case _:
                pass

    def end(self, call: Call) -> None:
        """A call has returned: what it promises holds from here on."""
        path = call.path
        match call.name:
            case "openat" if call.made.startswith(self._root) and call.made.endswith(KEPT):
                self._opened(call)
            case "rename":
                before, after = call.paths
                if before in self._live:
                    self._live[after] = self._live.pop(before)
            case "mkdir" if path.startswith(self._root):
                self._folders.add(path)
            case "unlink":
                self._live.pop(path, None)
            case "fdatasync" | "fsync" if call.begun in self._covered:
                self._synced(path, self._covered.pop(call.begun))
            case _:
                pass

    def unsynced(self, suffix: str, part: str = "") -> list[str]:
        """Names that end so, and hold `part`, of files not wholly on disk under this name."""
        return [
            name
            for name, file in self._live.items()
            if name.endswith(suffix)
            and part in name
            and (file.pending or not self._is_named(name, file))
        ]

    def holds(self, body: bytes) -> bool:
        """Whether these bytes are for certain in a file of the event log."""
        return any(body in f.sure for name, f in self._sure.items() if "/events-" in name)

    def write_to(self, folder: Path, chance: random.Random | None = None) -> None:
        """Lay down what is left after the power failed now: what is sure and nothing else, or with
        parts of the rest drawn by chance.
        """
        names = dict(self._sure)
        if chance is not None:
            for name in self._live.keys() | self._sure.keys():
                held = chance.choice((self._live, self._sure)).get(name)
                names.pop(name, None)
                if held is not None:
                    names[name] = held
        folder.mkdir()
        for name, file in names.items():
            if str(Path(name).parent) not in self._sure_folders:
                continue
            path = folder / Path(name).relative_to(self._root)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(file.sure if chance is None else file.torn(chance))

    def _is_named(self, name: str, file: _File) -> bool:
        return self._sure.get(name) is file and str(Path(name).parent) in self._sure_folders

    def _opened(self, call: Call) -> None:
        file = self._live.get(call.made)
        if file is None:
            file = self._live[call.made] = _File()
        if "O_TRUNC" in call.arguments:
            file.pending.append((0, None))
            file.end = 0

    def _names(self, folder: str) -> dict[str, _File]:
        return {name: f for name, f in self._live.items() if str(Path(name).parent) == folder}

    def _synced(self, path: str, covered: int | dict[str, _File]) -> None:
        if isinstance(covered, int):
            if path in self._live:
                self._live[path].sync(covered)
        else:
            for name in self._names_on_disk(path):
                del self._sure[name]
            self._sure |= covered
            self._sure_folders |= {f for f in self._folders if str(Path(f).parent) == path}
        self.version += 1

    def _names_on_disk(self, folder: str) -> list[str]:
        return [name for name in self._sure if str(Path(name).parent) == folder]
