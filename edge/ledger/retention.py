"""What the event log forgets: whole day files, and the oldest evidence beyond its quota.

Files are counted and not held against the date: a clock that is ahead for a moment removes none,
and a week without production costs none of the days before it. `keep_days` files are kept beside
the newest, whoever has received them; then a file goes, and the log says how many events nobody
received. Files go as a whole because SQLite can give nothing back from a full disk.
"""

import logging
import os
from pathlib import Path
from typing import NamedTuple

from edge.errors import LedgerError
from edge.ledger import day
from edge.ledger.evidence import FOLDER

_log = logging.getLogger(__name__)
_MB = 1_000_000


class Removed(NamedTuple):
    """What one round of retention took away."""

    files: int
    undelivered: int
    pictures: int


def retain(directory: Path, *, keep_days: int, max_evidence_mb: int, passed: int | None) -> Removed:
    """Remove what is too old or too much.

    Args:
        directory: Folder of the event log.
        keep_days: So many day files are kept beside the newest.
        max_evidence_mb: Pictures beyond this many megabytes go, oldest first.
        passed: The `seq` that every receiver has acknowledged; None where nobody receives.

    Raises:
        LedgerError: the folder cannot be read, or a file cannot be removed.
    """
    old = day.day_paths(directory)[: -keep_days - 1]
    undelivered = 0 if passed is None else sum(_events_after(path, passed) for path in old)
    if undelivered:
        _log.warning(
            "%s: %d events from before the last %d days are removed although a receiver never got"
            " them",
            directory, undelivered, keep_days,
        )  # fmt: skip
    with day.explained(directory):
        for path in old:
            for suffix in ("-wal", "-shm", ""):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        return Removed(len(old), undelivered, _trim(directory / FOLDER, max_evidence_mb * _MB))


def _events_after(path: Path, seq: int) -> int:
    try:
        with day.explained(path):
            file = day.connect_reader(path)
            try:
                row = file.execute("SELECT count(*) FROM events WHERE seq > ?", (seq,)).fetchone()
            finally:
                file.close()
    except LedgerError as error:
        _log.warning("%s; it is removed all the same, for its age", error)
        return 0
    return int(row[0])


def _trim(folder: Path, room_bytes: int) -> int:
    if not folder.is_dir():
        return 0
    stats = [(p, stat) for p in folder.iterdir() if (stat := _stat(p)) is not None]
    excess = sum(stat.st_size for _, stat in stats) - room_bytes
    removed = 0
    for path, stat in sorted(stats, key=lambda pair: pair[1].st_mtime_ns):
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= stat.st_size
        removed += 1
    return removed


def _stat(path: Path) -> os.stat_result | None:
    """None for a picture that has just got its final name: it is written while this looks."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
