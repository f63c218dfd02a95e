"""The PLC block in a PLC that is itself the OPC UA server: another process with strict types, few
sessions, and a program that takes defects and acknowledges them.
"""

import contextlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.deliver.plc_client import PlcReceiver
from edge.errors import ReceiverError
from tests.integration.deliver.plc_line import PlcLine
from tests.line.network import Network
from tests.line.plc import Plc
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


def seqs(plc: Plc) -> list[int]:
    return [slot["Seq"] for slot in plc.taken()]


@pytest.fixture
def plc(tmp_path: Path) -> Iterator[Plc]:
    with Plc(tmp_path / "plc") as made:
        yield made


def test_each_defect_is_taken_once_whoever_is_killed(tmp_path: Path, plc: Plc) -> None:
    with Network(plc.port) as network, PlcLine(tmp_path, network.endpoint) as line:
        courier = line.start()
        line.record(100)
        wait_for(lambda: len(plc.taken()) > 30, "the PLC takes defects")
        plc.kill()
        line.record(100)
        wait_for(lambda: "the connection was closed" in courier.log(), "its absence is told")
        plc.start()
        wait_for(lambda: len(plc.taken()) > 130, "the PLC takes defects again")
        courier.kill()
        line.record(50)
        courier = line.start()
        wait_for(lambda: len(plc.taken()) > 210, "a new courier delivers")
        network.cut()
        wait_for(lambda: len(plc.taken()) >= 250, "all defects")
        assert seqs(plc) == list(range(1, 251))
        assert courier.stop() == 0
        assert "Traceback" not in courier.log()
    assert plc.sessions()[-1] == "ended"
    assert "refused" not in plc.sessions()


def test_reconnects_never_leak_a_session(tmp_path: Path, plc: Plc) -> None:
    """Of the two sessions that this PLC allows, a second one of ours would take the HMI's."""
    reconnects(tmp_path, plc, 100, kills=2)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_reconnects_never_leak_a_session(tmp_path: Path, plc: Plc) -> None:
    reconnects(tmp_path, plc, 1000, kills=50)


def reconnects(folder: Path, plc: Plc, count: int, kills: int) -> None:
    """Cut the network at random moments, also of connecting, and kill the PLC now and then."""
    rng = random.Random(5)
    with Network(plc.port) as network, PlcLine(folder, network.endpoint) as line:
        line.plc["session_timeout_s"] = 600
        receiver = line.receiver()
        connected = 0
        for turn in range(1, count + kills + 1):
            if turn % ((count + kills) // kills) == 0:
                plc.kill()
                plc.start()
            cut = threading.Timer(rng.uniform(0, 0.05), network.cut)
            cut.start()
            for _ in range(50):
                try_once(receiver)
                if not cut.is_alive() and receiver.connected:
                    break
            cut.join()
            connected += receiver.connected
        assert connected == count + kills
        receiver.close()
    wait_for(lambda: plc.sessions()[-1] == "ended", "the session's end")
    assert "refused" not in plc.sessions()
    assert max(sessions_in_use(plc)) <= 2


def sessions_in_use(plc: Plc) -> list[int]:
    """After each start of one, the starts of the PLC itself included."""
    return [int(line.split()[1]) for line in plc.sessions() if line.startswith("created")]


def try_once(receiver: PlcReceiver) -> None:
    with contextlib.suppress(ReceiverError):
        receiver.deliver(())
