"""One day's file of the event log: its name, its tables, how it is opened, what its errors mean.

    events-2026-11-23.sqlite     SQLite 3 in WAL mode; `user_version` is the schema's version

`state` has one row. Its `base_seq` is the last `seq` before this file: it never changes, so a
reader knows each file's range without looking at its events. The rest of `state` and the table
`unfinished` (the newest event of every open defect and coil) are carried over into the next day's
file, so that a restart needs to read the newest file only.

Everything is created in one transaction together with `user_version`: a file of version 0 holds
nothing and was being created when the daemon died.
"""

import contextlib
import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from edge.errors import LedgerError, LedgerFullError

SCHEMA_VERSION = 1
_NAME = re.compile(r"events-(\d{4}-\d{2}-\d{2})\.sqlite")
_BUSY_S = 5.0

_TABLES = """
CREATE TABLE state (
  row INTEGER PRIMARY KEY CHECK (row = 1),
  source TEXT NOT NULL,
  base_seq INTEGER NOT NULL,
  clean INTEGER NOT NULL,
  last_coil TEXT,
  watermark BLOB
);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  coil TEXT,
  grabbed_monotonic_ns INTEGER NOT NULL,
  grabbed_utc_ns INTEGER NOT NULL,
  committed_monotonic_ns INTEGER NOT NULL,
  committed_utc_ns INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX events_by_kind ON events (kind, seq);
CREATE INDEX events_by_coil ON events (coil, seq);
CREATE TABLE unfinished (key TEXT PRIMARY KEY, seq INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE tiles (
  row_id INTEGER PRIMARY KEY,
  frame INTEGER NOT NULL, tile_row INTEGER NOT NULL, tile_column INTEGER NOT NULL,
  coil TEXT NOT NULL, from_m REAL NOT NULL, from_mm REAL NOT NULL,
  label TEXT NOT NULL, probability REAL NOT NULL
);
"""


class Carry(NamedTuple):
    """What a new day's file takes over from the one before."""

    source: str
    base_seq: int
    last_coil: str | None = None
    watermark: bytes | None = None
    """As JSON."""
    unfinished: tuple[tuple[str, int, bytes], ...] = ()


def day_path(directory: Path, day: date) -> Path:
    """The file of a UTC day."""
    return directory / f"events-{day.isoformat()}.sqlite"


def day_of(path: Path) -> date:
    """The day in a file's name, as `day_paths` lists them."""
    return date.fromisoformat(path.name[7:17])


def day_paths(directory: Path) -> list[Path]:
    """The files of an event log, oldest first.

    Raises:
        LedgerError: the folder cannot be read.
    """
    try:
        return sorted(p for p in directory.iterdir() if _is_day(p.name))
    except OSError as error:
        raise LedgerError(
            f"{directory}: no event log there ({error.strerror}); check ledger.path,"
            " and that the daemon has run"
        ) from error


def _is_day(name: str) -> bool:
    match = _NAME.fullmatch(name)
    if match is None:
        return False
    try:
        date.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def connect_writer(
    path: Path, busy_s: float = _BUSY_S, *, alone: bool = False
) -> sqlite3.Connection:
    """Open for writing, created when missing; every COMMIT is on disk when it returns. `alone`
    keeps every other process out; it then needs no shared index, for which a full disk has no room.

    `synchronous=FULL` in WAL mode makes SQLite call fdatasync on the write-ahead log in each
    COMMIT; with NORMAL, its usual companion, a power failure loses the last commits.

    Raises:
        LedgerError: it cannot be opened or is no SQLite file.
    """
    with explained(path):
        connection = sqlite3.connect(
            path, timeout=busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            if alone:  # before the first access, or SQLite makes the shared index nevertheless
                connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def connect_reader(path: Path, *, over: bool = False) -> sqlite3.Connection:
    """Open read-only: this connection cannot change the log, and all that it shows is on disk.

    The writer shows nothing before it is synced. But where it was killed in between, the next to
    open the file takes what it finds in the kernel's memory for committed (ADR 20).

    A file whose day is `over`, so that nobody writes it any more, needs neither locks nor a shared
    index, where nothing is left in its write-ahead log, and is opened in half the time.

    Raises:
        LedgerError: it cannot be opened.
    """
    log = path.with_name(path.name + "-wal")
    settled = over and _size(log) == 0
    with explained(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if settled else ''}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if not settled:
                connection.execute("PRAGMA user_version")  # the first access recovers
                _sync(log)
        except (sqlite3.Error, OSError):
            connection.close()
            raise
        return connection


def _size(path: Path) -> int:
    """Of a write-ahead log; 0 where there is none. Readers leave an empty one behind."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)


def is_complete(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file has its tables; False for one whose creation was cut short.

    Raises:
        LedgerError: damaged, or of another schema version.
    """
    with explained(path):
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version not in {0, SCHEMA_VERSION}:
        raise LedgerError(
            f"{path}: its schema version is {version}, this program knows {SCHEMA_VERSION};"
            " move the event log away or use the program's version that wrote it"
        )
    return version == SCHEMA_VERSION


def create(connection: sqlite3.Connection, carry: Carry) -> None:
    """Make the tables and take over the state, all or nothing."""
    with transaction(connection):
        for statement in _TABLES.split(";")[:-1]:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO state VALUES (1, ?, ?, 0, ?, ?)",
            (carry.source, carry.base_seq, carry.last_coil, carry.watermark),
        )
        connection.executemany("INSERT INTO unfinished VALUES (?, ?, ?)", carry.unfinished)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def read_carry(connection: sqlite3.Connection) -> Carry:
    """What the next file would take over: the state after this file's newest event."""
    row = connection.execute("SELECT source, base_seq, last_coil, watermark FROM state").fetchone()
    newest = connection.execute("SELECT max(seq) FROM events").fetchone()[0]
    unfinished = connection.execute("SELECT key, seq, body FROM unfinished ORDER BY seq")
    return Carry(
        source=row[0],
        base_seq=row[1] if newest is None else newest,
        last_coil=row[2],
        watermark=row[3],
        unfinished=tuple(unfinished.fetchall()),
    )


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN, then COMMIT; rolled back when anything is raised."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into errors that name the file and the cure.

    Raises:
        LedgerFullError: no room.
        LedgerError: anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
            raise LedgerFullError(f"{path}: no room on its disk; {_ROOM}") from error
        cure = _CURES.get(code, "check the disk and the file")
        raise LedgerError(f"{path}: {error}; {cure}") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise LedgerFullError(f"{path}: no room on its disk; {_ROOM}") from error
        raise LedgerError(
            f"{path}: {error.strerror}; check ledger.path and its permissions"
        ) from error


def _is_full(path: Path) -> bool:
    """Whether there is no room for a shared index (32 kB); of that SQLite says "disk I/O error"."""
    try:
        disk = os.statvfs(path if path.is_dir() else path.parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _INDEX_BYTES


_INDEX_BYTES = 64 << 10
_ROOM = "free some, or lower ledger.keep_days and ledger.max_evidence_mb"
_CURES = {
    sqlite3.SQLITE_READONLY: "make the folder of ledger.path writable for this user",
    sqlite3.SQLITE_CANTOPEN: "check that the folder of ledger.path exists and its permissions",
    sqlite3.SQLITE_PERM: "check the permissions of ledger.path",
    sqlite3.SQLITE_BUSY: "another program holds it; close that program",
    sqlite3.SQLITE_LOCKED: "another program holds it; close that program",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: move it away and keep it for examination",
    sqlite3.SQLITE_NOTADB: "the file is damaged: move it away and keep it for examination",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check it",
}
