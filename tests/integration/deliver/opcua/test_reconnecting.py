"""Clients that lose the network, come back, and leave nothing behind at the server."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from asyncua import Client
from asyncua.ua.uaerrors import UaError

from edge.ledger.log import EventLog
from tests.line.daemon import Daemon
from tests.line.opcua import Changes, OpcUaLine
from tests.line.proxy import Proxy
from tests.unit.edge.ledger.making import commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
NODES = "ns=2;s="
AT_ONCE = 4
_log = logging.getLogger(__name__)


@pytest.fixture
def line(tmp_path: Path) -> OpcUaLine:
    return OpcUaLine(tmp_path, session_timeout_s=5)


def gauge(courier: Daemon, name: str) -> float:
    return courier.metrics("courier_port")[f'stripsight_opcua_{name}{{receiver="opcua"}}']


def nothing_is_left(courier: Daemon) -> bool:
    return gauge(courier, "sessions") == 0 and gauge(courier, "connections") == 0


async def subscribed(client: Client, changes: Changes) -> None:
    subscription = await client.create_subscription(20, changes)
    await subscription.subscribe_data_change(client.get_node(NODES + "LastSeq"))


def test_a_client_that_was_cut_off_comes_back(
    line: OpcUaLine, log: EventLog, courier: Daemon
) -> None:
    async def follow(proxy: Proxy) -> None:
        changes = Changes()
        client = await line.client(port=proxy.port)
        await client.connect()
        await subscribed(client, changes)
        await asyncio.to_thread(log.commit, commit(defect("c-1/1")))
        await changes.wait_for("LastSeq", 1)
        proxy.cut()
        with pytest.raises((UaError, ConnectionError, TimeoutError)):
            await client.get_node(NODES + "LastSeq").read_value()
        await client.disconnect()
        await asyncio.to_thread(log.commit, commit(defect("c-1/2")))
        proxy.restore()
        again = Changes()
        async with await line.client(port=proxy.port) as client:
            await subscribed(client, again)
            await again.wait_for("LastSeq", 2)

    with Proxy(line.port) as proxy:
        asyncio.run(follow(proxy))
        wait_for(lambda: nothing_is_left(courier), "the lost session is gone", 30)


def test_node_opcua_reconnects_by_itself(line: OpcUaLine, log: EventLog, courier: Daemon) -> None:
    with Proxy(line.port) as proxy:
        url = f"opc.tcp://127.0.0.1:{proxy.port}/"
        with line.node(url=url, maxRetry=1000) as client:
            client.connect()
            client.ask("subscribe", nodes=[NODES + "LastSeq"])
            log.commit(commit(defect("c-1/1")))
            client.wait_for("LastSeq", 1)
            proxy.cut()
            assert client.events.get(timeout=20) in {"connection_lost", "start_reconnection"}
            log.commit(commit(defect("c-1/2")))
            proxy.restore()
            client.wait_for("LastSeq", 2)
            log.commit(commit(defect("c-1/3")))
            client.wait_for("LastSeq", 3)
        wait_for(lambda: nothing_is_left(courier), "no session is left", 30)


def test_a_session_without_a_network_is_gone_in_seconds(line: OpcUaLine, courier: Daemon) -> None:
    """Neither end is told: no FIN, no RST. The client's next session is a new one."""

    async def vanish(proxy: Proxy) -> None:
        client = await line.client(port=proxy.port)
        await client.connect()
        await subscribed(client, Changes())
        await asyncio.to_thread(wait_for, lambda: gauge(courier, "sessions") == 1, "a session")
        protocol = client.uaclient.protocol
        assert protocol is not None
        proxy.go_dumb()
        await asyncio.to_thread(wait_for, lambda: nothing_is_left(courier), "no session", 40)
        client.disconnect_socket()
        await client.disconnect()
        if protocol.transport is not None:  # a client that found the server dead leaves it open
            protocol.transport.abort()
            await asyncio.sleep(0)

    with Proxy(line.port) as proxy:
        asyncio.run(vanish(proxy))


def rss_mb(courier: Daemon) -> float:
    return courier.metrics("courier_port")["process_resident_memory_bytes"] / 1e6


def fds(courier: Daemon) -> float:
    return courier.metrics("courier_port")["process_open_fds"]


async def visits(line: OpcUaLine, times: int) -> None:
    """Connect, subscribe and leave: politely, or by closing the socket with all left open."""
    for n in range(times):
        client = await line.client()
        await client.connect()
        await subscribed(client, Changes())
        if n % 2:
            client.disconnect_socket()
        await client.disconnect()


async def many(line: OpcUaLine, times: int) -> None:
    await asyncio.gather(*(visits(line, times // AT_ONCE) for _ in range(AT_ONCE)))


# asyncua's client leaves the sockets that it has been told to drop to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("times", [100, pytest.param(1000, marks=pytest.mark.soak)])
def test_reconnects_leave_nothing(line: OpcUaLine, courier: Daemon, times: int) -> None:
    leaves_nothing(courier, lambda count: asyncio.run(many(line, count)), times)


def leaves_nothing(courier: Daemon, come_and_go: Callable[[int], None], times: int) -> None:
    come_and_go(times // 5)
    wait_for(lambda: nothing_is_left(courier), "the first sessions are gone", 30)
    warm_mb, warm_fds = rss_mb(courier), fds(courier)
    come_and_go(times)
    wait_for(lambda: nothing_is_left(courier), "all sessions are gone", 30)
    grown_mb = rss_mb(courier) - warm_mb
    _log.info("%d reconnects: %.1f MB grown from %.0f MB", times, grown_mb, warm_mb)
    assert fds(courier) <= warm_fds + 2
    assert grown_mb < 2 + times * 0.01  # 10 kB each would be a session kept


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("times", [30, pytest.param(1000, marks=pytest.mark.soak)])
def test_node_opcua_reconnects_leave_nothing(line: OpcUaLine, courier: Daemon, times: int) -> None:
    def come_and_go(count: int) -> None:
        with line.node() as client:
            client.ask(
                "reconnects", 1.5 * count + 60, times=count, node=NODES + "Heartbeat",
                **client.options,
            )  # fmt: skip

    leaves_nothing(courier, come_and_go, times)
