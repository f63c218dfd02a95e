"""What a random trial does to a running line: each fault begins, and is mended by itself.

Processes are ended by SIGKILL. Whoever runs the faults starts again what nobody else would: the
supervisor, as systemd does, and the mill's consumer.
"""

import contextlib
import os
import random
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

REFUSED = "the ledger cannot be written"
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
    """Until a commit was refused; the moment passes by if the daemon is down just then."""
    assert plant.disk is not None
    disk, lasts = plant.disk, iter(range(60))

    def refused() -> bool:
        fill(disk)
        full = REFUSED in plant.daemon.status().get("degraded", [])
        plant.came_of_it["commits refused"] += full
        return full or next(lasts, None) is None

    wait_for(refused, "a commit is refused", PATIENCE_S)
    pause(chance, 0.5)
    (disk / "filler").unlink()


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
