"""Clients that connect as fast as they can, while a broker is to get its events."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.ledger.log import EventLog
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon
from tests.line.opcua import OpcUaLine
from tests.unit.edge.ledger.making import commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
ABUSERS = 3
EVENTS = 500
HELLO = b"HELF\x20\0\0\0\0\0\0\0\xff\xff\0\0\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0"


@pytest.fixture
def line(tmp_path: Path, broker: Broker) -> OpcUaLine:
    mqtt = [{"host": "127.0.0.1", "port": broker.port}]
    return OpcUaLine(tmp_path, {"deliver": {"mqtt": mqtt}}, connections_per_s=20)


@contextlib.contextmanager
def abuse(port: int) -> Iterator[None]:
    """From another address than the honest client's: connect, say hello, leave it open."""
    over = threading.Event()

    def work() -> None:
        kept: list[socket.socket] = []
        while not over.is_set():
            with contextlib.suppress(OSError):
                one = socket.create_connection(("127.0.0.1", port), 1, ("127.0.0.2", 0))
                kept.append(one)
                one.sendall(HELLO)
            while len(kept) > 100:
                kept.pop(0).close()
        for one in kept:
            one.close()

    threads = [threading.Thread(target=work) for _ in range(ABUSERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_neither_the_broker_nor_an_honest_client_waits(
    line: OpcUaLine, log: EventLog, serve: Callable[[OpcUaLine], Daemon]
) -> None:
    courier = serve(line)
    consumer = Consumer(line.mqtt_port, "stripsight/mill/line-1/top/events")

    async def read() -> None:
        async with await line.client() as client:
            await client.get_node("ns=2;s=Heartbeat").read_value()

    def refused() -> float:
        """Too many from one address or too fast, whichever came first."""
        metrics = courier.metrics("courier_port")
        name = 'stripsight_opcua_refused_total{{reason="{}",receiver="opcua"}}'
        return sum(metrics.get(name.format(reason), 0) for reason in ("too_fast", "too_many"))

    with contextlib.closing(consumer), abuse(line.port):
        wait_for(lambda: refused() > 100, "abuse", 60)
        for n in range(EVENTS):
            log.commit(commit(defect(f"c-1/{n}")))
        wait_for(lambda: consumer.seq == EVENTS, "all events are with the broker's consumer", 60)
        asyncio.run(read())
    assert consumer.gaps == []
