"""The mill's signals from a real OPC UA server, as the inspecting process hears them."""

import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from prometheus_client import CollectorRegistry

from edge.clock import SystemClock
from edge.config import MillOpcUa
from edge.deliver.mill_opcua import OpcUaMill
from edge.metrics import CourierMetrics
from edge.mill.heard import LinkSignal
from edge.mill.signals import CoilSignal, HeadSignal, PositionSignal, SpeedSignal, TailSignal
from edge.mill.wire import SignalReceiver, SignalSender
from edge.stage import Stage
from tests.line.network import Network
from tests.line.plc import MillServer
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
VALUES = {
    "coil": "", "order": "", "width": 0.0, "head": 0, "tail": False, "speed": 0.0, "position": 0.0,
}  # fmt: skip


class Ear:
    """An adapter in a thread, and what it has handed on."""

    def __init__(
        self, folder: Path, endpoint: str, words: Iterable[str], **settings: object
    ) -> None:
        section = MillOpcUa.model_validate(
            {
                "endpoint": endpoint, "security_policy": "None", "timeout_s": 1.0,
                "nodes": {word: f"ns=2;s={word}" for word in words}, **settings,
            }
        )  # fmt: skip
        self.registry = CollectorRegistry()
        self._receiver = SignalReceiver(folder / "run")
        self._sender = SignalSender(folder / "run", SystemClock())
        self._stop = threading.Event()
        mill = OpcUaMill(section, "test", self._sender, CourierMetrics(self.registry))
        self._stage = Stage("mill", lambda: mill.run(self._stop), self._stop)
        self._stage.start()
        self._heard: list[Any] = []
        self.link: LinkSignal | None = None

    def heard(self, *kinds: type) -> list[Any]:
        """The messages of some kinds so far."""
        while (message := self._receiver.take(0.01)) is not None:
            if isinstance(message.signal, LinkSignal):
                self.link = message.signal
            else:
                self._heard.append(message.signal)
        return [signal for signal in self._heard if isinstance(signal, kinds)]

    def linked(self, *, up: bool, why: str = "") -> bool:
        self.heard()
        return self.link is not None and self.link.up == up and why in self.link.why

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, {"source": "mill-opcua", **labels}) or 0.0

    def close(self) -> None:
        self._stop.set()
        assert self._stage.join(20)
        assert self._stage.error is None
        self._sender.close()
        self._receiver.close()


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[MillServer]:
    with MillServer(tmp_path / "mill", VALUES) as server:
        yield server


def test_coils_heads_speed_and_position_are_heard(tmp_path: Path, mill: MillServer) -> None:
    ear = Ear(tmp_path, mill.endpoint, VALUES, scale={"speed": 1 / 60})
    wait_for(lambda: ear.linked(up=True), "the link")
    mill.tell(coil="C/100", order="o-7", width=1250.0, speed=120.0, position=17.5)
    (coil,) = wait_for(lambda: ear.heard(CoilSignal), "the coil")
    assert (coil.id, coil.order, coil.width_mm, coil.place) == ("C/100", "o-7", 1250.0, None)
    mill.tell(coil="C/101", head=1)
    wait_for(lambda: ear.heard(HeadSignal), "the head")
    kinds = [s.signal for s in ear.heard(CoilSignal, HeadSignal)]
    assert kinds == ["coil", "coil", "head"]
    assert ear.heard(CoilSignal)[-1].id == "C/101"
    mill.tell(tail=True)
    mill.tell(tail=False)
    assert len(wait_for(lambda: ear.heard(TailSignal), "the tail")) == 1
    assert ear.heard(SpeedSignal)[-1].m_per_s == pytest.approx(2.0)
    count = len(ear.heard(SpeedSignal))
    wait_for(lambda: len(ear.heard(SpeedSignal)) > count + 2, "the same speed again")
    assert ear.heard(PositionSignal)[-1].position_m == 17.5
    ear.close()


def test_lost_server_is_told_and_everything_read_again(tmp_path: Path, mill: MillServer) -> None:
    with Network(mill.port) as network:
        ear = Ear(tmp_path, network.endpoint, ["coil", "head", "speed"])
        mill.tell(coil="C-1", speed=3.0)
        wait_for(lambda: ear.heard(CoilSignal) and ear.heard(SpeedSignal), "the first coil")
        network.hold()
        wait_for(lambda: ear.linked(up=False, why="no answer"), "the loss")
        assert ear.metric("stripsight_mill_source_up") == 0
        mill.tell(coil="C-2", head=1, speed=4.0)
        network.cut()
        network.release()
        wait_for(lambda: len(ear.heard(CoilSignal)) == 2, "the coil that came meanwhile")
        wait_for(lambda: ear.linked(up=True), "the link")
        assert ear.heard(CoilSignal, HeadSignal)[-1].signal == "head"
        mill.kill()
        wait_for(lambda: ear.linked(up=False), "the loss")
        mill.start()
        wait_for(lambda: ear.linked(up=True), "the server is back")
        mill.tell(coil="C-3")
        wait_for(lambda: ear.heard(CoilSignal)[-1].id == "C-3", "a coil of the new server")
        ear.close()


