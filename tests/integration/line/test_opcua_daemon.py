"""The whole daemon, and a PLC that follows it over OPC UA as `docs/opcua.md` tells it to."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from edge.deliver.plc_words import RING
from tests.line.daemon import Daemon
from tests.line.opcua import PATIENCE_S, Changes, OpcUaLine
from tests.line.strip import sections, write_line_bundle, write_strip
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
NODES = "ns=2;s="
DEFECTS = [(0, 0, 3), (2, 7, 5), (3, 0, 5), (3, 1, 6), (9, 7, 0)]
SLOTS = 16


class Plc:
    """Keeps `taken` and the newest revision of each defect."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._slots = [
            [client.get_node(f"{NODES}Ring[{n}].{word.name}") for word in RING]
            for n in range(1, SLOTS + 1)
        ]
        self.taken = 0
        self.defects: dict[tuple[str, int], dict[str, Any]] = {}

    async def cycle(self) -> None:
        flat = await self._client.read_values([node for slot in self._slots for node in slot])
        width = len(RING)
        rows = [flat[n * width : (n + 1) * width] for n in range(SLOTS)]
        named = [dict(zip((word.name for word in RING), row, strict=True)) for row in rows]
        fresh = sorted((s for s in named if s["Seq"] > self.taken), key=lambda s: int(s["Seq"]))
        for slot in fresh:
            assert slot["Seq"] == slot["SeqCheck"]
            self.defects[slot["Coil"], slot["Defect"]] = slot
            self.taken = slot["Seq"]
        if fresh:
            word = self._client.get_node(NODES + "Acknowledge")
            await word.write_value(ua.Variant(self.taken, ua.VariantType.UInt32))

    @property
    def coils(self) -> list[str]:
        return sorted({coil for coil, _ in self.defects})

    def of(self, coil: str) -> list[dict[str, Any]]:
        return [slot for (named, _), slot in self.defects.items() if named == coil]


async def until(done: Callable[[], bool], plc: Plc) -> None:
    async with asyncio.timeout(3 * PATIENCE_S):
        while not done():
            await plc.cycle()


def test_a_plc_that_reads_the_ring_has_every_defect(tmp_path: Path) -> None:
    write_line_bundle(tmp_path / "bundle")
    write_strip(tmp_path / "frames", 10, DEFECTS)
    line = OpcUaLine(tmp_path, sections(tmp_path, tmp_path / "frames"))

    async def follow(daemon: Daemon) -> None:
        async with await line.client() as client:
            changes = Changes()
            subscription = await client.create_subscription(50, changes)
            words = ("State", "InspectionValid", "Coverage10s", "CoilPosition")
            await subscription.subscribe_data_change([client.get_node(NODES + w) for w in words])
            plc = Plc(client)
            await until(lambda: len(plc.coils) > 0, plc)
            begun = plc.coils[-1]  # what was before is in the ring in part
            before = await client.get_node(NODES + "Overwritten").read_value()
            await until(lambda: len([c for c in plc.coils if c > begun]) > 1, plc)
            coil = next(c for c in plc.coils if c > begun)
            await changes.wait_for("State", 1)
            await changes.wait_for("InspectionValid", value=True)
            await changes.wait_for("Coverage10s", 1.0)
            assert await client.get_node(NODES + "Overwritten").read_value() == before
            assert changes.newest["CoilPosition"] > 0
        told = daemon.reader().of_coil(coil, ["defect"])
        last = {r.event.data["defect_id"]: r.event.data for r in told}
        wanted = sorted(
            (d["extent"]["from_m"], d["extent"]["to_mm"], d["phase"]) for d in last.values()
        )
        phases = {1: "opened", 2: "extended", 3: "closed", 4: "interrupted"}
        found = sorted((s["FromM"], s["ToMm"], phases[s["Phase"]]) for s in plc.of(coil))
        assert len(found) == len(wanted) == 3
        for (from_m, to_mm, phase), (want_m, want_mm, want) in zip(found, wanted, strict=True):
            assert (from_m, to_mm) == (pytest.approx(want_m), pytest.approx(want_mm))
            assert phase == want

    with Daemon(line.config) as daemon:
        daemon.wait_until_inspecting()
        wait_for(lambda: "listens on" in daemon.log.read_text(), "the server listens", 120)
        asyncio.run(follow(daemon))
