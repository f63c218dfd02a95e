"""The daemon on a line whose mill tells its coils by the nodes of a real OPC UA server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.events import Event
from tests.line.daemon import Daemon, write_config
from tests.line.plc import MillServer
from tests.line.strip import WIDTH_MM, sections, write_line_bundle, write_strip
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
NODES = {"coil": "", "order": "", "width": 0.0, "head": 0, "speed": 0.0}


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[MillServer]:
    with MillServer(tmp_path / "mill", NODES) as made:
        yield made


def line(folder: Path, endpoint: str) -> Path:
    write_line_bundle(folder / "bundle")
    write_strip(folder / "frames", 10, [(0, 0, 3), (2, 7, 5)])
    server = {
        "endpoint": endpoint, "security_policy": "None", "timeout_s": 2,
        "nodes": {word: f"ns=2;s={word}" for word in NODES}, "place": "running",
    }  # fmt: skip
    settings = sections(folder, folder / "frames") | {
        "coils": {"width_mm": WIDTH_MM},
        "mounting": {"offset_m": 0.5},
        "mill": {"opcua": [server], "bounce_m": 0.1, "max_age_s": {"speed": 2.0}},
    }
    return write_config(folder, settings)


def started(daemon: Daemon) -> dict[str, Event]:
    found = daemon.reader().latest(["coil_started"], 1000)
    return {r.event.subject or "": r.event for r in found}


def corrected(daemon: Daemon) -> dict[str, list[str]]:
    """The ids that each coil was given."""
    found = daemon.reader().latest(["coil_corrected"], 1000)[::-1]
    told = [(r.event.subject, r.event.data["coil_id"]) for r in found]
    return {name: [i for subject, i in told if subject == name] for name in started(daemon)}


def running(daemon: Daemon) -> str:
    return str(daemon.status().get("coil"))


def test_coils_are_those_of_the_mills_nodes(tmp_path: Path, mill: MillServer) -> None:
    with Daemon(line(tmp_path, mill.endpoint)) as daemon:
        daemon.wait_until_inspecting()
        mill.tell(speed=1.0)
        wait_for(lambda: daemon.status().get("mill") == "fine", "the mill is heard")
        mill.tell(coil="C/1", order="o-7", width=WIDTH_MM, head=1)
        wait_for(lambda: running(daemon).startswith("C"), "the first coil", 40)
        subject = running(daemon)
        wait_for(lambda: subject in started(daemon), "its event")
        assert started(daemon)[subject].data["data"]["order"] == "o-7"
        mill.kill()
        wait_for(lambda: daemon.status()["mill"] == "missing", "the loss is seen")
        status = daemon.status()
        assert any("signals are missing: mill-opcua" in why for why in status["degraded"])
        assert daemon.metrics()['stripsight_mill_state{state="missing"}'] == 1
        assert daemon.metrics("courier_port")[UP] == 0
        wait_for(lambda: daemon.status()["frames"] > status["frames"] + 30, "inspection goes on")
        wait_for(lambda: daemon.status()["inspection_valid"], "it is valid all the same")
        assert running(daemon) == subject
        mill.start()
        mill.tell(speed=1.0)
        wait_for(lambda: daemon.status()["mill"] == "fine", "the mill is heard again", 40)
        mill.tell(coil="C-2", head=1)
        wait_for(lambda: running(daemon) == "C-2", "the next coil", 40)
        wait_for(lambda: "C-2" in started(daemon), "its event")
    assert len(started(daemon)) == 3, "the counter that begins at 0 again is no head"
    assert not corrected(daemon)["C-2"], "it had its id before the camera saw it"
    assert corrected(daemon)[subject] == ["C/1"]
    assert daemon.log.read_text().count("mill.opcua 'mill-opcua': opc.tcp") <= 4


UP = 'stripsight_mill_source_up{source="mill-opcua"}'
