"""What clients leave behind in the server's own process, object by object."""

import asyncio
import gc
import logging
from collections import Counter

import pytest
from asyncua import Client, ua
from prometheus_client import CollectorRegistry

from edge.clock import SystemClock
from edge.config import OpcUaServer
from edge.deliver.opcua.door import Door
from edge.deliver.opcua.listening import GuardedServer
from edge.metrics import CourierMetrics
from tests.line.opcua import Changes
from tests.waiting import free_port

pytestmark = pytest.mark.integration
VISITS = 20
SUSPECTS = (
    "InternalSession", "InternalSubscription", "MonitoredItemService", "_Processor", "_Connection",
    "Logger", "Task", "SecureConnection",
)  # fmt: skip


def alive() -> Counter[str]:
    gc.collect()
    kinds = Counter(type(thing).__name__ for thing in gc.get_objects())
    return Counter({name: kinds[name] for name in SUSPECTS})


async def visit(port: int) -> None:
    client = Client(f"opc.tcp://127.0.0.1:{port}/")
    async with client:
        subscription = await client.create_subscription(20, Changes())
        await subscription.subscribe_data_change(client.get_node(ua.ObjectIds.Server_ServerStatus))


async def until_gone(server: GuardedServer) -> None:
    async with asyncio.timeout(30):
        while server.connections or server.iserver.sessions:
            await server.sweep()
            await asyncio.sleep(0.05)
    await server.bserver._close_tasks()  # type: ignore[union-attr] # asyncua does each ten seconds
    await server.sweep()


def test_a_visit_leaves_nothing() -> None:
    section = OpcUaServer.model_validate(
        {"port": free_port(), "policies": ["None"], "anonymous": True, "connections_per_s": 1000}
    )
    door = Door(section, None, None, CourierMetrics(CollectorRegistry()), SystemClock())

    async def work() -> Counter[str]:
        server = GuardedServer(door)
        await server.init()
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        await server.start()
        try:
            await visit(section.port)
            await until_gone(server)
            before = alive()
            for _ in range(VISITS):
                await visit(section.port)
            await until_gone(server)
            return alive() - before
        finally:
            await server.stop()

    left = asyncio.run(work())
    assert max(left.values(), default=0) < VISITS, left
    names = logging.Logger.manager.loggerDict
    assert sum("monitored_item_service." in name for name in names) == 0
