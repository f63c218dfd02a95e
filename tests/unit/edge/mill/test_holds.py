"""What an inspecting process that is new is told names the coils that the one before knew."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.mill.heard import LinkSignal
from edge.mill.signals import CoilSignal, CorrectionSignal, HeadSignal, Signal, TailSignal
from edge.mill.wire import SignalReceiver, SignalSender
from tests.unit.edge.mill.passage import Passage, Time
from tests.unit.edge.mill.test_past import ledger_of, started
from tests.unit.edge.mill.test_tracker import COIL_M

HEAD = HeadSignal()
Said = Signal | float
"""A message, or seconds that pass."""


class Mill:
    """Speaks with whoever listens in the folder."""

    def __init__(self, folder: Path, sender: SignalSender, time: Time) -> None:
        self._folder, self._sender, self._time = folder, sender, time

    def tell(self, *said: Said, retained: bool = False) -> None:
        for one in said:
            if isinstance(one, float):
                self._time.ns += round(one * 1e9)
            else:
                self._sender.put("level2", one, retained=retained)

    def start(self, ran: str, *said: Said, retained: bool = False) -> Passage:
        """Inspect comes back after this was said, and `ran` is the log's last coil."""
        with closing(SignalReceiver(self._folder)):
            self.tell(*said, 1.0, retained=retained)
        with closing(SignalReceiver(self._folder)) as receiver:
            passage = Passage(ledger_of(self._folder, ((ran, started()),)), self._time)
            passage.run(1)
            self._sender.linked("level2", up=True)
            while (heard := receiver.take(5)) and not isinstance(heard.signal, LinkSignal):
                passage.mill.hear(heard)
        passage.run(COIL_M)
        return passage


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    time = Time()
    with closing(SignalSender(tmp_path, time, late_id_s=60.0)) as sender:
        yield Mill(tmp_path, sender, time)


@pytest.mark.parametrize(
    "said",
    [
        (HEAD, 0.05, HEAD, 5.0, CoilSignal(id="C2")),
        (HEAD, 0.01, CoilSignal(id="C2"), 0.05, HEAD),
        (HEAD, 0.05, HEAD, 100.0, CoilSignal(id="C2")),
    ],
)
def test_a_relay_that_bounces_names_no_other_coil(mill: Mill, said: tuple[Said, ...]) -> None:
    passage = mill.start("C1", CoilSignal(id="C1"), *said)
    assert [told.coil.named for told in passage.corrections] == ["C1"]
    passage.say(HEAD)
    passage.run(COIL_M)
    assert passage.coils[-1].id == "C2"


def test_a_head_without_an_id_takes_none_that_comes_long_after(mill: Mill) -> None:
    said = (CoilSignal(id="C1"), HEAD, 100.0, HEAD, 100.0, CoilSignal(id="C2"), 1.0, HEAD)
    passage = mill.start("C1", *said)
    assert [told.coil.named for told in passage.corrections] == ["C2"]


def test_a_coil_that_came_before_a_newer_announcement_keeps_its_width(mill: Mill) -> None:
    said = (CoilSignal(id="X", width_mm=900), CoilSignal(id="Y", width_mm=800))
    passage = mill.start("W", *said, HeadSignal(id="X"))
    assert [(c.coil.named, c.coil.width_mm) for c in passage.corrections] == [("X", 900)]
    passage.say(HEAD)
    passage.run(COIL_M)
    assert (passage.coils[-1].id, passage.coils[-1].width_mm) == ("Y", 800)


def test_an_announcement_that_waits_behind_a_newer_one_still_waits(mill: Mill) -> None:
    said = (CoilSignal(id="X", width_mm=900), CoilSignal(id="Y"))
    passage = mill.start("W", HeadSignal(id="W"), *said)
    passage.say(HeadSignal(id="X"))
    passage.run(COIL_M)
    assert (passage.coils[-1].id, passage.coils[-1].width_mm) == ("X", 900)


def test_an_announcement_that_was_corrected_and_has_come_names_no_other_coil(mill: Mill) -> None:
    corrected = CorrectionSignal(before="C1", id="C2")
    said = (CoilSignal(id="C1"), corrected, 1.0, HeadSignal(id="C2"), 1.0, HEAD)
    assert mill.start("C2", *said).corrections == []


def test_what_is_said_again_of_the_running_coil_announces_no_other(mill: Mill) -> None:
    again = CoilSignal(id="C1", order="7")
    passage = mill.start("C1", CoilSignal(id="C1"), HEAD, 1.0, again)
    assert [(c.coil.named, c.coil.data.order) for c in passage.corrections][-1] == ("C1", "7")
    passage = mill.start("C1", 1.0, HEAD)
    assert passage.corrections == []


def test_a_slow_weld_that_bounces_gives_the_running_coil_no_other_id(mill: Mill) -> None:
    said = (CoilSignal(id="C1"), HEAD, 3.0, HEAD, 5.0, CoilSignal(id="C2"))
    assert mill.start("C1", *said).corrections == []


def test_what_a_broker_retained_of_the_running_coil_announces_no_other(mill: Mill) -> None:
    said = (HeadSignal(id="C1"), 1.0, CoilSignal(id="C1", place="next"))
    passage = mill.start("C1", *said, TailSignal(), retained=True)
    assert passage.corrections == []


def test_a_coil_that_has_another_id_since_a_correction_is_not_the_one_announced(mill: Mill) -> None:
    corrected = CorrectionSignal(before="C1", id="C2")
    again = (CoilSignal(id="C1"), 1.0, HEAD)
    passage = mill.start("C2", HeadSignal(id="C1"), 1.0, corrected, 1.0, *again)
    assert [told.coil.named for told in passage.corrections][-1:] == ["C1"]


@pytest.mark.parametrize("with_id", [True, False])
@pytest.mark.parametrize("times", [1, 8])
def test_the_running_coil_stays_corrected(mill: Mill, with_id: bool, times: int) -> None:  # noqa: FBT001
    """By corrections that do not say of which coil they are."""
    head = HeadSignal(id="C1") if with_id else HEAD
    said: list[Said] = [CoilSignal(id="C1", order="7"), head]
    for number in range(times):
        said += [1.0, CorrectionSignal(id=f"C{2 + number}", width_mm=900 + number)]
    passage = mill.start("C1", *said)
    told = passage.corrections[-1].coil
    assert (told.named, told.width_mm) == (f"C{1 + times}", 899 + times)
    assert told.data.order == "7"


def test_a_coil_that_only_a_correction_named_keeps_its_name(mill: Mill) -> None:
    passage = mill.start("W", HEAD, 1.0, CorrectionSignal(id="C1", order="7"))
    assert [(c.coil.named, c.coil.data.order) for c in passage.corrections] == [("C1", "7")]


def test_a_correction_of_a_coil_that_has_left_is_not_of_the_one_that_runs(mill: Mill) -> None:
    said = (HeadSignal(id="C1"), 1.0, CorrectionSignal(id="C2"), 1.0, HeadSignal(id="C1"))
    passage = mill.start("C2", *said)
    assert [told.coil.named for told in passage.corrections] == ["C1"]
