"""The courier with much to do: a backlog, pictures without number; `live` and the beat go on."""

import json
import logging
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edge.config import load_config
from edge.deliver.courier import run_courier
from edge.ledger.reader import EventReader
from edge.ledger.retention import Removed
from tests.integration.deliver.conftest import TOPIC, Line
from tests.integration.deliver.test_courier_mqtt import (
    StartCourier,
    Subscribe,
    receiver_for,
    record,
    seqs,
    seqs_count,
)
from tests.line.broker import Broker
from tests.unit.edge.ledger.making import action, commit, defect
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.alone]


def test_newest_defect_is_live_while_a_backlog_drains(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    record(line, 0, 20_000, per_commit=2000)
    subscriber = subscribe(broker.port)
    start_courier(line)
    wait_for(lambda: seqs_count(subscriber) > 100, "the backlog drains")
    took_s: list[float] = []
    for turn in range(21):
        line.log.commit(commit(defect(f"new {turn}"), action(f"no defect {turn}")))
        committed_s = time.monotonic()
        wait_for(lambda: len(subscriber.on("live")) > len(took_s), "it is live")
        live = subscriber.on("live")[-1]
        took_s.append(live.came_s - committed_s)
        assert json.loads(live.payload)["data"]["defect_id"] == f"new {turn}"
        assert turn >= 7 or seqs_count(subscriber) < 20_000, "the backlog drains meanwhile"
    logging.getLogger(__name__).info("live after %s s", took_s)
    # The best of three series: others may have taken the machine for a second.
    assert min(statistics.median(took_s[n : n + 7]) for n in (0, 7, 14)) <= 0.1, took_s
    wait_for(lambda: seqs_count(subscriber) == 20_042, "the backlog has drained", 60)
    assert seqs(subscriber) == list(range(1, 20_043))
    assert len(subscriber.on("live")) == 21


def test_an_event_behind_its_live_does_not_wait_for_tcp(line: Line, broker: Broker) -> None:
    """Nagle's algorithm held it back until the broker's kernel had acknowledged what came before,
    40 ms later.
    """
    record(line, 0, 20)
    reader, receiver = EventReader(line.folder / "ledger"), receiver_for(broker.port)
    receiver.deliver(())
    took_s: list[float] = []
    for recorded in reader.after(0, 20):
        began_s = time.monotonic()
        receiver.announce(recorded)
        assert receiver.deliver([recorded]) == recorded.event.seq
        took_s.append(time.monotonic() - began_s)
    receiver.close()
    reader.close()
    assert statistics.median(took_s) < 0.02, took_s


def test_retention_holds_up_neither_live_nor_the_heartbeat(
    line: Line, broker: Broker, subscribe: Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has as many pictures to look at as there are."""
    looking, looked, stop = threading.Event(), threading.Event(), threading.Event()

    def retain_many(*_: object, **_limits: object) -> Removed:
        looking.set()
        looked.wait()
        return Removed(0, 0, 0)

    monkeypatch.setattr("edge.deliver.courier.retain", retain_many)
    subscriber = subscribe(broker.port)
    courier = threading.Thread(target=run_courier, args=(load_config(line.config), None, stop))
    courier.start()
    try:
        assert looking.wait(20)
        wait_for(lambda: subscriber.on("status"), "connected")
        record(line, 0, 5)
        wait_for(lambda: len(subscriber.on("live")) == 5, "live")
        beats = len(subscriber.on("status"))
        wait_for(lambda: len(subscriber.on("status")) > beats + 1, "beats")
    finally:
        looked.set()
        stop.set()
        courier.join(20)


BARE = """
import sys, time
import paho.mqtt.client as paho
_, port, topic, body, count = sys.argv
client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
client.connect("127.0.0.1", int(port))
client.loop_start()
began_s = time.process_time()
sent = [client.publish(topic, body, qos=1) for _ in range(int(count))]
sent[-1].wait_for_publish(60)
print(time.process_time() - began_s)
"""


def cpu_s(pid: int) -> float:
    """Seconds of computing that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_an_event_of_a_backlog_costs_hardly_more_than_bare_paho(
    line: Line, broker: Broker, start_courier: StartCourier, subscribe: Subscribe
) -> None:
    """Computing time, since the rate of one run is that of a machine which others use as well."""
    count = 20_000
    record(line, 0, count, per_commit=2000)
    subscriber = subscribe(broker.port)

    courier = start_courier(line)
    wait_for(lambda: seqs_count(subscriber) >= 1000, "the backlog drains")
    before_s, before = cpu_s(courier.process.pid), seqs_count(subscriber)
    wait_for(lambda: seqs_count(subscriber) == count, "the backlog has drained", 60)
    ours_s = (cpu_s(courier.process.pid) - before_s) / (count - before)
    courier.stop()
    body = subscriber.on("events")[0].payload.decode()
    program = [sys.executable, "-c", BARE, str(broker.port), f"{TOPIC}/events", body, str(count)]
    bare_s = float(subprocess.run(program, check=True, capture_output=True).stdout) / count
    logging.getLogger(__name__).info("%.0f us an event, bare %.0f us", ours_s * 1e6, bare_s * 1e6)
    assert ours_s < 3 * bare_s  # 1.6 to 2.1 on two busy cores
