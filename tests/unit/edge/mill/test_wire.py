"""From the courier to the inspecting process: in order, and over each other's restarts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from edge.errors import ConfigError
from edge.metrics import CourierMetrics
from edge.mill.heard import Heard, LinkSignal
from edge.mill.signals import (
    CoilSignal,
    CorrectionSignal,
    HeadSignal,
    Signal,
    SpeedSignal,
    TailSignal,
)
from edge.mill.wire import KEPT, SOCKET_NAME, SignalReceiver, SignalSender
from tests.unit.edge.mill.passage import Time

Receive = Callable[[], SignalReceiver]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def sender(tmp_path: Path, registry: CollectorRegistry) -> Iterator[SignalSender]:
    with closing(SignalSender(tmp_path, Time(), CourierMetrics(registry))) as made:
        yield made


@pytest.fixture
def receive(tmp_path: Path) -> Iterator[Callable[[], SignalReceiver]]:
    """Begins a process that listens, one after the other."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(SignalReceiver(tmp_path)))


def taken(sender: SignalSender, receiver: SignalReceiver) -> list[Heard]:
    """All that comes while the sender keeps turning, as the courier's loop does."""
    found = []
    sender.turn()
    while (heard := receiver.take(0.05)) is not None:
        found.append(heard)
        sender.turn()
    return found


def test_messages_come_as_they_were_said(sender: SignalSender, receive: Receive) -> None:
    receiver = receive()
    said: list[Signal] = [
        CoilSignal(id="4711/02 Ü", width_mm=900),
        HeadSignal(),
        SpeedSignal(m_per_s=1.5),
    ]
    for signal in said:
        sender.put("level2", signal, retained=signal is said[0])
    sender.linked("level2", up=False, why="gone")
    heard = taken(sender, receiver)
    assert [h.signal for h in heard] == [*said, LinkSignal(up=False, why="gone")]
    assert [h.retained for h in heard] == [True, False, False, False]
    assert {h.source for h in heard} == {"level2"}
    assert heard[0].stamp == Time().now()


def test_what_cannot_be_sent_follows_in_order_but_no_old_speeds(
    sender: SignalSender, receive: Receive
) -> None:
    for number in range(3):
        sender.put("level2", SpeedSignal(m_per_s=number))
        sender.put("level2", HeadSignal(id=str(number)))
    receiver = receive()
    ids = [h.signal.id for h in taken(sender, receiver) if isinstance(h.signal, HeadSignal)]
    assert ids == ["0", "1", "2"]


def test_more_than_a_full_queue_loses_the_oldest_and_says_so(
    sender: SignalSender,
    receive: Receive,
    registry: CollectorRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(KEPT + 2):
        sender.put("level2", HeadSignal(id=str(number)))
    labels = {"source": "level2", "reason": "no_room"}
    assert registry.get_sample_value("stripsight_mill_refused_total", labels) == 2
    assert "inspect is away" in caplog.text
    first = taken(sender, receive())[0].signal
    assert isinstance(first, HeadSignal)
    assert first.id == "2"


def test_a_process_that_is_new_is_told_what_holds(sender: SignalSender, receive: Receive) -> None:
    receiver = receive()
    for signal in (CoilSignal(id="A"), HeadSignal(id="A"), CoilSignal(id="B"),
                   CorrectionSignal(before="Z", id="Y"), CorrectionSignal(id="X")):  # fmt: skip
        sender.put("level2", signal)
    assert not any(heard.retained for heard in taken(sender, receiver))
    receiver.close()
    sender.put("level2", CoilSignal(id="C"))
    heard = taken(sender, receive())
    told = [(h.signal.signal, getattr(h.signal, "id", ""), h.retained) for h in heard]
    held = [("correction", "Y"), ("coil", "A"), ("head", "A"), ("correction", "X"), ("coil", "B")]
    assert told == [*((*one, True) for one in held), ("coil", "C", False)]


def test_what_holds_of_a_head_without_an_id_is_the_announcement_before_it(
    sender: SignalSender, receive: Receive
) -> None:
    receiver = receive()
    said: list[Signal] = [CoilSignal(id="A"), HeadSignal(), CoilSignal(id="B"), CoilSignal(id="C")]
    for signal in said:
        sender.put("level2", signal)
    taken(sender, receiver)
    receiver.close()
    receiver = receive()
    assert [h.signal for h in taken(sender, receiver)] == said
    sender.put("level2", TailSignal())
    receiver.close()
    assert [h.signal for h in taken(sender, receive()) if h.retained] == said[2:]


def test_what_a_broker_tells_again_is_not_handed_on(sender: SignalSender, receive: Receive) -> None:
    receiver = receive()
    for signal in (CoilSignal(id="A"), HeadSignal(id="A"), CoilSignal(id="B"), HeadSignal()):
        sender.put("level2", signal)
    for signal in (CoilSignal(id="B"), HeadSignal(id="A"), HeadSignal(id="B")):
        sender.put("level2", signal, retained=True)
    again = [h.signal for h in taken(sender, receiver) if h.retained]
    assert again == [HeadSignal(id="B")]


def test_what_is_no_message_of_this_version_is_passed_over(
    tmp_path: Path, sender: SignalSender, receive: Receive, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = receive()
    sender._socket.sendto(b'{"source": "x"}', str(tmp_path / SOCKET_NAME))
    assert receiver.take(0.5) is None
    assert "not a message" in caplog.text


def test_a_run_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(ConfigError, match="run_path"):
        SignalReceiver(tmp_path / "run")
