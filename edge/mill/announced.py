"""What the mill has announced and no head has come for yet."""

from edge.mill.doubts import Doubts
from edge.mill.signals import CoilSignal, CorrectionSignal, Described

REMEMBERED = 16
"""Announcements that a head may still name after newer ones."""


class Announced:
    """Owned by the thread that hears the mill. The newest is the next coil's."""

    def __init__(self, doubts: Doubts) -> None:
        self._doubts = doubts
        self.next_id: str | None = None
        """Of the coil whose head comes next."""
        self._said: dict[str, CoilSignal] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._said

    def add(self, signal: CoilSignal) -> None:
        """A coil is announced; the newest is the next."""
        before = self.next_id
        if before is not None and before != signal.id:
            text = f"coil {before!r} was announced, then {signal.id!r} before its head"
            self._doubts.say("replaced", text)
        self.next_id, self._said[signal.id] = signal.id, signal
        while len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]

    def take(self, name: str | None) -> CoilSignal | None:
        """The announcement of a coil that has come, which announces no other any more."""
        taken = None if name is None else self._said.pop(name, None)
        if taken is not None and name == self.next_id:
            self.next_id = None
        return taken

    def amend(self, signal: CorrectionSignal) -> bool:
        """Correct an announcement; whether there was one of that id."""
        before = None if signal.before is None else self._said.pop(signal.before, None)
        if before is None:
            return False
        described = signal.model_dump(include=set(Described.model_fields), exclude_none=True)
        self._said[signal.id] = before.model_copy(update={**described, "id": signal.id})
        if before.id == self.next_id:
            self.next_id = signal.id
        return True
