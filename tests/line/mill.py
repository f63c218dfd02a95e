"""The reference consumer with a database, as a mill's control system has one.

`python -m tests.line.mill PORT TOPIC DATABASE`: the effect of an event and its `seq` are one
transaction, and the broker gets its acknowledgement after that. An event whose `seq` is not larger
than the last one committed has no effect. That is all it takes; the rest of this module lets a
drill kill it. `effects` has no unique key, so that an effect that is had twice is there twice.

A file beside the database, its name with `.between`, ends the next event between the commit and
the acknowledgement, by SIGKILL.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.conftest import ROOT
from tests.waiting import wait_for

SESSION_S = 3600
_PROPERTIES: Callable[[int], Properties] = Properties  # paho leaves its constructor untyped
_TABLES = """
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS last (seq INTEGER NOT NULL, again INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS effects (number INTEGER PRIMARY KEY, seq INTEGER, body BLOB);
INSERT INTO last SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM last);
"""


def consume(port: int, topic: str, database: Path) -> None:
    """Consume until killed, over every end of the connection."""
    file = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    file.executescript(_TABLES)
    between = _beside(database, "between")

    def take(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        seq = json.loads(message.payload)["seq"]
        file.execute("BEGIN IMMEDIATE")
        (last,) = file.execute("SELECT seq FROM last").fetchone()
        if seq > last:
            file.execute("INSERT INTO effects (seq, body) VALUES (?, ?)", (seq, message.payload))
            file.execute("UPDATE last SET seq = ?", (seq,))
        else:
            file.execute("UPDATE last SET again = again + 1")
        file.execute("COMMIT")
        if between.exists():
            between.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        client.ack(message.mid, message.qos)

    def subscribe(client: mqtt.Client, *_: object) -> None:
        client.subscribe(topic, qos=1)

    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id="mill", protocol=mqtt.MQTTv5, manual_ack=True
    )
    client.on_message = take
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: _beside(database, "subscribed").touch()
    client.reconnect_delay_set(1, 1)
    session = _PROPERTIES(PacketTypes.CONNECT)
    session.SessionExpiryInterval = SESSION_S
    client.connect_async("127.0.0.1", port, clean_start=False, properties=session)
    client.loop_forever(retry_first_connection=True)


def _beside(database: Path, what: str) -> Path:
    return database.with_name(f"{database.name}.{what}")


class Mill:
    """Starts and kills one consumer, and looks into its database."""

    def __init__(self, port: int, topic: str, database: Path) -> None:
        self._database = database
        self._between = _beside(database, "between")
        self._command = [sys.executable, "-m", __name__, str(port), topic, str(database)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=ROOT)

    def kill(self) -> None:
        """SIGKILL, at whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def die_before_acknowledging(self, timeout_s: float) -> bool:
        """Have it end between a commit and the acknowledgement; False where no event came."""
        assert self._process is not None
        self._between.touch()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        died = not self._between.exists()
        self._between.unlink(missing_ok=True)
        return died

    def wait_until_subscribed(self) -> None:
        """Return when the broker keeps a session for it: from then on nothing passes it by."""
        wait_for(_beside(self._database, "subscribed").exists, "the mill is subscribed")

    @property
    def seq(self) -> int:
        """The last committed one."""
        return self._state()[0]

    @property
    def again(self) -> int:
        """Events that came again and had no effect."""
        return self._state()[1]

    def effects(self) -> list[tuple[int, bytes]]:
        """Every effect in the order it was had: the event's `seq` and its body."""
        return [(s, b) for s, b in self._query("SELECT seq, body FROM effects ORDER BY number")]

    def _state(self) -> tuple[int, int]:
        ((seq, again),) = self._query("SELECT seq, again FROM last")
        return seq, again

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self._database, timeout=20) as file:
            file.executescript(_TABLES)
            return file.execute(sql).fetchall()


if __name__ == "__main__":
    consume(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
