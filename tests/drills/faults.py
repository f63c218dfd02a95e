"""What a random trial does to a running line: each fault begins, and is mended by itself.

Processes are ended by SIGKILL. Whoever runs the faults starts again what nobody else would: the
supervisor, as systemd does, and the mill's consumer.
"""

import contextlib
import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.drills.disk import fill
from tests.line.ack_proxy import AckProxy, Harm
from tests.line.broker import Broker
from tests.line.daemon import Daemon
from tests.line.mill import Mill
from tests.waiting import wait_for

_NO_ROOM = re.compile(rb"(?<!cursors\.sqlite): no room on its disk")
PATIENCE_S = 60.0
_MOMENT = threading.Event()


@dataclass(frozen=True)
class Plant:
    """All that a fault can reach."""

    daemon: Daemon
    broker: Broker
    proxy: AckProxy
    mill: Mill
    disk: Path | None
    """A small disk that holds the ledger; None where none may be mounted."""
    came_of_it: Counter[str]
    """Where a fault reports what it really did."""


class Fault(NamedTuple):
    """`target` is what it hurts: two faults at a time have different ones."""

    target: str
    hurt: Callable[[Plant, random.Random], None]
    often: int
    """How many of a deck of 30 it is."""


def _kill(name: str) -> Callable[[Plant, random.Random], None]:
    def hurt(plant: Plant, _: random.Random) -> None:
        def killed() -> bool:
            with contextlib.suppress(LookupError, OSError):
                os.kill(plant.daemon.pid_of(name), signal.SIGKILL)
                return True
            return False

        wait_for(killed, f"{name} is there to be killed", PATIENCE_S)

    return hurt


def _kill_supervisor(plant: Plant, _: random.Random) -> None:
    """The processes end in order, because their supervisor died."""
    plant.daemon.end_by(signal.SIGKILL)


def _kill_all(plant: Plant, _: random.Random) -> None:
    children = []
    with contextlib.suppress(OSError):  # it ended by itself just now
        children = plant.daemon.children()
    plant.daemon.end_by(signal.SIGKILL)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _kill_mill(plant: Plant, _: random.Random) -> None:
    plant.mill.kill()
    plant.mill.start()


def _kill_mill_before_it_acknowledges(plant: Plant, _: random.Random) -> None:
    while not plant.mill.die_before_acknowledging(PATIENCE_S):
        plant.mill.start()
    plant.mill.start()


def _stop_broker(plant: Plant, chance: random.Random) -> None:
    plant.broker.stop()
    pause(chance, 1.0)
    plant.broker.start()


def _fill_disk(plant: Plant, chance: random.Random) -> None:
    """Until a commit was refused, or a start where the daemon is down just then."""
    assert plant.disk is not None
    disk, before = plant.disk, _refusals(plant)

    def refused() -> bool:
        fill(disk)
        return _refusals(plant) > before

    wait_for(refused, "the ledger finds no room", PATIENCE_S)
    plant.came_of_it["no room found"] += 1
    pause(chance, 0.5)
    (disk / "filler").unlink()


def _refusals(plant: Plant) -> int:
    """How often the log says that the ledger found no room; the cursors' file is another matter."""
    return len(_NO_ROOM.findall(plant.daemon.log.read_bytes()))


def _tamper(harm: Harm) -> Callable[[Plant, random.Random], None]:
    def hurt(plant: Plant, chance: random.Random) -> None:
        proxy = plant.proxy
        before, count = proxy.done[harm], chance.randint(1, 10)
        proxy.harm = harm
        wait_for(lambda: proxy.done[harm] >= before + count, f"acks are {harm}", PATIENCE_S)
        proxy.harm = None
        if harm == "lost":
            proxy.cut()

    return hurt


def pause(chance: random.Random, longest_s: float) -> None:
    """Wait for a moment drawn by chance: what a trial is about."""
    _MOMENT.wait(chance.uniform(0, longest_s))


FAULTS = {
    "inspect killed": Fault("inspect", _kill("inspect"), 6),
    "courier killed": Fault("courier", _kill("courier"), 5),
    "console killed": Fault("console", _kill("console"), 1),
    "supervisor killed": Fault("inspect", _kill_supervisor, 2),
    "all killed": Fault("inspect", _kill_all, 2),
    "consumer killed": Fault("mill", _kill_mill, 2),
    "consumer killed before its ack": Fault("mill", _kill_mill_before_it_acknowledges, 2),
    "broker stopped": Fault("broker", _stop_broker, 3),
    "disk full": Fault("disk", _fill_disk, 3),
    "acks repeated": Fault("acks", _tamper("repeated"), 1),
    "acks invented": Fault("acks", _tamper("invented"), 1),
    "acks lost": Fault("acks", _tamper("lost"), 2),
}