def test_bad_status_and_wrong_types_count_as_missing(tmp_path: Path, mill: MillServer) -> None:
    ear = Ear(tmp_path, mill.endpoint, ["coil", "speed"])
    mill.tell(coil="C-1", speed=2.0)
    wait_for(lambda: ear.heard(SpeedSignal), "the speed")
    mill.tell(ua.StatusCodes.BadSensorFailure, speed=None)
    wait_for(lambda: ear.linked(up=False, why="speed: BadSensorFailure"), "the bad speed")
    count = len(ear.heard(SpeedSignal))
    mill.tell(coil="x" * 10_000)
    wait_for(lambda: ear.linked(up=False, why="coil: "), "the coil's impossible id")
    assert len(ear.heard(SpeedSignal)) == count
    mill.tell(coil="C-2", speed=300.0)
    wait_for(lambda: ear.linked(up=False, why="m_per_s"), "the impossible speed")
    mill.tell(speed=2.5)
    wait_for(lambda: ear.linked(up=True), "all is well again")
    assert [s.id for s in ear.heard(HeadSignal) if s.id] == ["C-1", "C-2"]
    for reason in ("bad_quality", "bad_id", "impossible_speed"):
        assert ear.metric("stripsight_mill_refused_total", reason=reason) >= 1
    ear.close()


@pytest.mark.parametrize(
    ("place", "told"),
    [(None, ["C-2", "head"]), ("next", ["head", "C-2"]), ("running", ["head", "C-2"])],
)
def test_an_id_that_changes_with_the_head_is_of_its_place(
    tmp_path: Path, mill: MillServer, place: str | None, told: list[str]
) -> None:
    ear = Ear(tmp_path, mill.endpoint, ["coil", "head"], place=place)
    mill.tell(coil="C-1")
    wait_for(lambda: ear.heard(CoilSignal), "the first coil")
    mill.tell(coil="C-2", head=1)
    wait_for(lambda: len(ear.heard(CoilSignal, HeadSignal)) == 3, "the second one and a head")
    heard = ear.heard(CoilSignal, HeadSignal)
    assert [getattr(signal, "id", None) or "head" for signal in heard] == ["C-1", *told]
    assert heard[-1 if told[-1] == "C-2" else 1].place == place
    ear.close()


def test_a_node_that_is_not_there_yet_is_watched_once_it_is(tmp_path: Path) -> None:
    with MillServer(tmp_path / "mill", {"speed": 0.0}, later={"position": 1.5}) as mill:
        ear = Ear(tmp_path, mill.endpoint, ["speed", "position"])
        wait_for(lambda: ear.linked(up=False, why="position: BadNodeIdUnknown"), "the lack is told")
        mill.tell(speed=2.0)
        wait_for(lambda: ear.heard(SpeedSignal)[-1].m_per_s == 2.0, "the other word is heard")
        mill.add_later()
        wait_for(lambda: ear.linked(up=True), "the node is there")
        mill.tell(position=7.0)
        wait_for(lambda: ear.heard(PositionSignal)[-1].position_m == 7.0, "it is watched")
        ear.close()


@pytest.mark.parametrize(
    ("short", "words"), [("create_monitored_items", ["coil", "speed"]), ("read", ["speed"])]
)
def test_too_few_answers_are_told_and_end_nothing(
    tmp_path: Path, short: str, words: list[str]
) -> None:
    with MillServer(tmp_path / "mill", VALUES, short=short) as mill:
        ear = Ear(tmp_path, mill.endpoint, words)
        few, many = len(words) - 1, len(words)
        wait_for(lambda: ear.linked(up=False, why=f"{few} answers to {many} questions"), "the lack")
        ear.close()


def test_a_node_that_comes_and_goes_is_said_once_a_second(
    tmp_path: Path, mill: MillServer, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear(tmp_path, mill.endpoint, ["speed"])
    wait_for(lambda: ear.linked(up=True), "the link")
    clock = SystemClock()
    began_ns = clock.now().monotonic_ns

    def gone(times: int) -> bool:
        return ear.metric("stripsight_mill_refused_total", reason="bad_quality") >= times

    def heard(more_than: int) -> bool:
        return len(ear.heard(SpeedSignal)) > more_than

    for count in range(1, 9):
        mill.tell(ua.StatusCodes.BadSensorFailure, speed=None)
        wait_for(partial(gone, count), "it went")
        before = len(ear.heard(SpeedSignal))
        mill.tell(speed=2.0)
        wait_for(partial(heard, before), "it came")
    took_s = (clock.now().monotonic_ns - began_ns) / 1e9
    assert 1 <= caplog.text.count("BadSensorFailure") <= took_s + 1
    ear.close()
