"""The courier against a real mosquitto: nothing lost, whoever stops and whenever."""

import contextlib
import itertools
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from contract.status import LineStatus
from edge.clock import SystemClock
from edge.config import Mqtt
from edge.deliver.broker import run_embedded_broker
from edge.deliver.cursors import Cursors
from edge.deliver.mqtt import MqttReceiver
from edge.errors import ConfigError, LedgerError, ReceiverError
from edge.ledger.reader import EventReader
from edge.metrics import CourierMetrics
from tests.conftest import ROOT
from tests.integration.deliver.conftest import TOPIC, CourierProcess, Line, Subscriber, answers
from tests.line.ack_proxy import AckProxy, Harm
from tests.line.broker import Broker
from tests.line.published import check
from tests.unit.contract.test_events import BODIES, draft
from tests.unit.edge.ledger.making import SOURCE, action, commit, defect
from tests.waiting import free_port, wait_for

pytestmark = pytest.mark.integration

StartCourier = Callable[[Line], CourierProcess]
Subscribe = Callable[..., Subscriber]


def record(line: Line, start: int, count: int, per_commit: int = 20) -> None:
    for first in range(start, start + count, per_commit):
        last = min(first + per_commit, start + count)
        line.log.commit(commit(*(defect(f"d-{i}") for i in range(first, last))))


def seqs(subscriber: Subscriber) -> list[int]:
    return [json.loads(m.payload)["seq"] for m in subscriber.on("events")]


def effects(subscriber: Subscriber) -> list[int]:
    """What a consumer does that keeps the last seq: it passes over what it has seen."""
    taken: list[int] = []
    for seq in seqs(subscriber):
        if not taken or seq > taken[-1]:
            taken.append(seq)
    return taken


def metrics(line: Line) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{line.metrics_port}/metrics", timeout=5) as page:
        text = page.read().decode()
    return {s.name: s.value for f in text_string_to_metric_families(text) for s in f.samples}


