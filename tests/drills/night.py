"""Everything at once, to the whole daemon; judged by what the mill's control system got."""

import contextlib
import os
import signal
from pathlib import Path

from contract.events import Event
from tests.drills.camera import HurtCamera, source
from tests.drills.disk import fill, small_disk
from tests.drills.line import DrillLine
from tests.line.broker import Broker
from tests.line.consumer import Consumer
from tests.line.daemon import Daemon
from tests.line.truth import Findings
from tests.waiting import answers, free_port, wait_for

TOPIC = "stripsight/mill/line-1/top/events"
LEDGER, CAMERA = "the ledger cannot be written", "the source delivers no frames"
DROPPED = 'stripsight_frames_lost_total{reason="buffer_overflow"}'


def three_in_the_morning(folder: Path, seed: int, effort: int) -> Findings:
    """The camera is pulled, the ledger's disk is full, the broker stops and the courier is killed;
    then all of it is mended, `effort` times. The findings are those of a consumer.
    """
    with contextlib.ExitStack() as opened:
        disk = opened.enter_context(small_disk(folder / "disk"))
        broker = Broker(folder / "broker")
        opened.callback(broker.stop)
        broker.start()
        consumer = opened.enter_context(contextlib.closing(Consumer(broker.port, TOPIC)))
        camera = HurtCamera("pulled", folder / "camera")
        line = DrillLine(
            folder,
            seed,
            command="run",
            program=camera.program,
            source=source(folder / "frames"),
            ledger={"path": str(disk / "ledger"), "event_buffer_s": 0.5},
            deliver={"mqtt": [{"host": "127.0.0.1", "port": broker.port}]},
            console={"enabled": True, "port": free_port()},
        )
        with line.inspecting() as daemon:
            wait_for(lambda: sound(daemon), "all of the line is sound", 60)
            for _ in range(effort):
                _hurt(daemon, disk, broker, camera)
                _mend(disk, broker, camera)
                wait_for(lambda: sound(daemon), "all of the line is sound again", 60)
                line.pass_coils(2)
        last = daemon.reader().last_seq()
        wait_for(lambda: consumer.seq == last, "the consumer has everything")
        assert not consumer.gaps
        findings = line.findings(camera.shown(), map(Event.model_validate, consumer.events))
    assert findings.cells["lost(buffer_overflow)"], f"nothing was dropped: {findings.cells}"
    told = {event["data"]["reason"] for event in consumer.of_type("not_inspected")}
    assert "camera_away" in told, f"of the camera nothing is told: {told}"
    return findings


def refused(daemon: Daemon, disk: Path) -> bool:
    """Fill the rest of the disk; whether the ledger has noticed."""
    fill(disk)
    return LEDGER in daemon.status().get("degraded", [])


def _hurt(daemon: Daemon, disk: Path, broker: Broker, camera: HurtCamera) -> None:
    broker.stop()
    wait_for(lambda: refused(daemon, disk), "the ledger is refused", 90)
    dropped = daemon.metrics().get(DROPPED, 0)
    wait_for(lambda: daemon.metrics().get(DROPPED, 0) > dropped, "frames that find no room")
    camera.pull()
    killed = _courier_since(daemon)
    os.kill(daemon.pid_of("courier"), signal.SIGKILL)
    both = {LEDGER, CAMERA}
    wait_for(lambda: both <= set(daemon.status().get("degraded", [])), "both are told")
    assert not daemon.status()["inspection_valid"]
    wait_for(lambda: _courier_since(daemon) > killed, "another courier has started", 60)


def _mend(disk: Path, broker: Broker, camera: HurtCamera) -> None:
    (disk / "filler").unlink()
    camera.put_back()
    broker.start()


def _courier_since(daemon: Daemon) -> float:
    """When the courier's process began; 0 while there is none."""
    return daemon.metrics("courier_port").get("process_start_time_seconds", 0.0)


def sound(daemon: Daemon) -> bool:
    """What the control socket, the courier and the operator's page say."""
    status, settings = daemon.status(), daemon.settings
    return (
        (status.get("state"), status.get("inspection_valid")) == ("running", True)
        and answers(f"http://127.0.0.1:{settings['metrics']['courier_port']}/readyz")
        and answers(f"http://127.0.0.1:{settings['console']['port']}/")
    )
