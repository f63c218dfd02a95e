"""What the mill has said that still holds: told once more to an inspecting process that is new."""

from collections import deque

from edge.mill.announced import Announced
from edge.mill.heard import Heard
from edge.mill.signals import CoilSignal, CorrectionSignal, HeadSignal, Signal, TailSignal

BOUNCE_S = 0.5
"""A head without an id so soon after another is that one again."""


class Holds:
    """The newest head with what names its coil, the announcements since, the newest corrections.

    A correction of the coil that runs is held with the name that it had, until the next head: by
    then another one may run.

    Args:
        late_id_s: An announcement that comes so soon after a head without an id names its coil.
    """

    def __init__(self, late_id_s: float) -> None:
        self._late_id_s = late_id_s
        self._began: list[Heard] = []
        self._named: deque[Heard] = deque(maxlen=4)
        self._name: str | None = None
        self._is_between = False
        self._announced = Announced()
        self._corrections: deque[Heard] = deque(maxlen=16)

    def all(self) -> list[Heard]:
        """As it was said, in order; of coils to come last, since the newest head used up none."""
        held = [*self._corrections, *self._began, *self._named]
        held.sort(key=lambda heard: heard.stamp.monotonic_ns)
        return [*held, *self._announced.all()]

    def hear(self, heard: Heard) -> None:
        """The mill has said this."""
        match heard.signal:
            case CoilSignal() as signal:
                self._coil(heard, signal)
            case HeadSignal(id=name) if name is not None or not heard.retained:
                self._head(heard, name)
            case TailSignal():
                self._begin([], None)
                self._is_between = True
            case CorrectionSignal() as signal:
                self._correct(heard, signal)
            case _:
                pass

    def _coil(self, heard: Heard, signal: CoilSignal) -> None:
        is_next = signal.place == "next" and not heard.retained
        is_late = signal.place is None and self._name is None
        is_late = is_late and self._age_s(heard) <= self._late_id_s
        if signal.place == "running" or is_late or (not is_next and self._runs(signal.id)):
            taken = self._announced.take(signal.id)
            if not self._is_between:
                self._named.extend([*taken, heard])
                self._name = signal.id
        else:
            self._announced.add(signal.id, heard)

    def _runs(self, name: str | None) -> bool:
        """Whether the coil of the newest head is that one, and it is not announced once more."""
        return name is not None and name == self._name and name not in self._announced

    def _head(self, heard: Heard, name: str | None) -> None:
        if self._runs(name):
            self._named.append(heard)
        elif name is not None or self._age_s(heard) > BOUNCE_S:
            name = name or self._announced.next_id
            self._begin([*self._announced.take(name), heard], name)

    def _begin(self, began: list[Heard], name: str | None) -> None:
        self._began, self._name, self._is_between = began, name, False
        self._named.clear()

    def _correct(self, heard: Heard, signal: CorrectionSignal) -> None:
        if self._announced.amend(signal):
            return
        if signal.before is not None:
            self._corrections.append(heard)
        else:
            self._correct_running(heard, signal)
        if signal.before in {None, self._name}:
            self._announced.take(signal.id)
            self._name = signal.id

    def _correct_running(self, heard: Heard, signal: CorrectionSignal) -> None:
        told = signal.model_dump(exclude={"signal", "before"}, exclude_none=True)
        before = self._named[-1].signal if self._named else None
        held: Signal
        if isinstance(before, CorrectionSignal):
            held = before.model_copy(update=told)
            self._named.pop()
        elif self._name is not None:
            held = signal.model_copy(update={"before": self._name})
        elif not self._is_between:
            held = CoilSignal(place="running", **told)
        else:
            return
        self._named.append(heard.model_copy(update={"signal": held}))

    def _age_s(self, heard: Heard) -> float:
        """Of the newest head."""
        if not self._began:
            return float("inf")
        return (heard.stamp.monotonic_ns - self._began[-1].stamp.monotonic_ns) / 1e9
