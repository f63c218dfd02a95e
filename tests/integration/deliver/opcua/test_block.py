"""The flat PLC block as two independent clients see it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import Client, ua

from contract.bodies import CoilCorrected, CoilData, RollRepeat
from contract.events import Draft
from edge.deliver.plc_words import ACKNOWLEDGE, HEAD, RING, tags
from edge.ledger.log import EventLog
from tests.line.daemon import Daemon
from tests.line.opcua import URI, Changes, OpcUaLine
from tests.unit.edge.ledger.making import EXTENT, action, commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
NODES = "ns=2;s="


async def read(client: Client, *paths: str) -> list[Any]:
    return list(await client.read_values([client.get_node(NODES + path) for path in paths]))


def run(
    line: OpcUaLine,
    what: Callable[[Client], Coroutine[Any, Any, None]],
    policy: str = "Basic256Sha256",
) -> None:
    async def work() -> None:
        async with await line.client(policy=policy) as client:
            await what(client)

    asyncio.run(work())


def write_defects(log: EventLog, *numbers: int, coil: str = "c-1") -> None:
    log.commit(commit(*(defect(f"{coil}/{n}", coil=coil) for n in numbers)))


@pytest.mark.parametrize(
    "policy", ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"]
)
def test_every_word_is_there_with_its_type(line: OpcUaLine, courier: Daemon, policy: str) -> None:
    async def look(client: Client) -> None:
        assert await client.get_namespace_index(URI) == 2
        for tag in tags(16):
            node = client.get_node(NODES + tag.path)
            assert (await node.read_data_type_as_variant_type()).name == tag.word.type, tag.path
            assert (await node.read_value()) is not None
        found = await client.nodes.objects.get_child(["2:StripSight"])
        names = {(await child.read_browse_name()).Name for child in await found.get_children()}
        assert names == {word.name for word in (*HEAD, ACKNOWLEDGE)} | {"Ring"}

    run(line, look, policy=policy)
    assert courier.running


def test_defects_reach_subscribers_and_are_acknowledged(
    line: OpcUaLine, log: EventLog, courier: Daemon
) -> None:
    async def follow(client: Client) -> None:
        changes = Changes()
        subscription = await client.create_subscription(20, changes)
        paths = ("LastSeq", "Ring[1].Defect", "Ring[2].Seq", "Unread", "Acknowledge", "Heartbeat")
        await subscription.subscribe_data_change([client.get_node(NODES + p) for p in paths])
        await asyncio.to_thread(write_defects, log, 7, 8)
        await changes.wait_for("LastSeq", 2)
        await changes.wait_for("Ring[1].Defect", 7)
        await changes.wait_for("Ring[2].Seq", 2)
        word = client.get_node(NODES + "Acknowledge")
        await word.write_value(ua.Variant(2, ua.VariantType.UInt32))
        await changes.wait_for("Acknowledge", 2)
        await changes.wait_for("Unread", 0)
        slot = await read(client, *(f"Ring[1].{word.name}" for word in RING))
        assert slot == [
            1, 7, "c-1", 1, 1, 0, "scale", 0, "", pytest.approx(EXTENT.from_m),
            pytest.approx(EXTENT.to_m), 300.0, 400.0, 0.875, 0, 1,
        ]  # fmt: skip
        beats = [value for path, value in changes.all if path == "Heartbeat"]
        await changes.wait_for("Heartbeat", (beats[-1] if beats else 0) + 2)

    run(line, follow)
    assert courier.running


def test_node_opcua_browses_reads_subscribes_and_acknowledges(
    line: OpcUaLine, log: EventLog, courier: Daemon
) -> None:
    with line.node() as client:
        assert client.connect() == 30_000
        ring = client.ask("browse", node=NODES + "Ring")
        assert isinstance(ring, list)
        assert [name for name in ring if str(name).startswith("Ring[")] == [
            f"Ring[{n}]" for n in range(1, 17)
        ]
        path = "/Objects/2:StripSight/2:Heartbeat"
        assert client.ask("translate", path=path) == [NODES + "Heartbeat"]
        client.ask("subscribe", nodes=[NODES + "LastSeq", NODES + "Ring[1].ClassName"])
        write_defects(log, 1)
        client.wait_for("LastSeq", 1)
        assert client.ask("read", nodes=[NODES + "Ring[1].Seq", NODES + "Ring[1].ClassName"]) == [
            1,
            "scale",
        ]
        assert client.ask("write", node=NODES + "Acknowledge", type="UInt32", value=1) == "Good"
        assert client.ask("read", nodes=[NODES + "Acknowledge", NODES + "Ring[99].Seq"]) == [
            1,
            {"status": "BadNodeIdUnknown"},
        ]
        assert (
            client.ask("write", node=NODES + "LastSeq", type="UInt32", value=9) == "BadNotWritable"
        )
    assert courier.running


def test_what_overflows_the_ring_is_counted_and_a_restart_fills_it_again(
    line: OpcUaLine, log: EventLog, serve: Callable[[OpcUaLine], Daemon]
) -> None:
    first = serve(line)
    write_defects(log, *range(1, 21))

    async def overflown(client: Client) -> None:
        changes = Changes()
        subscription = await client.create_subscription(20, changes)
        await subscription.subscribe_data_change(client.get_node(NODES + "Overwritten"))
        await changes.wait_for("Overwritten", 4)

    run(line, overflown)
    first.stop()
    again = serve(line)

    async def filled(client: Client) -> None:
        wanted = [f"Ring[{n}].Seq" for n in range(1, 17)]
        assert sorted(await read(client, *wanted)) == list(range(5, 21))
        assert await read(client, "Overwritten", "LastSeq", "Unread") == [0, 20, 16]

    run(line, filled)
    assert again.running


def test_coils_and_rolls_are_shown(line: OpcUaLine, log: EventLog, courier: Daemon) -> None:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    right = CoilCorrected(coil_id="right", width_mm=1.0, data=CoilData(), by="level2")
    roll = RollRepeat(
        repeat_id="r", revision=1, phase="opened", class_name="dent", extent=EXTENT, period_m=1.25,
        period_error_m=0.01, repeats=3, confidence=0.9, rolls=("F7 top",), defects=(),
    )  # fmt: skip
    write_defects(log, 1)
    log.commit(commit(Draft(right, "c-1", "fix", now), Draft(roll, "c-1", "roll", now)))
    log.commit(commit(action("other")))
    wait_for(lambda: courier.metrics("courier_port").get(
        'stripsight_ledger_lag_events{receiver="opcua"}') == 0, "all is shown")  # fmt: skip

    async def look(client: Client) -> None:
        changes = Changes()
        subscription = await client.create_subscription(20, changes)
        await subscription.subscribe_data_change(client.get_node(NODES + "LastSeq"))
        await changes.wait_for("LastSeq", 4)
        assert await read(client, "Ring[1].Coil", "Ring[1].Seq", "Ring[1].Flags") == ["right", 2, 4]
        assert await read(client, "RollRepeat", "RollRepeatPeriod", "RollRepeatRoll") == [
            True,
            1.25,
            "F7 top",
        ]

    run(line, look)


def test_nobody_inspecting_is_said(line: OpcUaLine, courier: Daemon) -> None:
    async def look(client: Client) -> None:
        assert await read(client, "State", "InspectionValid", "Coverage10s", "Coil") == [
            0,
            False,
            -1.0,
            "",
        ]

    run(line, look)
    assert courier.running
