"""OPC 40100-1: the vision system as its clients see it."""

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, Node, Server, ua

from contract.bodies import CoilCorrected, CoilData
from contract.events import Draft
from edge.control import ControlServer
from edge.ledger.log import EventLog
from tests.conftest import ROOT
from tests.line.daemon import Daemon
from tests.line.opcua import PATIENCE_S, Changes, OpcUaLine
from tests.unit.edge.ledger.making import coil_report, commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
NODESET = ROOT / "var" / "nodesets" / "Opc.Ua.MachineVision.NodeSet2.xml"
NODES = "ns=2;s="
KEPT = NODES + "Vision.ResultManagement.Results.Result[1]"
URI = "http://opcfoundation.org/UA/MachineVision"
MODEL = {"name": "demo", "version": "7", "digest": "ab" * 32}


@pytest.fixture
def line(tmp_path: Path) -> OpcUaLine:
    if not NODESET.exists():
        pytest.skip(f"{NODESET.name} is not installed: `make test` installs it where npm is there")
    return OpcUaLine(tmp_path, nodeset=str(NODESET))


@pytest.fixture(scope="module", autouse=True)
def types() -> None:
    """A client of asyncua cannot learn these types from a server, for some of them have no fields
    but their base's; it knows them once they were imported in its process.
    """
    if not NODESET.exists():
        return

    async def learn() -> None:
        server = Server()
        await server.init()
        await server.register_namespace("of the block")  # the index must be the same
        await server.import_xml(str(NODESET))
        await server.load_data_type_definitions()

    asyncio.run(learn())