def page(line: Line, name: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{line.metrics_port}/{name}", timeout=5
        ) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_bodies_arrive_byte_for_byte_with_their_kind(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    subscriber = subscribe(broker.port)
    courier = start_courier(line)
    line.log.commit(commit(defect("d-1"), action("a")))
    wait_for(lambda: len(subscriber.on("events")) == 2, "both events")
    reader = EventReader(line.folder / "ledger")
    assert [m.payload for m in subscriber.on("events")] == [r.body for r in reader.after(0, 9)]
    reader.close()
    assert [m.kind for m in subscriber.on("events")] == ["defect", "action"]
    assert not any(m.retain for m in subscriber.on("events"))
    assert courier.stop() == 0


def test_all_that_arrives_is_as_the_documents_say(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    subscriber = subscribe(broker.port)
    courier = start_courier(line)
    wait_for(lambda: subscriber.on("status"), "a beat")
    line.log.commit(commit(*(draft(body) for body in BODIES)))
    wait_for(lambda: len(subscriber.on("events")) == len(BODIES), "every kind")
    wait_for(lambda: len(subscriber.on("live")) == 2, "the live ones")
    assert courier.stop() == 0
    courier = start_courier(line)
    beats = len(subscriber.on("status"))
    wait_for(lambda: len(subscriber.on("status")) > beats, "a beat of the next one")
    courier.kill()
    wait_for(lambda: status_qualities(subscriber)[-1] == 1, "the will")
    assert status_qualities(subscriber).count(1) == 2, "good-bye and will"
    for message in subscriber.messages:
        check(message.raw)


def status_qualities(subscriber: Subscriber) -> list[int]:
    return [m.raw.qos for m in subscriber.on("status")]


def test_gapless_while_broker_and_courier_stop_and_start(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    subscriber = subscribe(broker.port)
    courier = start_courier(line)
    record(line, 0, 300)
    wait_for(lambda: len(effects(subscriber)) > 50, "delivery has begun")
    broker.stop()
    record(line, 300, 300)
    wait_for(lambda: "no MQTT broker answers" in courier.log(), "the absence is told")
    broker.start()
    subscriber.wait_subscribed()
    record(line, 600, 300)
    wait_for(lambda: len(effects(subscriber)) > 620, "delivery goes on")
    courier.kill()
    record(line, 900, 300)
    courier = start_courier(line)
    wait_for(lambda: effects(subscriber)[-1:] == [1200], "the newest event")
    assert effects(subscriber) == list(range(1, 1201))
    assert courier.stop() == 0
    assert courier.log().count("no MQTT broker answers") == 1
    assert "Traceback" not in courier.log()


def test_stop_drains_and_says_offline(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    subscriber = subscribe(broker.port)
    courier = start_courier(line)
    wait_for(lambda: subscriber.on("status"), "connected")
    record(line, 0, 1500, per_commit=500)
    assert courier.stop() == 0
    # A beat says `offline` too, since nobody inspects here, but only the good-bye says no more.
    wait_for(lambda: json.loads(subscriber.on("status")[-1].payload)["inspection"] is None, "bye")
    assert seqs(subscriber) == list(range(1, 1501)), courier.log()


def test_killed_courier_leaves_its_will_and_status_is_retained(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    courier = start_courier(line)
    early = subscribe(broker.port)
    wait_for(lambda: len(early.on("status")) >= 3, "beats")
    beat = LineStatus.model_validate_json(early.on("status")[-1].payload)
    assert (beat.state, beat.inspection, beat.source) == ("offline", "not_running", SOURCE)
    count = len(early.on("status"))
    courier.kill()
    wait_for(lambda: len(early.on("status")) > count, "the will")
    will = LineStatus.model_validate_json(early.on("status")[-1].payload)
    assert (will.state, will.inspection) == ("offline", None)
    late = subscribe(broker.port)
    wait_for(lambda: late.on("status"), "the retained status")
    assert late.on("status")[0].retain
    assert late.on("status")[0].payload == early.on("status")[-1].payload


def test_without_a_subscriber_it_warns_once_and_counts(
    line: Line, start_courier: StartCourier
) -> None:
    courier = start_courier(line)
    record(line, 0, 50)
    wait_for(lambda: answers(line.metrics_port), "the courier's metrics")
    wait_for(lambda: metrics(line)["stripsight_events_delivered_total"] == 50, "all counted")
    assert courier.log().count("has nobody who subscribed") == 1
    found = metrics(line)
    assert found["stripsight_events_without_subscriber_total"] == 50
    assert found["stripsight_committed_to_acknowledged_seconds_count"] == 50
    wait_for(lambda: metrics(line)["stripsight_ledger_lag_events"] == 0, "no lag")
    assert page(line, "livez") == (200, "ok\n")
    assert page(line, "readyz") == (200, "ready\n")
    assert page(line, "nothing")[0] == 404


@pytest.mark.parametrize("harm", ["repeated", "invented"])
def test_acknowledgements_of_what_is_not_under_way_are_told_and_move_nothing(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe, harm: Harm
) -> None:
    subscriber = subscribe(broker.port)
    with contextlib.closing(AckProxy(broker.port)) as proxy:
        proxy.harm = harm
        line.configure(port=proxy.port)
        courier = start_courier(line)
        record(line, 0, 50)
        wait_for(lambda: answers(line.metrics_port), "the courier's metrics")
        wait_for(lambda: metrics(line)["stripsight_events_delivered_total"] == 50, "all")
        wait_for(
            lambda: metrics(line)["stripsight_stray_acknowledgements_total"] == 50, "all strays"
        )
        assert courier.log().count("which is not under way") == 1
        assert courier.stop() == 0
    assert seqs(subscriber) == list(range(1, 51))


def test_a_log_that_begins_anew_under_the_courier_is_told_and_delivered(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    subscriber = subscribe(broker.port)
    courier = start_courier(line)
    wait_for(lambda: subscriber.on("status"), "connected")
    record(line, 0, 5000, per_commit=500)
    wait_for(lambda: len(subscriber.on("live")) == 5000, "the first log, live")
    wait_for(lambda: seqs_count(subscriber) == 5000, "the first log")
    line.log.close()
    for path in (line.folder / "ledger").glob("events-*"):
        path.unlink()
    line.begin_log()
    wait_for(lambda: "the event log begins anew" in courier.log(), "the loss is told")
    record(line, 0, 3)
    wait_for(lambda: seqs(subscriber)[5000:] == [1, 2, 3], "the new log")
    more = itertools.count(3)

    def live_again() -> bool:  # long before the new log has as many events as the first
        record(line, next(more), 1)
        return len(subscriber.on("live")) > 5000

    wait_for(live_again, "the new log, live")
    assert courier.stop() == 0


def test_wrong_password_is_told_and_survived(tmp_path: Path, start_courier: StartCourier) -> None:
    (tmp_path / "users").write_text("")
    (tmp_path / "users").chmod(0o600)
    broker = Broker(tmp_path, f"allow_anonymous false\npassword_file {tmp_path / 'users'}")
    broker.start()
    line = Line(tmp_path, broker.port)
    (tmp_path / "secret").write_text("wrong\n")
    line.configure(username="stripsight", password_file="secret")  # noqa: S106 - a file's name
    courier = start_courier(line)
    record(line, 0, 10)
    try:
        wait_for(lambda: "check username, password_file" in courier.log(), "the refusal is told")
        wait_for(lambda: metrics(line)["stripsight_delivery_failures_total"] >= 2, "tries again")
        assert courier.log().count("check username, password_file") == 1
        status, reason = page(line, "readyz")
        assert (status, "password_file" in reason) == (503, True)
        assert metrics(line)["stripsight_receiver_up"] == 0
        assert courier.stop() == 0
        assert "Traceback" not in courier.log()
    finally:
        broker.stop()
        line.log.close()


def seqs_count(subscriber: Subscriber) -> int:
    return len(subscriber.on("events"))


def receiver_for(port: int, **options: object) -> MqttReceiver:
    settings = {"host": "127.0.0.1", "port": port, "timeout_s": 1.0} | options
    registry = CollectorRegistry()
    return MqttReceiver(
        Mqtt.model_validate(settings), TOPIC, SOURCE, CourierMetrics(registry), SystemClock()
    )


@pytest.mark.alone
def test_broker_that_hangs_is_left_with_what_it_acknowledged(line: Line, broker: Broker) -> None:
    record(line, 0, 100)
    reader = EventReader(line.folder / "ledger")
    receiver = receiver_for(broker.port)
    assert receiver.deliver(reader.after(0, 50)) == 50
    broker.freeze()
    began = time.monotonic()
    with pytest.raises(ReceiverError, match="no acknowledgement within 1 s"):
        receiver.deliver(reader.after(50, 50))
    assert time.monotonic() - began < 3
    assert not receiver.connected
    broker.stop()
    broker.start()
    assert receiver.deliver(reader.after(50, 50)) == 100
    receiver.close()
    reader.close()


@pytest.mark.parametrize(("asked", "limit"), [(4, 4), (500, 20)])
def test_in_flight_is_bounded_by_config_and_broker(
    line: Line, broker: Broker, asked: int, limit: int
) -> None:
    """Mosquitto grants 20 (Receive Maximum) and disconnects a client that sends more."""
    record(line, 0, 200)
    reader = EventReader(line.folder / "ledger")
    receiver = receiver_for(broker.port, in_flight=asked)
    receiver.deliver(())
    link = receiver._link
    assert link is not None
    outstanding, most, send, heard = 0, 0, link.send, link._on_publish

    def counting(topic: str, body: bytes, kind: str) -> int:
        nonlocal outstanding, most
        outstanding += 1
        most = max(most, outstanding)
        return send(topic, body, kind)

    def acknowledged(
        client: paho.Client, data: object, mid: int, reason: ReasonCode, properties: Properties
    ) -> None:
        nonlocal outstanding
        outstanding -= 1
        heard(client, data, mid, reason, properties)

    link.send = counting  # type: ignore[method-assign]
    link._client.on_publish = acknowledged
    assert receiver.deliver(reader.after(0, 200)) == 200
    assert 1 < most <= limit
    receiver.close()
    reader.close()


def test_refused_topic_does_not_count_as_delivered(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text(f"topic read #\ntopic write {TOPIC}/status\n")
    broker = Broker(tmp_path, f"allow_anonymous true\nacl_file {tmp_path / 'acl'}")
    broker.start()
    line = Line(tmp_path, broker.port)
    record(line, 0, 5)
    reader = EventReader(line.folder / "ledger")
    receiver = receiver_for(broker.port)
    with pytest.raises(ReceiverError, match=r"refuses event 1 .* allow this user to write"):
        receiver.deliver(reader.after(0, 5))
    receiver.close()
    reader.close()
    line.log.close()
    broker.stop()


@pytest.fixture
def embedded_port(tmp_path: Path) -> Iterator[int]:
    """The broker in Python in a process of its own, as the supervisor starts it."""
    port = free_port()
    program = (
        "import threading; from edge.deliver.broker import run_embedded_broker;"
        f"run_embedded_broker('127.0.0.1', {port}, threading.Event())"
    )
    with (tmp_path / "broker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=log)
    wait_for(lambda: answers(port), "amqtt listens")
    yield port
    process.terminate()
    process.wait(10)


def test_embedded_broker_works_with_the_courier(
    tmp_path: Path, embedded_port: int, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    line = Line(tmp_path, embedded_port)
    line.configure(host="embedded")
    subscriber = subscribe(embedded_port, protocol=MQTTProtocolVersion.MQTTv311)
    courier = start_courier(line)
    record(line, 0, 100)
    wait_for(lambda: len(effects(subscriber)) == 100, "all events")
    assert effects(subscriber) == list(range(1, 101))
    assert courier.stop() == 0
    wait_for(lambda: json.loads(subscriber.on("status")[-1].payload)["inspection"] is None, "bye")
    assert (tmp_path / "broker.log").read_text().count("\n") == 1
    line.log.close()


def test_embedded_broker_on_a_taken_port_is_told(broker: Broker) -> None:
    with pytest.raises(ConfigError, match="choose another port"):
        run_embedded_broker("127.0.0.1", broker.port, threading.Event())


def test_second_courier_on_the_same_ledger_is_refused(line: Line) -> None:
    cursors = Cursors(line.folder / "ledger")
    with pytest.raises(LedgerError, match="another program holds it"):
        Cursors(line.folder / "ledger")
    cursors.close()


@pytest.mark.parametrize("key", ["ca_file", "password_file"])
def test_missing_file_is_a_config_error(key: str, tmp_path: Path) -> None:
    options = {"username": "u", key: tmp_path / "missing"}
    with pytest.raises(ConfigError, match="missing"):
        receiver_for(1, **options)
