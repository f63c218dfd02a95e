"""A bounded queue between two threads whose every loss has a place and a reason.

`DROP_OLDEST` keeps the newest items: `note` adds what it drops to a list of small records, which
come out with the next `get`, in order, so that the reader can account for them. A `note` that joins
a record to the one before keeps the list short, however long the reader is away.
`BLOCK` makes the writer wait.
"""

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
D = TypeVar("D")


class WhenFull(Enum):
    """What `put` does when there is no room."""

    DROP_OLDEST = "drop_oldest"
    BLOCK = "block"


class ClosedError(Exception):
    """The buffer was closed, and for a reader: emptied."""


class Taken(NamedTuple, Generic[T, D]):
    """An item, and the records of those that were dropped before it."""

    item: T
    dropped: tuple[D, ...]


class BoundedBuffer(Generic[T, D]):
    """One writer, one reader, `capacity` items at most."""

    def __init__(
        self, capacity: int, when_full: WhenFull, note: Callable[[list[D], T], None]
    ) -> None:
        self.capacity = capacity
        self._when_full = when_full
        self._note = note
        self._items: deque[T] = deque()
        self._dropped: list[D] = []
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> int:
        """Add an item; returns how many were dropped for it (0 or 1).

        Raises:
            ClosedError: the reader is gone.
        """
        with self._changed:
            if self._when_full is WhenFull.BLOCK:
                self._changed.wait_for(lambda: self._closed or len(self._items) < self.capacity)
            if self._closed:
                raise ClosedError
            drops = 0
            if len(self._items) >= self.capacity:
                self._note(self._dropped, self._items.popleft())
                drops = 1
            self._items.append(item)
            self._changed.notify_all()
            return drops

    def wait_for_room(self, timeout_s: float) -> bool:
        """Whether `put` would not have to wait; True as well once it is closed."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closed or len(self._items) < self.capacity, timeout_s
            )

    def get(self, timeout_s: float | None = None) -> Taken[T, D] | None:
        """The oldest item with what was dropped before it; None when the time is up.

        Raises:
            ClosedError: closed, and nothing is left.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._items), timeout_s)
            if not self._items:
                if self._closed:
                    raise ClosedError
                return None
            taken = Taken(self._items.popleft(), tuple(self._dropped))
            self._dropped.clear()
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """No more items; the reader still gets what is in it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)
