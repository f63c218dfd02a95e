"""A coil's summary event reaches its consumer within 10 s of tail-out, by a real mosquitto."""

import logging
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from edge.clock import SystemClock
from edge.ledger.log import EventLog
from edge.ledger.reader import EventReader
from edge.types import Commit
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon, write_config
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.unit.edge.console.strip_events import coil_report, coil_started, defect
from tests.waiting import wait_for

log = logging.getLogger(__name__)
pytestmark = [pytest.mark.integration, pytest.mark.alone]
SOURCE = "/mill/line-1/top"
TOPIC = "stripsight/mill/line-1/top/events"
WITHIN_S = 10.0
WAITING = 5_000
"""Events that nobody has received yet when the daemon starts."""


class Timed(Consumer):
    """Notes when each event came in."""

    def __init__(self, port: int, topic: str) -> None:
        self.received_ns: dict[int, int] = {}
        super().__init__(port, topic)

    def _take(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        super()._take(client, data, message)
        self.received_ns.setdefault(self.seq, SystemClock().now().utc_ns)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def _left_behind(folder: Path, count: int) -> None:
    """A ledger of before, whose events are still to be delivered."""
    log = EventLog(folder / "ledger", SOURCE, SystemClock(), reserve_bytes=4096)
    log.open()
    drafts = [coil_started("old"), *(defect("old", f"old/{n}") for n in range(count))]
    log.commit(Commit((*drafts, coil_report("old")), None, SystemClock().now()))
    log.close()


@pytest.mark.parametrize("waiting", [0, WAITING])
def test_the_summary_is_there_in_time(tmp_path: Path, broker: Broker, waiting: int) -> None:
    write_line_bundle(tmp_path / "bundle")
    frames = write_strip(tmp_path / "frames", 10, [(0, 0, 3), (2, 7, 5)])
    mqtt_receiver = {"mqtt": [{"host": "127.0.0.1", "port": broker.port}]}
    config = write_config(tmp_path, sections(tmp_path, frames, deliver=mqtt_receiver))
    if waiting:
        _left_behind(tmp_path, waiting)
    consumer = Timed(broker.port, TOPIC)
    with Daemon(config) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: len(_delays_s(daemon.reader(), consumer)) >= 3, "three coils", 90)
    delays_s = _delays_s(daemon.reader(), consumer)
    consumer.close()
    assert not consumer.gaps
    log.info("%d events waiting: tail-out to receipt %s s", waiting, sorted(delays_s))
    assert max(delays_s) < WITHIN_S


def _delays_s(reader: EventReader, consumer: Timed) -> list[float]:
    """Of the coils that ended by themselves, once the first event of all had come: from the frame
    that showed the tail to the receipt.
    """
    connected_ns = min(consumer.received_ns.values(), default=0)
    reports = [r for r in reader.of_kinds(["coil_report"]) if r.event.subject != "old"]
    reader.close()
    return [
        (consumer.received_ns[r.event.seq] - r.grabbed.utc_ns) / 1e9
        for r in reports
        if not r.event.data["interrupted"]
        and r.event.seq in consumer.received_ns
        and r.grabbed.utc_ns > connected_ns
    ]
