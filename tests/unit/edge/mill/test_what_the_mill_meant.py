"""Each coil ends with the id that the mill meant, whatever it says in whatever order, and whoever
starts again meanwhile: the tracker behind the real wire, with a real event log.
"""

import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from contract.bodies import CoilCorrected, CoilData, CoilStarted
from contract.events import Draft
from edge.ledger.log import EventLog
from edge.mill.heard import LinkSignal
from edge.mill.signals import CoilSignal, CorrectionSignal, HeadSignal, Signal, TailSignal
from edge.mill.wire import SignalReceiver, SignalSender
from edge.types import Coil, Commit
from tests.unit.edge.ledger.making import MODEL
from tests.unit.edge.mill.passage import FRAME_M, NOON_NS, OFFSET_M, Passage, Time, empty_ledger

NO_HEAD = "strip without a head"
UNSEEN_S = 5.0
PLACES = st.sampled_from([None, "next"])


@dataclass(eq=False)
class Meant:
    """A coil as the mill knows it."""

    id: str | None
    ids: list[str | None] = field(default_factory=list)
    """All that it was ever called."""
    is_split: bool = False
    """By a start in its middle: a correction is of its newest part."""

    def call(self, name: str) -> None:
        self.id = name
        self.ids.append(name)


class MillAndLine(RuleBasedStateMachine):
    """The mill speaks; `heads` has what it means, by the place of each coil's head."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stripsight-mill-"))
        self.ledger = empty_ledger(self.folder)
        self.time = Time()
        self.count = self.events = 0
        self.next: Meant | None = None
        self.lost: list[Meant] = []
        self.heads: dict[float, Meant] = {}
        self.running = Meant(None, [NO_HEAD])
        self.at_start: dict[float, Meant] = {}
        self.names: dict[str, str | None] = {}
        self.places: dict[str, float] = {}
        self.retained: dict[str, Signal] = {}
        self.drafts: list[Draft] = []
        self.sender = SignalSender(self.folder, self.time)
        self.start(-OFFSET_M)

    def start(self, camera_m: float) -> None:
        self.receiver = SignalReceiver(self.folder)
        self.passage = Passage(self.ledger, self.time, camera_m)
        self.at_start[camera_m] = self.running
        self.running.is_split = True
        unseen = [coil for head_m, coil in self.heads.items() if head_m > camera_m]
        self.lost += [coil for coil in unseen if coil is not self.running]
        self.coil = self.running
        self.hear()

    def hear(self) -> None:
        """All that was said; the adapter's own word comes last."""
        self.sender.linked("level2", up=True)
        while heard := self.receiver.take(5):
            if isinstance(heard.signal, LinkSignal):
                return
            self.passage.mill.hear(heard)

    def say(self, signal: Signal, *, retained: bool = False) -> None:
        self.time.ns += 1_000_000
        self.sender.put("level2", signal, retained=retained)
        self.hear()

    def new_id(self) -> str:
        self.count += 1
        return f"C{self.count}"

    @rule(frames=st.integers(3, 40))
    def run(self, frames: int) -> None:
        """At least a metre and a half: two heads within one are one."""
        for _ in range(frames):
            self.passage.run(FRAME_M)
            self.tell_news()

    def tell_news(self) -> None:
        for coil in self.passage.answers[-1][2]:
            if coil.id not in self.places:
                self.tell_start(coil)
        self.tell_corrections()

    def tell_start(self, coil: Coil) -> None:
        self.places[coil.id] = coil.head_m
        name = None if coil.provisional else coil.named or coil.id
        self.names[coil.id] = name
        body = CoilStarted(
            width_mm=coil.width_mm, cell_m=0.1, cell_mm=100, model=MODEL,
            provisional=coil.provisional, data=coil.data,
        )  # fmt: skip
        self.tell(body, coil, self.time.now().utc())
        if coil.named is not None:
            self.tell_name(coil, self.time.now().utc())

    def tell_corrections(self) -> None:
        for correction in self.passage.corrections:
            self.names[correction.coil.id] = correction.coil.named or correction.coil.id
            self.tell_name(correction.coil, correction.told.utc())
        self.passage.corrections.clear()

    def tell_name(self, coil: Coil, at: datetime) -> None:
        name = coil.named or coil.id
        body = CoilCorrected(coil_id=name, width_mm=coil.width_mm, data=CoilData(), by="level2")
        self.tell(body, coil, at)

    def tell(self, body: CoilStarted | CoilCorrected, coil: Coil, at: datetime) -> None:
        self.events += 1
        self.drafts.append(Draft(body, coil.id, str(self.events), at))

    @rule(place=PLACES)
    def announce(self, place: str | None) -> None:
        """The next coil. While the one that runs has no id, without a word it would be that one."""
        place = "next" if self.running.id is None else place
        self.next = Meant(None)
        self.next.call(self.new_id())
        self.say_coil(self.next, place)

    def say_coil(self, coil: Meant, place: str | None) -> None:
        signal = CoilSignal.model_validate({"id": coil.id, "place": place})
        self.retained["coil"] = signal
        self.say(signal)

    @rule(with_id=st.booleans())
    def head(self, with_id: bool) -> None:  # noqa: FBT001
        signal, coil = self.next_head(with_id=with_id)
        self.pass_by(signal, coil)
        self.coil = coil

    def next_head(self, *, with_id: bool) -> tuple[Signal, Meant]:
        coil, self.next = self.next or Meant(None), None
        if with_id and coil.id is None:
            coil.call(self.new_id())
        at = datetime.fromtimestamp((NOON_NS + self.time.ns) / 1e9, UTC)
        signal = HeadSignal(id=coil.id, time=at) if with_id else HeadSignal()
        if with_id:
            self.retained["head"] = signal
        return signal, coil

    def pass_by(self, signal: Signal, coil: Meant) -> None:
        self.say(signal)
        told_ns = self.time.ns
        self.run(3)
        self.heads[self.passage.odometer.at(told_ns)] = coil
        self.running = coil

    @rule(heads=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=4))
    def camera_is_away(self, heads: list[tuple[bool, bool]]) -> None:
        """Coils pass, each announced or not and told with its id or not."""
        told: dict[int, Meant] = {}
        for is_announced, with_id in heads:
            self.pass_unseen()
            if is_announced:
                self.announce("next")
            signal, self.coil = self.next_head(with_id=with_id)
            self.say(signal)
            told[self.time.ns] = self.running = self.coil
        self.pass_unseen()
        self.passage.come_back()
        self.tell_news()
        self.heads |= {self.passage.odometer.at(ns): coil for ns, coil in told.items()}

    def pass_unseen(self) -> None:
        self.passage.pass_unseen(UNSEEN_S)

    @precondition(lambda self: not self.coil.ids)
    @rule(says_so=st.booleans())
    def name_late(self, says_so: bool) -> None:  # noqa: FBT001
        if self.next is None:
            self.coil.call(self.new_id())
            is_seen = self.coil is self.running and not says_so
            self.say_coil(self.coil, None if is_seen else "running")

    @precondition(lambda self: not self.coil.ids and self.next is not None)
    @rule()
    def announced_runs_already(self) -> None:
        assert self.next is not None
        self.coil.call(str(self.next.id))
        self.next = None
        self.say_coil(self.coil, "running")

    @precondition(lambda self: NO_HEAD not in self.running.ids)
    @rule()
    def tail(self) -> None:
        self.pass_by(TailSignal(), Meant(None, [NO_HEAD]))

    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        """Of a coil that was named, or of the announcement."""
        said = [coil for coil in [*self.heads.values(), self.next] if coil and coil.id]
        known = [coil for coil in said if coil not in self.lost]
        if known:
            coil = data.draw(st.sampled_from(known))
            before = coil.id
            coil.call(self.new_id())
            assert coil.id is not None
            self.say(CorrectionSignal(before=before, id=coil.id))

    @precondition(lambda self: self.running.id is not None)
    @rule(data=st.data())
    def the_right_one_runs_next(self, data: st.DataObject) -> None:
        """What runs was called by the id of another, which is announced right behind it."""
        name = self.running.id
        before = name
        self.running.call(self.new_id())
        assert self.running.id is not None
        self.say(CorrectionSignal(before=before, id=self.running.id))
        self.next = Meant(None)
        self.next.call(str(name))
        self.say_coil(self.next, data.draw(PLACES))
        self.head(with_id=data.draw(st.booleans()))

    @rule(order=st.permutations(["coil", "head"]))
    def broker_comes_back(self, order: list[str]) -> None:
        for name in order:
            if name in self.retained:
                self.say(self.retained[name], retained=True)

    @rule()
    def inspect_starts_again(self) -> None:
        self.receiver.close()
        self.keep()
        self.start(self.passage.camera_m)
        self.run(3)

    @precondition(lambda self: self.is_retained())
    @rule(order=st.permutations(["coil", "head"]))
    def computer_starts_again(self, order: list[str]) -> None:
        """The courier too: what the broker has retained is all that is known."""
        self.sender.close()
        self.sender = SignalSender(self.folder, self.time)
        self.inspect_starts_again()
        self.broker_comes_back(order)
        self.run(3)

    def is_retained(self) -> bool:
        """Whether the broker knows which coil runs and which comes next."""
        ids = {name: getattr(signal, "id", None) for name, signal in self.retained.items()}
        comes = self.running if self.next is None else self.next
        runs = self.running.id is not None and ids.get("head") == self.running.id
        return runs and ids.get("coil") in {comes.id} | ({None} if self.next is None else set())

    def keep(self) -> None:
        """What was told is in the log."""
        self.passage.settle()
        self.tell_corrections()
        log = EventLog(self.ledger, "/s/l/c", self.time, reserve_bytes=0)
        log.open()
        log.commit(Commit(tuple(self.drafts), None, self.time.now()))
        log.close()
        self.drafts.clear()

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        with closing(self.sender), closing(self.receiver):
            self.run(round(OFFSET_M / FRAME_M) + 3)
            self.passage.settle()
            self.tell_corrections()
        shutil.rmtree(self.folder)
        self.judge()

    def judge(self) -> None:
        for subject, place_m in self.places.items():
            name = self.names[subject]
            meant = next((c for m, c in self.heads.items() if abs(m - place_m) < 0.02), None)
            if place_m in self.at_start:
                assert name is None or name in self.at_start[place_m].ids, (subject, name)
            else:
                assert meant is not None, f"{subject} begins where the mill told no head"
                names = {None, *meant.ids} if meant.is_split else {meant.id}
                assert name in names, (subject, name, meant)
        found = self.places.values()
        for head_m, coil in self.heads.items():
            last = max(start for start in self.at_start)
            if head_m > last + OFFSET_M or last == -OFFSET_M:
                assert any(abs(head_m - m) < 0.02 for m in found), coil


class TestMillAndLine(MillAndLine.TestCase):  # type: ignore[misc, valid-type]
    """The same examples each time: what a change did not break is no failure of that change."""

    settings = settings(max_examples=60, stateful_step_count=20, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(0)
class TestMillAndLineAtRandom(MillAndLine.TestCase):  # type: ignore[misc, valid-type]
    """Others each time."""

    settings = settings(max_examples=5000, stateful_step_count=20)
