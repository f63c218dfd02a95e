"""The consumer of docs/examples, as an integrator would start it, killed again and again."""

import json
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from contract.events import number
from tests.conftest import ROOT, require_program
from tests.integration.deliver.conftest import TOPIC, CourierProcess, Line, certify
from tests.line.broker import Broker
from tests.unit.contract.test_events import BODIES, draft
from tests.unit.edge.ledger.making import SOURCE, coil_corrected, commit, defect
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
EXAMPLE = ROOT / "docs" / "examples" / "consumer.py"
EVENTS, KILLS = 600, 5
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(port: int, database: Path, *more: str) -> subprocess.Popen[str]:
        started.append(started_at(port, database, *more))
        return started[-1]

    yield run
    for process in started:
        with process:
            process.kill()


def started_at(port: int, database: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-u", str(EXAMPLE), "--port", str(port), "--topic", f"{TOPIC}/events",
        "--database", str(database), *more,
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
    broker: Broker,
    start_courier: Callable[[Line], CourierProcess],
    start: Start,
    tmp_path: Path,
) -> None:
    database = tmp_path / "coils.db"
    consumer = start(broker.port, database)
    wait_for(database.exists, "the consumer runs")
    said = []
    for first in range(0, EVENTS, 100):
        line.log.commit(commit(*(defect(f"d{n}") for n in range(first, first + 100))))
    start_courier(line)
    for kill in range(1, KILLS + 1):
        wait_for(lambda: last_seq(database) > kill * 80, "events are taken")  # noqa: B023
        consumer.kill()
        said.append(consumer.communicate()[0])
        consumer = start(broker.port, database)
    wait_for(lambda: last_seq(database) == EVENTS, "all events are taken")
    line.log.commit(commit(defect("d7", revision=2, phase="closed"), coil_corrected("c-1", "4711")))
    wait_for(lambda: last_seq(database) == EVENTS + 2, "a revision, and the coil's name")
    consumer.kill()
    said.append(consumer.communicate()[0])
    assert "".join(said) == "", "no event was missing"
    with sqlite3.connect(database) as read:
        rows = dict(read.execute("SELECT id, phase FROM defects").fetchall())
        coils = read.execute(query()).fetchall()
    assert set(coils) == {("4711", "scale", 1.0, 1.2)}
    assert set(rows) == {f"d{n}" for n in range(EVENTS)}
    assert rows.pop("d7") == "closed"
    assert set(rows.values()) == {"opened"}


def query() -> str:
    """The one that the example's head shows."""
    text = EXAMPLE.read_text("utf-8")
    return text[text.index("    SELECT") : text.index('"""', text.index("    SELECT"))]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Broker]:
    """A broker that asks for a user and speaks TLS only, as a mill's does."""
    signed = ("-CA", f"{tmp_path}/ca.crt", "-CAkey", f"{tmp_path}/ca.key")
    certify(tmp_path, "ca", "mill CA")
    certify(tmp_path, "server", "broker", *signed, "-addext", "subjectAltName=IP:127.0.0.1")
    users = tmp_path / "users"
    program = require_program("mosquitto_passwd")
    subprocess.run([program, "-c", "-b", str(users), "level2", "secret"], check=True)
    broker = Broker(
        tmp_path,
        f"allow_anonymous false\npassword_file {users}\ncertfile {tmp_path}/server.crt\n"
        f"keyfile {tmp_path}/server.key",
    )
    broker.start()
    yield broker
    broker.stop()


def test_it_enters_a_guarded_broker(
    tmp_path: Path,
    guarded: Broker,
    start_courier: Callable[[Line], CourierProcess],
    start: Start,
) -> None:
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "line").mkdir()
    line = Line(tmp_path / "line", guarded.port)
    secret = {"username": "level2", "password_file": tmp_path / "password"}
    line.configure(ca_file=tmp_path / "ca.crt", **secret)
    line.log.commit(commit(defect("d1")))
    database = tmp_path / "coils.db"
    options = ("--username", "level2", "--password-file", f"{tmp_path}/password")
    start(guarded.port, database, *options, "--ca-file", f"{tmp_path}/ca.crt")
    start_courier(line)
    wait_for(lambda: last_seq(database) == 1, "the event is taken")
    line.log.close()


def test_a_refusal_is_said(tmp_path: Path, guarded: Broker, start: Start) -> None:
    consumer = start(guarded.port, tmp_path / "coils.db", "--ca-file", f"{tmp_path}/ca.crt")
    assert consumer.stdout is not None
    assert "check --username and --password-file" in consumer.stdout.readline()


def test_two_copies_leave_each_other_s_events_alone(
    tmp_path: Path, broker: Broker, start: Start
) -> None:
    """One for each camera, with the same broker."""
    databases = {side: tmp_path / f"{side}.db" for side in ("top", "bottom")}
    for side, database in databases.items():
        start(broker.port, database, "--topic", f"stripsight/mill/hot/{side}/events")
        wait_for(database.exists, "it runs")
    publisher = mqtt.Client(CallbackAPIVersion.VERSION2)
    publisher.connect("127.0.0.1", broker.port)
    publisher.loop_start()

    def both_have(seq: int) -> bool:
        for side in databases:
            event = {"source": f"/mill/hot/{side}", "seq": 1, "type": "stripsight.action"}
            body = json.dumps(event | {"data": {"schema_version": "1"}})
            publisher.publish(f"stripsight/mill/hot/{side}/events", body, qos=1)
        return all(last_seq(database) == seq for database in databases.values())

    wait_for(lambda: both_have(1), "each has its own")
    publisher.disconnect()
    publisher.loop_stop()
    for side, database in databases.items():
        with sqlite3.connect(database) as read:
            assert read.execute("SELECT source FROM taken").fetchall() == [(f"/mill/hot/{side}",)]


def test_live_is_refused() -> None:
    """Its events run ahead of those on `events`, which would then be taken for old."""
    command = [sys.executable, str(EXAMPLE), "--topic", f"{TOPIC}/#"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "must end in /events" in refused.stderr


def test_every_kind_is_taken_and_another_version_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(EXAMPLE))
    database = sqlite3.connect(":memory:")
    database.executescript(example["TABLES"])
    events = [
        number(draft(b), SOURCE, seq).model_dump(mode="json") for seq, b in enumerate(BODIES, 1)
    ]
    assert all(example["take"](database, event) for event in events)
    assert capsys.readouterr().out == ""
    later = events[-1] | {"seq": 20}
    renewed = later | {"data": {"schema_version": "2"}}
    with pytest.raises(SystemExit, match="event 20 is of another schema_version"):
        example["take"](database, renewed)
    assert "events 11 to 19 are missing" in capsys.readouterr().out
    assert example["take"](database, later), "the one before was not committed"
    assert "--after 10" in capsys.readouterr().out
    assert not example["take"](database, later)
    database.close()
