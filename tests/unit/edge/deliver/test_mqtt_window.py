"""The window of unacknowledged events, against a link that answers as the test says."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from contract.events import number
from edge.clock import Stamp
from edge.config import Mqtt
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
    """Message id = seq + 100; `answer` chooses which outstanding ids are acknowledged."""

    receive_maximum = 65535
    alive = True

    def __init__(self, answer: Answer, clock: SetClock) -> None:
        self.outstanding: list[int] = []
        self.most = 0
        self.abandoned = False
        self._answer = answer
        self._clock = clock
        self._next = 101

    def send(self, _topic: str, _body: bytes, _kind: str) -> int:
        self.outstanding.append(self._next)
        self.most = max(self.most, len(self.outstanding))
        self._next += 1
        return self.outstanding[-1]

    def acks(self, timeout_s: float) -> dict[int, int]:
        taken = self._answer(list(self.outstanding)) if timeout_s else {}
        heard = any(mid in self.outstanding for mid in taken)
        self._clock.monotonic_ns += 1_000_000 if heard else int(timeout_s * 1e9)
        self.outstanding = [mid for mid in self.outstanding if mid not in taken]
        return taken

    def abandon(self) -> None:
        self.abandoned = True


def receiver_with(answer: Answer, in_flight: int = 8) -> tuple[MqttReceiver, FakeLink]:
    clock = SetClock()
    config = Mqtt(host="h", in_flight=in_flight, timeout_s=2.0)
    receiver = MqttReceiver(config, "t", SOURCE, CourierMetrics(CollectorRegistry()), clock)
    link = FakeLink(answer, clock)
    receiver.__dict__["_link"] = link
    return receiver, link


@given(st.integers(0, 40), st.integers(1, 9), st.randoms(use_true_random=False))
def test_all_is_acknowledged_in_any_order_within_the_window(
    count: int, in_flight: int, random: Random
) -> None:
    def some(outstanding: list[int]) -> dict[int, int]:
        return dict.fromkeys(random.sample(outstanding, random.randint(1, len(outstanding))), 0)

    receiver, link = receiver_with(some, in_flight)
    assert receiver.deliver([recorded(seq) for seq in range(1, count + 1)]) == count
    assert link.most <= in_flight
    assert link.outstanding == []


def test_only_what_is_contiguous_counts() -> None:
    def all_but_the_third(outstanding: list[int]) -> dict[int, int]:
        return {mid: 0 for mid in outstanding if mid != 103}

    receiver, link = receiver_with(all_but_the_third)
    assert receiver.deliver([recorded(seq) for seq in range(1, 7)]) == 2
    assert link.abandoned
    assert not receiver.connected


def test_nothing_acknowledged_is_an_error_within_the_timeout() -> None:
    receiver, link = receiver_with(lambda _: {7: 0})
    with pytest.raises(ReceiverError, match="no acknowledgement within 2 s"):
        receiver.deliver([recorded(1)])
    assert link.abandoned


def test_refused_event_stops_the_batch_there() -> None:
    receiver, _ = receiver_with(lambda out: {mid: 0x87 if mid == 102 else 0 for mid in out})
    assert receiver.deliver([recorded(seq) for seq in range(1, 5)]) == 1


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