class Results:
    """ResultReady events."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.came = asyncio.Event()

    def event_notification(self, event: Any) -> None:  # noqa: ANN401 - fields by its own type
        self.seen.append(event)
        self.came.set()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.seen) < count:
                self.came.clear()
                await self.came.wait()


async def until_kept(client: Client, coil: str) -> None:
    """Return when the first result is of that coil."""
    async with asyncio.timeout(PATIENCE_S):
        while (kept := await client.get_node(KEPT).read_value()) is None or kept.JobId.Id != coil:
            await asyncio.sleep(0.05)


def corrected(subject: str, coil_id: str) -> Draft:
    body = CoilCorrected(coil_id=coil_id, width_mm=1.0, data=CoilData(), by="level2")
    return Draft(body, subject, coil_id, datetime(2026, 11, 27, tzinfo=UTC))


async def result_type(client: Client) -> Node:
    mv = await client.get_namespace_index(URI)
    return client.get_node(f"ns={mv};i=1024")


def test_results_are_events_and_kept(line: OpcUaLine, log: EventLog, courier: Daemon) -> None:
    async def follow() -> None:
        async with await line.client() as client:
            results = Results()
            subscription = await client.create_subscription(20, results)
            await subscription.subscribe_events(
                client.get_node(NODES + "Vision"), await result_type(client)
            )
            first = commit(defect("c-1/1"), defect("c-1/1", 2, "extended"), coil_report("c-1"))
            await asyncio.to_thread(log.commit, first)
            await results.wait_for(2)
            found, report = results.seen
            assert (found.IsPartial, report.IsPartial) == (True, False)
            assert (found.IsSimulated, report.IsSimulated) == (True, True)
            assert (found.ResultState, report.ResultState) == (2, 1)
            assert (found.JobId.Id, report.PartId.Id) == ("c-1", "c-1")
            assert found.InternalRecipeId.Id == "m"
            told = json.loads(report.ResultContent[0].Value)
            assert (told["type"], told["id"]) == ("stripsight.coil_report", report.ResultId.Id)
            kept = client.get_node(KEPT)
            value = await kept.read_value()
            assert value.ResultId.Id == report.ResultId.Id
            assert value.IsSimulated is True

    asyncio.run(follow())
    assert courier.running


def test_results_have_the_mills_id_of_their_coil(
    line: OpcUaLine, log: EventLog, courier: Daemon
) -> None:
    log.commit(commit(corrected("unnamed~1", "4711/02"), coil_report("unnamed~1")))
    log.commit(commit(corrected("unnamed~1", "4711/03")))

    async def follow() -> None:
        async with await line.client() as client:
            results = Results()
            subscription = await client.create_subscription(20, results)
            await subscription.subscribe_events(
                client.get_node(NODES + "Vision"), await result_type(client)
            )
            await until_kept(client, "4711/03")
            await asyncio.to_thread(log.commit, commit(defect("unnamed~1/1", coil="unnamed~1")))
            await results.wait_for(1)
            assert (results.seen[0].JobId.Id, results.seen[0].PartId.Id) == ("4711/03",) * 2
            assert (await client.get_node(KEPT).read_value()).PartId.Id == "4711/03"

    asyncio.run(follow())
    assert courier.running


def test_results_of_a_camera_are_not_simulated(
    tmp_path: Path, serve: Callable[[OpcUaLine], Daemon]
) -> None:
    """Nothing inspects here, so nobody needs the camera."""
    line = OpcUaLine(tmp_path / "line", {"source": {"kind": "pylon"}}, nodeset=str(NODESET))
    with closing(line.ledger()) as log:
        log.commit(commit(coil_report("c-1")))
        serve(line)

        async def look() -> None:
            async with await line.client() as client:
                await until_kept(client, "c-1")
                assert (await client.get_node(KEPT).read_value()).IsSimulated is False

        asyncio.run(look())


def test_kept_results_are_back_after_a_restart_and_not_told_again(
    line: OpcUaLine, log: EventLog, serve: Callable[[OpcUaLine], Daemon]
) -> None:
    log.commit(commit(coil_report("c-1")))
    first = serve(line)
    lag = 'stripsight_events_delivered_total{receiver="opcua"}'
    wait_for(lambda: first.metrics("courier_port").get(lag) == 1, "it is shown")
    first.stop()
    serve(line)

    async def look() -> None:
        async with await line.client() as client:
            await until_kept(client, "c-1")

    asyncio.run(look())


def test_the_state_machine_and_the_recipe_follow_the_line(line: OpcUaLine, courier: Daemon) -> None:
    status: dict[str, Any] = {"state": "running", "coil": "c-1", "model": MODEL}
    control = ControlServer(line.folder / "run", {"status": lambda _: status})
    machine = NODES + "Vision.VisionStateMachine"

    async def follow() -> None:
        async with await line.client() as client:
            changes = Changes()
            subscription = await client.create_subscription(20, changes)
            state = client.get_node(machine + ".CurrentState")
            mode = client.get_node(machine + ".AutomaticModeStateMachine.CurrentState")
            await subscription.subscribe_data_change([state, mode])
            path, inner = str(state.nodeid.Identifier), str(mode.nodeid.Identifier)
            await changes.wait_for(path, ua.LocalizedText("Halted", "en"))
            await asyncio.to_thread(control.start)
            await changes.wait_for(path, ua.LocalizedText("Operational", "en"))
            await changes.wait_for(inner, ua.LocalizedText("ContinuousExecution", "en"))
            number = await client.get_node(machine + ".CurrentState.Id").read_value()
            assert (await client.get_node(number).read_browse_name()).Name == "Operational"
            recipes = NODES + "Vision.RecipeManagement.Recipes.Active.InternalId"
            recipe = await client.get_node(recipes).read_value()
            assert (recipe.Id, recipe.Version, recipe.Hash) == ("demo", "7", b"\xab" * 32)
            status["coil"] = None
            await changes.wait_for(inner, ua.LocalizedText("Ready", "en"))
            status.update(source_opened=False, state="no_source")
            await changes.wait_for(path, ua.LocalizedText("Preoperational", "en"))
            status["source_opened"] = True
            await changes.wait_for(path, ua.LocalizedText("Error", "en"))
            await asyncio.to_thread(control.stop)
            await changes.wait_for(path, ua.LocalizedText("Halted", "en"))

    asyncio.run(follow())
    assert courier.running


def test_node_opcua_finds_the_vision_system_and_reads_a_result(
    line: OpcUaLine, log: EventLog, courier: Daemon
) -> None:
    with line.node() as client:
        client.connect()
        assert client.ask("translate", path="/Types/ObjectTypes/BaseObjectType/3:VisionSystemType")
        below = client.ask("browse", node=NODES + "Vision")
        assert isinstance(below, list)
        assert {"VisionStateMachine", "RecipeManagement", "ResultManagement"} <= set(below)
        client.ask("subscribe", nodes=[NODES + "LastSeq"])
        log.commit(commit(coil_report("c-1")))
        client.wait_for("LastSeq", 1)
        read: Any = client.ask("read", nodes=[KEPT])
        assert (read[0]["jobId"]["id"], read[0]["isSimulated"]) == ("c-1", True)
    assert courier.running


@pytest.mark.parametrize("found", ["nothing", "another file"])
def test_without_its_types_the_flat_block_is_served(
    tmp_path: Path, serve: Callable[[OpcUaLine], Daemon], found: str
) -> None:
    nodeset = tmp_path / "types.xml"
    if found == "another file":
        nodeset.write_text("<xml>no NodeSet</xml")
    line = OpcUaLine(tmp_path / "line", nodeset=str(nodeset))
    courier = serve(line)
    assert "the server shows the flat block alone" in courier.log.read_text()

    async def look() -> None:
        async with await line.client() as client:
            await client.get_node(NODES + "Heartbeat").read_value()

    asyncio.run(look())
