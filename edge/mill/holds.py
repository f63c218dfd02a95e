"""What the mill has said that still holds: told once more to an inspecting process that is new."""

from collections import deque

from edge.mill.heard import Heard
from edge.mill.signals import CoilSignal, CorrectionSignal, HeadSignal, TailSignal


class Holds:
    """The newest head with what names its coil, the announcement since, the newest corrections.

    A correction of the coil that runs is left out: by then another one may.
    """

    def __init__(self) -> None:
        self._began: list[Heard] = []
        self._named: list[Heard] = []
        self._is_between = False
        self._next: Heard | None = None
        self._next_id: str | None = None
        self._corrections: deque[Heard] = deque(maxlen=16)

    def all(self) -> list[Heard]:
        """As it was said, in order."""
        ahead = [] if self._next is None else [self._next]
        held = [*self._corrections, *self._began, *self._named, *ahead]
        return sorted(held, key=lambda heard: heard.stamp.monotonic_ns)

    def hear(self, heard: Heard) -> None:
        """The mill has said this."""
        match heard.signal:
            case CoilSignal(id=name, place=place):
                self._coil(heard, name, place)
            case HeadSignal(id=name) if name is not None or not heard.retained:
                self._head(heard, name)
            case TailSignal():
                self._began, self._named, self._is_between = [], [], True
            case CorrectionSignal(before=before) if before is not None:
                self._corrections.append(heard)
            case _:
                pass

    def _coil(self, heard: Heard, name: str, place: str | None) -> None:
        is_late = place is None and self._is_nameless
        if is_late or place == "running":
            self._named = [] if self._is_between else [heard]
            self._next = None if name == self._next_id else self._next
        else:
            self._next, self._next_id = heard, name

    @property
    def _is_nameless(self) -> bool:
        """Whether the newest head has no id and no announcement came before it."""
        signal = self._began[0].signal if self._began else None
        return isinstance(signal, HeadSignal) and signal.id is None and not self._named

    def _head(self, heard: Heard, name: str | None) -> None:
        self._began, self._named, self._is_between = [heard], [], False
        if self._next is not None and name in {None, self._next_id}:
            self._began, self._next = [self._next, heard], None
