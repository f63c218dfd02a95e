"""The window of unacknowledged events, against a link that answers as the test says."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from contract.events import number
from edge.buffer import BoundedBuffer, ClosedError, WhenFull
from edge.clock import Stamp
from edge.config import Mqtt
from edge.deliver.flight import Flight
from edge.deliver.mqtt import MqttReceiver
from edge.errors import ReceiverError
from edge.metrics import CourierMetrics
from edge.types import Recorded
from tests.unit.edge.ledger.making import SOURCE, SetClock, defect

Answer = Callable[[list[int]], dict[int, int]]


def recorded(seq: int) -> Recorded:
    event = number(defect(f"d-{seq}"), SOURCE, seq)
    return Recorded(event, event.model_dump_json().encode(), Stamp(1, 1), Stamp(1, 1))


class FakeLink:
    """Message id = seq + 100. Each time it is looked after, `answer` chooses which outstanding ids
    are acknowledged, and a second passes.
    """

    receive_maximum = 65535
    alive = tried = True
    flight: Flight | None = None

    def __init__(self, answer: Answer, clock: SetClock) -> None:
        self.outstanding: list[int] = []
        self.abandoned = False
        self._answer = answer
        self._clock = clock
        self._next = 101

    def send(self, _topic: str, _body: bytes, _kind: str) -> int:
        self.outstanding.append(self._next)
        self._next += 1
        return self.outstanding[-1]

    def check(self) -> None:
        self._clock.monotonic_ns += 1_000_000_000
        taken = self._answer(list(self.outstanding)) if self.outstanding else {}
        self.outstanding = [mid for mid in self.outstanding if mid not in taken]
        for mid, reason in taken.items():
            assert self.flight is not None
            self.flight.acknowledge(mid, reason)

    def abandon(self) -> None:
        self.abandoned = True


def receiver_with(answer: Answer, in_flight: int = 8) -> tuple[MqttReceiver, FakeLink]:
    clock = SetClock()
    config = Mqtt(host="h", in_flight=in_flight, timeout_s=2.0)
    receiver = MqttReceiver(config, "t", SOURCE, CourierMetrics(CollectorRegistry()), clock)
    link = FakeLink(answer, clock)
    receiver.__dict__["_link"] = link
    return receiver, link


def settled(_recorded: Recorded, _reason: int) -> None:
    return None


@given(st.integers(0, 40), st.integers(1, 9), st.randoms(use_true_random=False))
def test_all_leaves_in_order_within_the_window_however_it_is_acknowledged(
    count: int, window: int, random: Random
) -> None:
    sent: list[int] = []
    outstanding: set[int] = set()

    def send(one: Recorded) -> int:
        sent.append(one.event.seq)
        outstanding.add(one.event.seq)
        assert len(outstanding) <= window
        return one.event.seq

    flight = Flight([recorded(seq) for seq in range(1, count + 1)], window, send, settled)
    flight.start()
    while outstanding:
        flight.acknowledge(10_000, 0)  # of no event, as a status message's
        mid = random.choice(sorted(outstanding))
        outstanding.remove(mid)
        flight.acknowledge(mid, 0)
        flight.acknowledge(mid, 0)  # again
    assert flight.wait(0)
    assert sent == list(range(1, count + 1))
    assert flight.acknowledged == count


def test_an_acknowledgement_may_come_while_its_event_is_still_being_sent() -> None:
    flight: Flight

    def send(one: Recorded) -> int:
        flight.acknowledge(one.event.seq, 0)
        return one.event.seq

    flight = Flight([recorded(seq) for seq in range(1, 2000)], 3, send, settled)
    flight.start()
    assert flight.wait(0)
    assert flight.acknowledged == 1999


def test_threads_that_acknowledge_at_once_lose_nothing() -> None:
    """The client's thread holds a lock while it calls, and sending takes that lock as well."""
    clients, mids = threading.RLock(), BoundedBuffer[int, int](4096, WhenFull.BLOCK, list.append)

    def send(one: Recorded) -> int:
        with clients:
            mids.put(one.event.seq)
        return one.event.seq

    def network() -> None:
        with contextlib.suppress(ClosedError):
            while (taken := mids.get()) is not None:
                with clients:
                    flight.acknowledge(taken.item, 0)

    flight = Flight([recorded(seq) for seq in range(1, 3000)], 20, send, settled)
    threads = [threading.Thread(target=network) for _ in range(3)]
    for thread in threads:
        thread.start()
    flight.start()
    assert flight.wait(30)
    mids.close()
    for thread in threads:
        thread.join()
    assert flight.acknowledged == 2999


def test_the_first_goes_alone_where_it_is_asked_for() -> None:
    """Until a broker has taken one it may refuse them all."""
    sent: list[int] = []

    def send(one: Recorded) -> int:
        sent.append(one.event.seq)
        return one.event.seq

    flight = Flight([recorded(seq) for seq in range(1, 10)], 3, send, settled, alone=True)
    flight.start()
    assert sent == [1]
    flight.acknowledge(1, 0)
    assert sent == [1, 2, 3, 4]


def test_an_id_that_a_status_message_had_before_acknowledges_no_event() -> None:
    flight = Flight([recorded(1)], 3, lambda one: one.event.seq, settled)
    flight.acknowledge(1, 0)
    flight.start()
    assert not flight.wait(0)
    flight.acknowledge(1, 0)
    assert flight.wait(0)


def test_a_batch_that_is_done_hears_no_more() -> None:
    receiver, link = receiver_with(lambda out: dict.fromkeys(out, 0))
    assert receiver.deliver([recorded(1)]) == 1
    assert link.flight is None


def test_only_what_is_contiguous_counts() -> None:
    def all_but_the_third(outstanding: list[int]) -> dict[int, int]:
        return {mid: 0 for mid in outstanding if mid != 103}

    receiver, link = receiver_with(all_but_the_third)
    assert receiver.deliver([recorded(seq) for seq in range(1, 7)]) == 2
    assert link.abandoned
    assert not receiver.connected
    assert receiver._metrics.failures.labels(receiver.name)._value.get() == 1


def test_nothing_acknowledged_is_an_error_within_the_timeout() -> None:
    receiver, link = receiver_with(lambda _: {7: 0})
    with pytest.raises(ReceiverError, match="no acknowledgement within 2 s"):
        receiver.deliver([recorded(1)])
    assert link.abandoned


@pytest.mark.parametrize(
    ("reason", "cure"), [(0x87, "allow this user to write t/events"), (0x97, "Quota exceeded")]
)
def test_refused_event_stops_the_batch_there(
    reason: int, cure: str, caplog: pytest.LogCaptureFixture
) -> None:
    receiver, link = receiver_with(lambda out: {mid: reason * (mid == 102) for mid in out}, 2)
    assert receiver.deliver([recorded(seq) for seq in range(1, 5)]) == 1
    assert link.abandoned
    assert cure in caplog.text
    assert ("allow this user" in caplog.text) == (reason == 0x87)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"password_file": "p"}, "needs username"),
        ({"cert_file": "c"}, "belong together"),
        ({"cert_file": "c", "key_file": "k"}, "needs ca_file"),
        ({"protocol": 4}, "protocol"),
    ],
)
def test_incomplete_broker_config_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Mqtt.model_validate({"host": "h"} | options)


def test_yaml_may_write_the_protocol_as_a_number() -> None:
    assert Mqtt.model_validate({"host": "h", "protocol": 5}).protocol == "5"


def test_paths_stay_paths() -> None:
    assert Mqtt.model_validate({"host": "h", "ca_file": "ca.pem"}).ca_file == Path("ca.pem")
