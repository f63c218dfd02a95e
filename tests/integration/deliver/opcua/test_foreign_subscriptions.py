"""A session's subscriptions are nobody else's, whatever their numbers: a client that may only read
cannot silence the PLC.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.client.ua_client import UaClient
from asyncua.ua.uaerrors import BadSubscriptionIdInvalid

from edge.ledger.log import EventLog
from tests.line.daemon import Daemon
from tests.line.opcua import Changes, OpcUaLine
from tests.unit.edge.ledger.making import commit, defect

pytestmark = pytest.mark.integration
LAST_SEQ = ua.NodeId.from_string("ns=2;s=LastSeq")


@pytest.fixture
def line(tmp_path: Path) -> OpcUaLine:
    return OpcUaLine(tmp_path, anonymous=True)


def refused(courier: Daemon) -> float:
    name = 'stripsight_opcua_refused_total{reason="subscription",receiver="opcua"}'
    return courier.metrics("courier_port")[name]


def creation(number: int) -> ua.CreateMonitoredItemsParameters:
    item = ua.MonitoredItemCreateRequest()
    item.ItemToMonitor = ua.ReadValueId(NodeId=LAST_SEQ, AttributeId=ua.AttributeIds.Value)
    return ua.CreateMonitoredItemsParameters(SubscriptionId=number, ItemsToCreate=[item])


def change(number: int, item: int) -> ua.ModifyMonitoredItemsParameters:
    wanted = ua.MonitoringParameters(SamplingInterval=1e6, QueueSize=1)
    asked = ua.MonitoredItemModifyRequest(MonitoredItemId=item, RequestedParameters=wanted)
    return ua.ModifyMonitoredItemsParameters(SubscriptionId=number, ItemsToModify=[asked])


def attempts(client: UaClient, number: int, item: int) -> dict[str, Awaitable[Any]]:
    """All that one can ask of a subscription; items are numbered from 1 in each."""
    off = ua.MonitoringMode.Disabled
    return {
        "silence": client.set_publishing_mode(
            ua.SetPublishingModeParameters(PublishingEnabled=False, SubscriptionIds=[number])
        ),
        "mode": client.set_monitoring_mode(ua.SetMonitoringModeParameters(number, off, [item])),
        "change": client.update_subscription(
            ua.ModifySubscriptionParameters(SubscriptionId=number, RequestedPublishingInterval=1e6)
        ),
        "create items": client.create_monitored_items(creation(number)),
        "change items": client.modify_monitored_items(change(number, item)),
        "delete items": client.delete_monitored_items(
            ua.DeleteMonitoredItemsParameters(number, [item])
        ),
        "republish": client.session.republish(number, 1),
        "transfer": client.transfer_subscriptions(ua.TransferSubscriptionsParameters([number])),
        "delete": client.delete_subscriptions([number]),
    }


async def answer(asked: Awaitable[Any]) -> str:
    """The name of the status that a service, or its one operation, came to."""
    try:
        results = await asked
    except BadSubscriptionIdInvalid:
        return "BadSubscriptionIdInvalid"
    first = results[0] if isinstance(results, list) else ua.StatusCode()
    status = getattr(first, "StatusCode", first)
    return str(status.name)


async def answers(stranger: Client, number: int, item: int) -> dict[str, str]:
    asked = attempts(stranger.uaclient, number, item)
    return {what: await answer(asking) for what, asking in asked.items()}


async def with_subscription(client: Client, changes: Changes) -> tuple[int, int]:
    """Their numbers: the subscription's and its item's."""
    made = await client.create_subscription(20, changes)
    item = await made.subscribe_data_change(client.get_node(LAST_SEQ))
    assert made.subscription_id is not None
    assert isinstance(item, int)
    return made.subscription_id, item


@pytest.mark.parametrize("subscribes", [False, True])
def test_nobody_touches_anothers_subscription(
    line: OpcUaLine, log: EventLog, courier: Daemon, *, subscribes: bool
) -> None:
    async def work(record: Callable[[int], Awaitable[None]]) -> None:
        changes, own = Changes(), Changes()
        plc = await line.client()
        stranger = await line.client(certificate=line.make_client("other"), user=None)
        async with plc, stranger:
            number, item = await with_subscription(plc, changes)
            if subscribes:
                await with_subscription(stranger, own)
            await record(1)
            await changes.wait_for("LastSeq", 1)
            found = await answers(stranger, number, item)
            assert found == dict.fromkeys(found, "BadSubscriptionIdInvalid")
            await record(2)
            await changes.wait_for("LastSeq", 2)
            if subscribes:
                await own.wait_for("LastSeq", 2)
            assert [path for path, _ in changes.all] == ["LastSeq"] * len(changes.all)
            assert await answers(plc, number, item) == dict.fromkeys(found, "Good")

    async def record(number: int) -> None:
        await asyncio.to_thread(log.commit, commit(defect(f"c-1/{number}")))

    asyncio.run(work(record))
    assert refused(courier) == 9
    assert "is another session's" in courier.log.read_text()
