"""The consumer of docs/examples, as an integrator would start it, killed again and again."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.deliver.conftest import (
    TOPIC,
    CourierProcess,
    Line,
    Mosquitto,
    wait_until,
)
from tests.unit.edge.ledger.making import commit, defect

pytestmark = pytest.mark.integration
EXAMPLE = ROOT / "docs" / "examples" / "consumer.py"
EVENTS, KILLS = 600, 5


@pytest.fixture
def start() -> Iterator[Callable[[int, Path], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(port: int, database: Path) -> subprocess.Popen[str]:
        started.append(started_at(port, database))
        return started[-1]

    yield run
    for process in started:
        with process:
            process.kill()


def started_at(port: int, database: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-u", str(EXAMPLE), "--port", str(port), "--topic", f"{TOPIC}/events",
        "--database", str(database),
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def last_seq(database: Path) -> int:
    try:
        with sqlite3.connect(database) as read:
            return int((read.execute("SELECT max(seq) FROM taken").fetchone() or [0])[0] or 0)
    except sqlite3.OperationalError:
        return 0


def test_each_event_has_its_effect_once_over_kills(
    line: Line,
    broker: Mosquitto,
    start_courier: Callable[[Line], CourierProcess],
    start: Callable[[int, Path], subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    database = tmp_path / "coils.db"
    consumer = start(broker.port, database)
    wait_until(database.exists, "the consumer runs")
    said = []
    for first in range(0, EVENTS, 100):
        line.log.commit(commit(*(defect(f"d{n}") for n in range(first, first + 100))))
    start_courier(line)
    for kill in range(1, KILLS + 1):
        wait_until(lambda: last_seq(database) > kill * 80, "events are taken")  # noqa: B023
        consumer.kill()
        said.append(consumer.communicate()[0])
        consumer = start(broker.port, database)
    wait_until(lambda: last_seq(database) == EVENTS, "all events are taken")
    line.log.commit(commit(defect("d7", revision=2, phase="closed")))
    wait_until(lambda: last_seq(database) == EVENTS + 1, "a revision")
    consumer.kill()
    said.append(consumer.communicate()[0])
    assert "".join(said) == "", "no event was missing"
    with sqlite3.connect(database) as read:
        rows = dict(read.execute("SELECT id, phase FROM defects").fetchall())
    assert set(rows) == {f"d{n}" for n in range(EVENTS)}
    assert rows.pop("d7") == "closed"
    assert set(rows.values()) == {"opened"}
