"""What the mill has announced and no head has come for yet."""

from edge.mill.heard import Heard
from edge.mill.signals import CorrectionSignal, Described

REMEMBERED = 16
"""Announcements that a head may still name after newer ones."""


class Announced:
    """Owned by one thread. The newest is the next coil's."""

    def __init__(self) -> None:
        self.next_id: str | None = None
        """Of the coil whose head comes next."""
        self._said: dict[str, Heard] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._said

    def all(self) -> list[Heard]:
        """Those before the next coil's too; none where that one is not announced."""
        return [] if self.next_id is None else list(self._said.values())

    def add(self, name: str, heard: Heard) -> None:
        """A coil is announced; the newest is the next."""
        self._said.pop(name, None)
        self.next_id, self._said[name] = name, heard
        while len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]

    def take(self, name: str | None) -> list[Heard]:
        """The announcement of a coil that has come, which announces no other any more."""
        taken = None if name is None else self._said.pop(name, None)
        if taken is not None and name == self.next_id:
            self.next_id = None
        return [] if taken is None else [taken]

    def amend(self, signal: CorrectionSignal) -> bool:
        """Correct an announcement; whether there was one of that id."""
        before = None if signal.before is None else self._said.pop(signal.before, None)
        if before is None:
            return False
        described = signal.model_dump(include=set(Described.model_fields), exclude_none=True)
        changed = before.signal.model_copy(update={**described, "id": signal.id})
        self._said[signal.id] = before.model_copy(update={"signal": changed})
        if signal.before == self.next_id:
            self.next_id = signal.id
        return True
