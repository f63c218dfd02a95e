"""The event log as other processes see it: read-only, following the day files as they appear.

Each read is one short statement: a reader never holds a transaction open, so it cannot keep the
writer from folding its write-ahead log back. A file that retention removes in the middle of a
read is as if it had been gone before.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from contract.events import Event
from edge.clock import Stamp
from edge.errors import LedgerError
from edge.ledger import day
from edge.ledger.mark import read_mark
from edge.types import Recorded, TileRecord, Watermark

_COLUMNS = (
    "seq, body, grabbed_monotonic_ns, grabbed_utc_ns, committed_monotonic_ns, committed_utc_ns"
)
_KEPT_OPEN = 4
_TILES_AT_ONCE = 4096
_BODIES_AT_ONCE = 2000
_NO_SEQ = 2**63 - 1
"""Above all of them: SQLite counts no further."""


class _File(NamedTuple):
    path: Path
    inode: int
    base_seq: int


class Progress(NamedTuple):
    """The watermark and the number of the newest event, as one commit left them."""

    watermark: Watermark | None
    last_seq: int


class EventReader:
    """Reads one event log. One thread at a time may use it.

    Raises:
        LedgerError: (here and in every method) there is no event log, or a file of it is damaged or
        of another schema version.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: list[_File] = []
        self._open: dict[Path, sqlite3.Connection] = {}
        self._newest: Path | None = None  # of those that have their tables
        self._follow()

    def after(self, seq: int, limit: int) -> list[Recorded]:
        """Up to `limit` events that follow `seq`, in order. They need not begin with `seq + 1`:
        retention removes the oldest. A damaged event is an error only where it is the first.
        """
        found: list[Recorded] = []
        try:
            for recorded in self._each_after(seq, limit):
                found.append(recorded)  # noqa: PERF402 - what came before an error is kept
        except LedgerError:
            if not found:
                raise
        return found

    def last_seq(self) -> int:
        """The newest event's number; 0 for an empty log."""
        self._follow()
        for file in reversed(self._files):
            if rows := self._query(file, "SELECT max(seq) FROM events", ()):
                return file.base_seq if rows[0][0] is None else int(rows[0][0])
        return 0

    def latest(self, kinds: Sequence[str], limit: int, before: int | None = None) -> list[Recorded]:
        """The newest events of some kinds (all kinds when empty), newest first; of those before a
        `seq`, if one is given.
        """
        self._follow()
        found: list[Recorded] = []
        for file in reversed(self._files):
            found += self._latest_in(file, kinds, limit - len(found), before or _NO_SEQ)
            if len(found) == limit:
                break
        return found

    def latest_names(self, kind: str, field: str, before: int) -> Iterator[tuple[int, str]]:
        """`seq` and one field of a kind's events before a `seq`, newest first; for those who look
        far back and have no time to check each.
        """
        self._follow()
        for file in reversed(self._files):
            while rows := self._query(
                file,
                "SELECT seq, json_extract(CAST(body AS TEXT), ?) FROM events"
                " WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                (f"$.data.{field}", kind, before, _BODIES_AT_ONCE),
            ):
                yield from ((seq, str(name)) for seq, name in rows)
                before = rows[-1][0]

    def of_coil(self, coil_id: str, kinds: Sequence[str]) -> list[Recorded]:
        """A coil's events of some kinds (all kinds when empty), in order."""
        self._follow()
        wanted = f" AND kind IN ({_marks(kinds)})" if kinds else ""
        where = f"WHERE coil = ?{wanted} ORDER BY seq"
        return [r for f in self._files for r in self._select(f, where, (coil_id, *kinds))]

    def of_kinds(self, kinds: Sequence[str]) -> list[Recorded]:
        """Every event of some kinds, in order."""
        self._follow()
        where = f"WHERE kind IN ({_marks(kinds)}) ORDER BY seq"
        return [r for f in self._files for r in self._select(f, where, tuple(kinds))]

    def bodies_of_coil(self, coil_id: str, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        """`seq`, kind and unparsed body of a coil's events `first` to `last`, in order; for those
        who have no time to check each.
        """
        for file in tuple(self._files_after(first - 1)):
            after = first - 1
            while rows := self._query(
                file,
                "SELECT seq, kind, body FROM events WHERE coil = ? AND seq > ? AND seq <= ?"
                " ORDER BY seq LIMIT ?",
                (coil_id, after, last, _BODIES_AT_ONCE),
            ):
                yield from rows
                after = rows[-1][0]

    def progress(self) -> Progress:
        """How far the strip had been dealt with at the newest commit, and its last event.

        Raises:
            LedgerError: the watermark is of another version of this program.
        """
        self._follow()
        for file in reversed(self._files):
            newest = "SELECT watermark, (SELECT max(seq) FROM events) FROM state"
            if rows := self._query(file, newest, ()):
                mark, seq = rows[0]
                try:
                    known = read_mark(mark) if mark else None
                except ValueError as error:
                    why = "its watermark is of another version of this program"
                    raise LedgerError(f"{file.path}: {why}") from error
                return Progress(known, file.base_seq if seq is None else seq)
        return Progress(None, 0)

    def tiles(self) -> Iterator[TileRecord]:
        """The tile log, oldest first."""
        self._follow()
        for file in tuple(self._files):
            yield from self._tiles_in(file)

    def close(self) -> None:
        """Close the files; a later call opens them again."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def _each_after(self, seq: int, limit: int) -> Iterator[Recorded]:
        for file in self._files_after(seq):
            rows = self._query(
                file,
                f"SELECT {_COLUMNS} FROM events WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
                (seq, limit),
            )
            yield from (_recorded(file.path, row) for row in rows)
            limit -= len(rows)
            if limit == 0:
                return

    def _tiles_in(self, file: _File) -> Iterator[TileRecord]:
        last = 0
        while rows := self._query(
            file,
            "SELECT row_id, frame, tile_row, tile_column, coil, from_m, from_mm, label, probability"
            " FROM tiles WHERE row_id > ? ORDER BY row_id LIMIT ?",
            (last, _TILES_AT_ONCE),
        ):
            yield from (TileRecord(*row[1:]) for row in rows)
            last = rows[-1][0]

    def _latest_in(
        self, file: _File, kinds: Sequence[str], limit: int, before: int
    ) -> list[Recorded]:
        newest = "seq < ? ORDER BY seq DESC LIMIT ?"
        if not kinds:
            return self._select(file, f"WHERE {newest}", (before, limit))
        # Kind by kind the index gives the newest at once; IN with ORDER BY would sort them all.
        each = [
            self._select(file, f"WHERE kind = ? AND {newest}", (kind, before, limit))
            for kind in dict.fromkeys(kinds)
        ]
        merged = sorted((r for part in each for r in part), key=lambda r: -r.event.seq)
        return merged[:limit]

    def _files_after(self, seq: int) -> list[_File]:
        """The files that can hold events after `seq`: from the last one that begins at or before
        it.
        """
        self._follow()
        first = max((i for i, f in enumerate(self._files) if f.base_seq <= seq), default=0)
        return self._files[first:]

    def _follow(self) -> None:
        known = {file.path: file for file in self._files}
        files: list[_File] = []
        self._newest = None
        for path in reversed(day.day_paths(self._directory)):
            inode = _inode(path)
            file = known.get(path)
            if file is None or file.inode != inode:
                file = self._look_at(path, inode)
            if file is not None:
                files.append(file)
                self._newest = self._newest or path
        self._files = files[::-1]
        for gone in self._open.keys() - {file.path for file in self._files}:
            self._open.pop(gone).close()

    def _look_at(self, path: Path, inode: int) -> _File | None:
        """A new file's range; None while it is being created."""
        if path in self._open:  # another log's, of the same day
            self._open.pop(path).close()
        try:
            connection = self._connection(path)
            if not day.is_complete(connection, path):
                return None
            with day.explained(path):
                base_seq = connection.execute("SELECT base_seq FROM state").fetchone()[0]
            return _File(path, inode, base_seq)
        except LedgerError:
            if path.exists():
                raise
            return None

    def _connection(self, path: Path) -> sqlite3.Connection:
        if path not in self._open:
            while len(self._open) >= _KEPT_OPEN:
                self._open.pop(next(iter(self._open))).close()
            over = self._newest is not None and path != self._newest
            self._open[path] = day.connect_reader(path, over=over)
        return self._open[path]

    def _select(self, file: _File, where: str, values: tuple[object, ...]) -> list[Recorded]:
        rows = self._query(file, f"SELECT {_COLUMNS} FROM events {where}", values)  # noqa: S608
        return [_recorded(file.path, row) for row in rows]

    def _query(self, file: _File, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            connection = self._connection(file.path)
            with day.explained(file.path):
                return connection.execute(sql, values).fetchall()
        except LedgerError:
            if file.path.exists():
                raise
            return []


def _inode(path: Path) -> int:
    """Tells a file from one that has taken its name; 0 where it has just gone."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _recorded(path: Path, row: tuple[Any, ...]) -> Recorded:
    seq, body, *stamps = row
    try:
        event = Event.model_validate_json(body, extra="ignore")
    except ValidationError as error:
        raise LedgerError(
            f"{path}: event {seq} is damaged; move the file away and keep it for examination"
        ) from error
    return Recorded(event, body, Stamp(*stamps[:2]), Stamp(*stamps[2:]))


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
