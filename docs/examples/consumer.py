"""A consumer of StripSight's events that has the effect of each exactly once, whatever dies when.

    python consumer.py --host BROKER --topic stripsight/SITE/LINE/CAMERA/events --database coils.db

Needs paho-mqtt 2. Its effect is two tables in SQLite: the defects, each with the subject of its
coil, and which coil a subject turned out to be, where the mill named it late or anew. The last
`seq` stands in the same database and is committed with the effect of its event; what comes again
has a `seq` that is not larger and changes nothing. The broker is told that an event has been taken
only after the commit.

    SELECT coalesce(coil_id, subject) AS coil, class, from_m, to_m
    FROM defects LEFT JOIN coils USING (source, subject)
"""

import argparse
import json
import sqlite3
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

SESSION_S = 7 * 24 * 3600
"""How long the broker keeps what comes while we are away."""
TABLES = """
CREATE TABLE IF NOT EXISTS taken (source TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS defects (
  source TEXT, id TEXT, subject TEXT, class TEXT, phase TEXT, from_m REAL, to_m REAL,
  PRIMARY KEY (source, id)
);
CREATE TABLE IF NOT EXISTS coils (
  source TEXT, subject TEXT, coil_id TEXT, PRIMARY KEY (source, subject)
);
"""


def take(database: sqlite3.Connection, event: dict[str, Any]) -> bool:
    """Commit an event's effect together with its `seq`; False for one that had it before."""
    with database:  # one transaction
        row = database.execute("SELECT seq FROM taken WHERE source = ?", (event["source"],))
        last = (row.fetchone() or (0,))[0]
        if event["seq"] <= last:
            return False
        if event["seq"] != last + 1:
            print(
                f"events {last + 1} to {event['seq'] - 1} are missing; on the line:"
                f" stripsight-edge tail --config CONFIG --after {last}"
            )
        effect(database, event)
        database.execute(
            "INSERT OR REPLACE INTO taken VALUES (?, ?)", (event["source"], event["seq"])
        )
    return True


def effect(database: sqlite3.Connection, event: dict[str, Any]) -> None:
    """What an event changes; one of another type changes nothing here."""
    data = event["data"]
    if data["schema_version"] != "1":
        raise SystemExit(f"event {event['seq']} is of another schema_version: renew this program")
    if event["type"] == "stripsight.defect":
        keep(database, event)
    elif event["type"] == "stripsight.coil_corrected":
        coil = (event["source"], event["subject"], data["coil_id"])
        database.execute("INSERT OR REPLACE INTO coils VALUES (?, ?, ?)", coil)


def keep(database: sqlite3.Connection, event: dict[str, Any]) -> None:
    """The newest revision of a defect holds; one that was merged is part of another."""
    data, name = event["data"], (event["source"], event["data"]["defect_id"])
    if data["merged_into"]:
        database.execute("DELETE FROM defects WHERE (source, id) = (?, ?)", name)
        return
    where = data["extent"]
    database.execute(
        "INSERT OR REPLACE INTO defects VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *name, event["subject"], data["class_name"], data["phase"], where["from_m"],
            where["to_m"],
        ),
    )  # fmt: skip


def given_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883, help="often 8883 with TLS")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--ca-file", type=Path, help="TLS: who signed the broker's certificate")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--database", default="coils.db")
    parser.add_argument("--client-id", help="of the session; default: coils and the topic")
    given = parser.parse_args()
    if not given.topic.endswith("/events"):
        parser.error(
            f"--topic {given.topic}: must end in /events; `live` has the same seq out of order, and"
            " events that come after would be taken for old"
        )
    return given


def main() -> None:
    """Take events until Ctrl-C."""
    given = given_options()
    database = sqlite3.connect(given.database, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")  # one sync a commit instead of three
    database.executescript(TABLES)
    # Two clients of one id would take each other's session, and the events in it.
    name = given.client_id or f"coils/{given.topic}"
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5, manual_ack=True
    )
    if given.username:
        secret = given.password_file and given.password_file.read_text("utf-8").rstrip("\r\n")
        client.username_pw_set(given.username, secret)
    if given.ca_file:
        client.tls_set(str(given.ca_file))

    def taken(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        take(database, json.loads(message.payload))
        client.ack(message.mid, message.qos)  # committed: the broker may forget it

    def connected(
        client: mqtt.Client, _data: object, _flags: object, why: ReasonCode, _: object
    ) -> None:
        if why.is_failure:
            print(f"the broker refuses us ({why}): check --username and --password-file")
            return
        client.subscribe(given.topic, qos=1)

    def subscribed(
        _client: mqtt.Client, _data: object, _mid: int, why: list[ReasonCode], _: object
    ) -> None:
        if why[0].is_failure:
            print(f"the broker refuses {given.topic} ({why[0]}): check what this user may read")

    client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, taken
    session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    session.SessionExpiryInterval = SESSION_S
    client.connect(given.host, given.port, clean_start=False, properties=session)
    client.loop_forever()


if __name__ == "__main__":
    main()
