"""One line that says whether two event logs hold the same events."""

import hashlib
from pathlib import Path

from edge.ledger.reader import EventReader

_AT_ONCE = 500
"""Events that are read, or summed, in one call."""


class Digest:
    """SHA-256 over the bodies of events in the order of their `seq`, a newline behind each.

    The body is what receivers get, so nothing of it is left out. What the log holds beside it is:
    when the frame was grabbed and the event committed.
    """

    def __init__(self) -> None:
        self.first = 0
        self.last = 0
        self.events = 0
        self._sum = hashlib.sha256()
        self._waiting: list[bytes] = []

    def add(self, seq: int, body: bytes) -> None:
        """The next event."""
        self.first = self.first or seq
        self.last = seq
        self.events += 1
        self._waiting.append(body)
        if len(self._waiting) == _AT_ONCE:
            self._add_up()

    @property
    def sha256(self) -> str:
        """Of what was added so far, in hexadecimal."""
        self._add_up()
        return self._sum.hexdigest()

    def _add_up(self) -> None:
        self._sum.update(b"\n".join([*self._waiting, b""]))
        self._waiting.clear()

    def __str__(self) -> str:
        return f"events {self.first} to {self.last}, sha256 {self.sha256}"


def digest_of(directory: Path, after: int = 0, last: int | None = None) -> Digest:
    """The digest of a log's events that follow `after`, up to `last`.

    Raises:
        LedgerError: the log cannot be read.
    """
    reader, digest = EventReader(directory), Digest()
    while found := reader.after(max(after, digest.last), _AT_ONCE):
        for recorded in found:
            if last is not None and recorded.event.seq > last:
                return digest
            digest.add(recorded.event.seq, recorded.body)
    return digest
