"""The mill's messages become coils on the strip.

A coil begins where its head passes the reference and is seen `mounting.offset_m` later. One without
an id is `provisional` under a subject of ours until the mill names it; strip behind a tail is a
provisional coil `between~...`. Nothing stops for want of a message: the newest coil goes on.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from contract.bodies import CoilData
from edge.clock import Clock, Stamp
from edge.config import Config, Mill, SpeedSignalPosition
from edge.metrics import InspectMetrics
from edge.mill.announced import Announced
from edge.mill.counted_speed import CountedSpeed
from edge.mill.doubts import Doubts
from edge.mill.heard import Heard
from edge.mill.moments import Moments
from edge.mill.odometer import Odometer
from edge.mill.past import Past
from edge.mill.repeats import Repeats
from edge.mill.row import BOUNCE_NS, CoilRow, Mark, Passing
from edge.mill.signals import (
    CoilSignal,
    CorrectionSignal,
    Described,
    HeadSignal,
    PositionSignal,
    SpeedSignal,
    TailSignal,
)
from edge.mill.subjects import Subjects
from edge.types import Coil, Correction

MOST_AHEAD = 32
"""Heads that were told and that no frame has come to."""
RENAMED = 64
"""Corrections told again that are remembered; the courier tells at most 16."""
START_S = 60.0
"""A retained head that is heard so soon after the start is that of the coil that runs."""


class MillCoils:
    """A `CoilSource`. `hear` belongs to one thread, `coils` and `corrections` to another.

    Args:
        config: the whole of it; `mill` is set.
        start_m: where inspection begins on the line's count.
        past: what the event log knows.
        odometer: where the strip was when; told by the source's thread.
        tell_speed: takes m/s and the moment on the monotonic clock.
        metrics: the inspecting process's.
        clock: for the subjects of coils without an id.
    """

    def __init__(
        self,
        config: Config,
        start_m: float,
        past: Past,
        odometer: Odometer,
        tell_speed: Callable[[float, int], None],
        metrics: InspectMetrics,
        clock: Clock,
    ) -> None:
        self._mill: Mill = config.mill if config.mill is not None else Mill.model_construct()
        self._width_mm = config.coils.width_mm
        self._data = CoilData(side=config.mounting.side)
        self._past = past
        self._tell_speed = tell_speed
        place = config.position
        by_count = isinstance(place, SpeedSignalPosition) and place.signal == "position"
        self._count = CountedSpeed(tell_speed) if by_count else None
        self._clock = clock
        self._subjects = Subjects(past.began)
        self._doubts = Doubts(metrics, clock)
        self._moments = Moments(self._mill, self._doubts)
        first = self._make(None, (), clock.now())
        first.coil = first.known = replace(first.coil, head_m=start_m, head_seen=False)
        self._row = CoilRow(first, odometer, self._mill.bounce_m, self._doubts)
        self._announced = Announced()
        self._repeats = Repeats()
        # No head was heard since the start, or its id is known: no announcement can be its late id.
        self._headless = True
        self._corrections: list[Correction] = []
        self._told_ns = 0
        self._renamed: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def coils(self, first_m: float, end_m: float) -> Sequence[Coil]:
        """The coils of a stretch."""
        with self._lock:
            return self._row.answer(first_m, end_m)

    def corrections(self) -> Sequence[Correction]:
        """What the mill has said otherwise of coils that were answered."""
        with self._lock:
            taken, self._corrections = self._corrections, []
        return taken

    def hear(self, heard: Heard) -> None:
        """Take a message. The ledger is asked before the lock is held."""
        signal = heard.signal
        of_before: Passing | None = None
        if isinstance(signal, CoilSignal | HeadSignal | CorrectionSignal) and signal.id:
            self._subjects.learn(signal.id)
        if isinstance(signal, CorrectionSignal) and signal.before:
            of_before = self._past.find(_meant(heard, signal), now=heard.retained)
        with self._lock:
            match signal:
                case CoilSignal() | HeadSignal() if self._repeats.told(
                    heard.source, signal, retained=heard.retained
                ):
                    self._doubts.say("repeated", f"a {signal.signal} that was told before")
                case CoilSignal():
                    self._coil(heard, signal)
                case HeadSignal():
                    self._pass_head(heard, signal)
                    self._headless = False
                case TailSignal():
                    self._pass_tail(heard, signal)
                case CorrectionSignal():
                    self._amend(heard, signal, of_before)
                case SpeedSignal() if not heard.retained:
                    self._spoke(heard, signal)
                case PositionSignal() if not heard.retained:
                    self._counted(heard, signal)
                case _:
                    pass

    def _spoke(self, heard: Heard, signal: SpeedSignal) -> None:
        self._moments.spoke(heard, signal)
        if self._count is None:
            self._tell_speed(signal.m_per_s, heard.stamp.monotonic_ns)

    def _counted(self, heard: Heard, signal: PositionSignal) -> None:
        at_ns = self._moments.counted(heard, signal)
        if self._count is not None:
            self._count.counted(signal.position_m, at_ns)

    def _coil(self, heard: Heard, signal: CoilSignal) -> None:
        """An announcement: of the running coil where it says so or comes late, else of the next."""
        is_next = signal.place == "next" and not heard.retained
        if signal.place == "running":
            running = self._row.running
            is_meant = running.name in {None, signal.id}
            self._name(running if is_meant else self._row.newest, signal.id, heard)
        elif not is_next and (self._runs(signal.id) or self._names_late(heard, signal)):
            self._name(self._row.newest, signal.id, heard)
        elif heard.retained and (signal.id == self._last_name or self._is_late(heard, signal)):
            self._doubts.say("repeated", f"coil {signal.id!r} was announced before")
            self._headless = True  # that head has its id: the next one is of another coil
        else:
            self._announce(heard, signal.id)

    def _announce(self, heard: Heard, name: str) -> None:
        before = self._announced.next_id
        if before not in {None, name}:
            text = f"coil {before!r} was announced, then {name!r} before its head"
            self._doubts.say("replaced", text)
        self._announced.add(name, heard)

    def _runs(self, name: str | None) -> bool:
        """Whether the newest coil is that one, and it is not announced a second time."""
        return name is not None and name == self._row.newest.name and name not in self._announced

    def _names_late(self, heard: Heard, signal: CoilSignal) -> bool:
        """Whether the coil whose head has just passed without an id is this one. Of the coil that
        was there at the start only what the ledger knew as well is believed.
        """
        newest = self._row.newest
        if newest.raw_m is None and heard.retained and self._past.last_name is not None:
            is_known = signal.id == self._past.last_name
            return newest.name is None and not newest.between and is_known
        return self._is_late(heard, signal)

    def _is_late(self, heard: Heard, signal: CoilSignal) -> bool:
        """Whether it comes soon after a head without an id."""
        newest = self._row.newest
        is_headless = newest.raw_m is None and self._headless
        is_nameless = newest.name is None and not newest.between and not is_headless
        is_soon = 0 <= self._age_s(newest, heard) <= self._mill.late_id_s
        return signal.place is None and is_nameless and is_soon

    def _pass_head(self, heard: Heard, signal: HeadSignal) -> None:
        newest = self._row.newest
        is_start = self._headless and newest.raw_m is None and heard.retained
        if is_start and self._age_s(newest, heard) <= START_S:
            self._know_head(newest, heard, signal)
        elif signal.id is not None and self._runs(signal.id):
            self._doubts.say("repeated", f"the head of {signal.id!r}, which runs")
            self._name(newest, signal.id, heard)
        else:
            self._try_head(heard, signal, self._moments.mark(heard, signal))

    def _know_head(self, running: Passing, heard: Heard, signal: HeadSignal) -> None:
        """The head of the coil that ran when this process began: it is long past."""
        name = signal.id
        if heard.stamp.monotonic_ns < running.told_ns:
            # The courier tells again, in order: what was announced then is announced no more.
            running.told_ns = heard.stamp.monotonic_ns
            name = name or self._announced.next_id
        if name is not None:
            self._name(running, name, heard)

    def _try_head(self, heard: Heard, signal: HeadSignal, mark: Mark) -> None:
        """Begin a coil, unless its head is one that is known."""
        if self._precedes(mark):
            self._doubts.say("out_of_order", "a head before that of a coil that was seen already")
            return
        same = self._at(mark)
        if same is None or same.between:
            if same is not None:
                self._row.drop(same)
            self._begin(heard, signal.id, mark)
        elif signal.id is not None:
            self._name(same, signal.id, heard)
        else:
            self._doubts.say("bounced", f"a head within {self._mill.bounce_m:g} m of another")

    def _begin(self, heard: Heard, name: str | None, mark: Mark) -> None:
        if self._is_full(mark):
            return
        name = name or self._announced.next_id
        said = [*self._announced.take(name), heard]
        self._put(self._make(name, said, heard.stamp), mark)

    def _pass_tail(self, heard: Heard, signal: TailSignal) -> None:
        mark = self._moments.mark(heard, signal)
        same = self._at(mark)
        if self._precedes(mark):
            self._doubts.say("out_of_order", "a tail before the head of a coil that was seen")
        elif same is not None and not same.between:
            self._doubts.say("bounced", "a tail at a head: that of the coil before")
        elif same is not None or self._row.around(mark)[0].between:
            self._doubts.say("no_coil", "a tail where no coil runs")
        elif not self._is_full(mark):
            between = self._make(None, (), heard.stamp, word="between")
            between.between = True
            self._put(between, mark)

    def _is_full(self, mark: Mark) -> bool:
        """Whether there is no room for another head."""
        if self._row.ahead < MOST_AHEAD:
            return False
        self._doubts.say("too_many", f"{MOST_AHEAD} heads lie ahead of the camera already")
        return not self._row.make_room(mark)

    def _put(self, passing: Passing, mark: Mark) -> None:
        self._row.begin(passing, mark)
        if late_m := passing.coil.late_m:
            text = f"{passing.coil.id}: {late_m:.2f} m of it went by as the coil before"
            self._doubts.say("late", text)

    def _amend(self, heard: Heard, signal: CorrectionSignal, of_before: Passing | None) -> None:
        before = signal.before
        if before is not None and self._announced.amend(signal):
            return
        found = self._row.running
        if before is not None:
            target = self._row.find(_meant(heard, signal), now=heard.retained) or of_before
            if target is None:
                text = f"a correction of {before!r}, which nobody knows"
                self._doubts.say("unknown_coil", text)
                return
            found = target
        if heard.retained and self._is_past(found, heard, signal):
            self._doubts.say("repeated", f"a correction of {before!r} from before its newest news")
            return
        if found is self._row.running or found is self._row.newest:
            self._announced.take(signal.id)
        self._correct(found, signal.id, [heard], heard)

    def _is_past(self, found: Passing, heard: Heard, signal: CorrectionSignal) -> bool:
        """Whether a correction that is told again was taken before, or is of a coil that is not
        there: this one had been given another id by then, or is a part of one that had.
        """
        before = signal.before or ""
        renamed = self._renamed.get(before)
        self._renamed[before] = heard.stamp.utc()
        while len(self._renamed) > RENAMED:
            del self._renamed[next(iter(self._renamed))]
        is_other = found.name not in {before, signal.id} and "~" not in before
        is_part = renamed is not None and found.changed < renamed
        return is_other or is_part or found.changed >= heard.stamp.utc()

    def _name(self, passing: Passing, name: str, heard: Heard) -> None:
        """A coil that has begun is that one: it is announced no more, and its data are known."""
        self._correct(passing, name, [*self._announced.take(name), heard], heard)

    def _correct(self, passing: Passing, name: str, said: Sequence[Heard], heard: Heard) -> None:
        """Name a coil, or change its data; what was answered of it is told by a correction."""
        known, subject = passing.known, passing.coil.id
        if not passing.answered and name != passing.name:
            subject = self._subjects.of(name)
        data, width_mm = _described(known.data, known.width_mm, said)
        now = replace(
            known,
            id=subject,
            width_mm=width_mm,
            provisional=False,
            data=data,
            named=None if name == subject else name,
        )
        if now != known and passing.answered:
            # Their event's id is made of its time, and no two have the same.
            self._told_ns = max(heard.stamp.utc_ns, self._told_ns + 1)
            stamp = heard.stamp._replace(utc_ns=self._told_ns)
            self._corrections.append(Correction(now, heard.source, stamp))
        if not passing.answered:
            passing.coil = now
        passing.known, passing.name, passing.between = now, name, False
        passing.changed = heard.stamp.utc()

    def _make(
        self, name: str | None, said: Iterable[Heard], now: Stamp, word: str = "unnamed"
    ) -> Passing:
        data, width_mm = _described(self._data, self._width_mm, said)
        subject = self._subjects.of(name) if name else self._subjects.provisional(now, word)
        coil = Coil(
            id=subject,
            head_m=0.0,
            tail_m=None,
            width_mm=width_mm,
            provisional=name is None,
            data=data,
            named=None if name == subject else name,
        )
        return Passing(coil, coil, name, now.monotonic_ns, now.utc())

    @property
    def _last_name(self) -> str | None:
        """Of the newest coil that has one."""
        return self._row.last_name or self._past.last_named

    def _age_s(self, passing: Passing, heard: Heard) -> float:
        return (heard.stamp.monotonic_ns - passing.told_ns) / 1e9

    def _at(self, mark: Mark) -> Passing | None:
        """The coil whose head lies there."""
        place_m = self._row.place(mark)
        near = [p for p in self._row.around(mark) if p is not None and p.raw_m is not None]
        same = (p for p in near if abs(place_m - p.rank[0]) < self._mill.bounce_m)
        return next((p for p in same if self._is_told(p, mark)), None)

    def _is_told(self, passing: Passing, mark: Mark) -> bool:
        """Whether its place tells a head from another. While no frame comes all have the same one,
        and two are one only where hardly any strip can have run since.
        """
        if passing.sure and self._row.knows(mark):
            return True
        return passing.mark is not None and self._moments.ran_ns(passing.mark, mark) <= BOUNCE_NS

    def _precedes(self, mark: Mark) -> bool:
        """Whether a place lies before a head that was answered already."""
        head_m = self._row.around(mark)[0].raw_m
        return head_m is not None and self._row.place(mark) <= head_m - self._mill.bounce_m


def _meant(heard: Heard, signal: CorrectionSignal) -> tuple[str, ...]:
    """What the coil may be called by now: of a correction that is told again the right id too."""
    return (signal.before or signal.id, *((signal.id,) if heard.retained else ()))


def _described(data: CoilData, width_mm: float, said: Iterable[Heard]) -> tuple[CoilData, float]:
    """What is known with what is said, which goes before."""
    for one in (heard.signal for heard in said):
        if not isinstance(one, Described):
            continue
        told = one.model_dump(
            include={"order", "steel_grade", "thickness_mm", "reversed"}, exclude_none=True
        )
        data, width_mm = data.model_copy(update=told), one.width_mm or width_mm
    return data, width_mm
