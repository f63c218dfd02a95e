"""How far each receiver has acknowledged: one row per receiver, synced, in `cursors.sqlite`.

The file lies beside the event log and belongs to the courier alone; a second courier on the same
log is refused by its lock.
"""

import threading
from collections.abc import Iterable
from pathlib import Path

from edge.errors import LedgerError
from edge.ledger.day import connect_writer, explained

NAME = "cursors.sqlite"
SCHEMA_VERSION = 1


class Cursors:
    """The cursors of one event log. Any thread may use it.

    Raises:
        LedgerError: the file cannot be used, is of another version, or another courier has it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._lock = threading.Lock()
        self._file = connect_writer(self._path, busy_s=0.5, alone=True)
        try:
            self._prepare()
        except LedgerError:
            self._file.close()
            raise

    def load(self, receiver: str) -> int:
        """The last `seq` that the receiver has acknowledged; 0 for a new one."""
        with self._lock, explained(self._path):
            row = self._file.execute(
                "SELECT seq FROM cursors WHERE receiver = ?", (receiver,)
            ).fetchone()
        return 0 if row is None else int(row[0])

    def save(self, receiver: str, seq: int) -> None:
        """Record it; on disk when this returns."""
        with self._lock, explained(self._path):
            self._file.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (receiver, seq))

    def lowest(self, receivers: Iterable[str]) -> int | None:
        """What every one of them has acknowledged; None when there are none."""
        return min((self.load(receiver) for receiver in receivers), default=None)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _prepare(self) -> None:
        with explained(self._path):
            self._file.execute("BEGIN IMMEDIATE")
            version = self._file.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._file.execute(
                    "CREATE TABLE cursors (receiver TEXT PRIMARY KEY, seq INTEGER NOT NULL)"
                )
                self._file.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            self._file.execute("COMMIT")
        if version not in {0, SCHEMA_VERSION}:
            raise LedgerError(
                f"{self._path}: its schema version is {version}, this program knows"
                f" {SCHEMA_VERSION}; use the program's version that wrote it"
            )
