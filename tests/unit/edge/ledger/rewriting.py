"""A ledger as another version of the program would have written it."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

_BODY = "CAST(json_patch(CAST({0} AS TEXT), ?) AS BLOB)"


def rewrite(ledger: Path, kind: str, coil: str, change: Mapping[str, object]) -> list[int]:
    """Merge a change into a coil's events of a kind, also into those of what is unfinished; the
    numbers of the events.
    """
    which = "SELECT seq FROM events WHERE kind = ? AND coil = ? ORDER BY seq"
    with closing(_file_of(ledger)) as file, file:
        seqs = [seq for (seq,) in file.execute(which, (kind, coil))]
        for table in ("events", "unfinished"):
            file.execute(
                f"UPDATE {table} SET body = {_BODY.format('body')} WHERE seq IN ({which})",  # noqa: S608
                (json.dumps(change), kind, coil),
            )
    return seqs


def rewrite_mark(ledger: Path, change: Mapping[str, object]) -> None:
    """Merge a change into the watermark."""
    statement = f"UPDATE state SET watermark = {_BODY.format('watermark')}"  # noqa: S608
    with closing(_file_of(ledger)) as file, file:
        file.execute(statement, (json.dumps(change),))


def _file_of(ledger: Path) -> sqlite3.Connection:
    (path,) = ledger.glob("events-*.sqlite")
    return sqlite3.connect(path)
