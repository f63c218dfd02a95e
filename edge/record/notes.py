"""What the inspector is told from outside: noted while it happens, told again in a replay.

Frames apart, an inspector asks four things: the time, which coil lies where, what was wrong with
that, and whether another bundle takes over. Given the same answers it says the same, since all else
is arithmetic.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.clock import Clock, Stamp
from edge.lifecycle.model import Model
from edge.lifecycle.slot import ModelSlot, Swap
from edge.ports import CoilSource
from edge.record.records import BundleAt, Coils, Takeover, Told
from edge.types import Coil, Correction


def bundle_at(model: Model) -> BundleAt:
    """How a recording names a model's bundle."""
    return BundleAt(model.bundle.digest, model.bundle.path)


@dataclass
class Notes:
    """The answers since `take` was last called. Owned by the inspecting thread."""

    times: list[Stamp] = field(default_factory=list)
    coils: list[Coils] = field(default_factory=list)
    takeovers: list[Takeover | None] = field(default_factory=list)
    corrections: list[tuple[Correction, ...]] = field(default_factory=list)

    def take(self) -> Told:
        """The answers so far; the next ones are noted anew."""
        told = Told(
            tuple(self.times), tuple(self.coils), tuple(self.takeovers), tuple(self.corrections)
        )
        self.times, self.coils, self.takeovers, self.corrections = [], [], [], []
        return told


class NotedClock:
    """A clock whose readings are noted."""

    def __init__(self, clock: Clock, notes: Notes) -> None:
        self._clock = clock
        self._notes = notes

    def now(self) -> Stamp:
        """This moment."""
        now = self._clock.now()
        self._notes.times.append(now)
        return now

    def sleep_until(self, monotonic_ns: int) -> None:
        """As the clock does."""
        self._clock.sleep_until(monotonic_ns)


class NotedCoils:
    """A source of coils whose answers are noted."""

    def __init__(self, coils: CoilSource, notes: Notes) -> None:
        self._coils = coils
        self._notes = notes

    def coils(self, first_m: float, end_m: float) -> Sequence[Coil]:
        """As the source says."""
        coils = tuple(self._coils.coils(first_m, end_m))
        self._notes.coils.append(Coils(first_m, end_m, coils))
        return coils

    def corrections(self) -> Sequence[Correction]:
        """As the source says; nothing is noted where it says nothing."""
        corrections = tuple(self._coils.corrections())
        if corrections:
            self._notes.corrections.append(corrections)
        return corrections


class NotedSlot(ModelSlot):
    """A slot whose changes are noted."""

    def __init__(self, active: Model, notes: Notes) -> None:
        super().__init__(active)
        self._notes = notes

    def take(self, *, new_coil: bool) -> Swap | None:
        """As the slot does."""
        swap = super().take(new_coil=new_coil)
        self._notes.takeovers.append(swap and Takeover(bundle_at(swap.after), swap.when))
        return swap


class Retold:
    """The clock and the coils of a replay: they answer as they did in the live run.

    A question too many (the first frame after a hole, or another version of the program) gets the
    answer before it: whether it mattered is seen by the events.
    """

    def __init__(self) -> None:
        self._told = Told((), (), ())
        self._asked = 0
        self._last = Stamp(0, 0)

    def tell(self, told: Told, otherwise: Stamp) -> None:
        """The answers from now on; `otherwise` is the time where the live run did not ask."""
        self._told, self._asked, self._last = told, 0, otherwise

    def now(self) -> Stamp:
        """The moment that it was then."""
        if self._asked < len(self._told.times):
            self._last = self._told.times[self._asked]
            self._asked += 1
        return self._last

    def sleep_until(self, monotonic_ns: int) -> None:
        """A replay waits for nothing."""

    def coils(self, first_m: float, end_m: float) -> Sequence[Coil]:
        """The answer to this very question, or all that was said of that stretch."""
        for answer in self._told.coils:
            if (answer.first_m, answer.end_m) == (first_m, end_m):
                return answer.coils
        named = {coil.id: coil for answer in self._told.coils for coil in answer.coils}
        return tuple(
            coil
            for coil in named.values()
            if coil.head_m < end_m and (coil.tail_m is None or coil.tail_m > first_m)
        )

    def corrections(self) -> Sequence[Correction]:
        """What was corrected then; nobody asks twice a frame."""
        return [correction for told in self._told.corrections for correction in told]


class RetoldSlot(ModelSlot):
    """The bundles of a replay: they take over where they did in the live run."""

    def __init__(self, active: Model, load: Callable[[BundleAt], Model]) -> None:
        super().__init__(active)
        self._load = load
        self._told: list[Takeover | None] = []

    def tell(self, told: Told) -> None:
        """The answers from now on."""
        self._told = list(told.takeovers)

    def take(self, *, new_coil: bool) -> Swap | None:
        """The change that happened here, if one did."""
        del new_coil
        takeover = self._told.pop(0) if self._told else None
        if takeover is None:
            return None
        before, self.active = self.active, self._load(takeover.bundle)
        return Swap(before, self.active, takeover.when)
