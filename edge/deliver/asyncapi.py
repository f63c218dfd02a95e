"""AsyncAPI 3.0 of what the courier sends and hears over MQTT, published in `docs/asyncapi.yaml`.

Events and the mill's messages are described by the JSON Schemas beside it; what is here is made
from the same models.
"""

from collections.abc import Iterable
from typing import Any, get_args

from contract.bodies import KINDS
from contract.events import TYPE_PREFIX, opened
from contract.status import LineStatus
from edge.deliver.mqtt_link import EVENT_CONTENT_TYPE, Topics
from edge.deliver.pulse import LIVE
from edge.mill.signals import Message, Signal

VERSION = "1.0.0"
"""Of the contract: its first number is `schema_version` of the events."""
EVENTS_SCHEMA, MILL_SCHEMA = "./events.schema.json", "./mill.schema.json"
_SIGNALS: dict[str, type[Message]] = {
    kind.model_fields["signal"].default: kind for kind in get_args(get_args(Signal)[0])
}
_ROOT = "stripsight/{site}/{line}/{camera}"
_PARAMETERS = {
    "site": "The mill, as in the config.",
    "line": "The line in it.",
    "camera": "The camera over that line.",
}


def document() -> dict[str, Any]:
    """The whole of it."""
    topics = Topics.below(_ROOT)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "StripSight events",
            "version": VERSION,
            "description": "What a line's inspection tells a mill over MQTT 5 or 3.1.1, and what"
            " the mill may tell it. How to read it right is in events.md, what to say in coils.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _server(topics)},
        "channels": {
            "events": _channel(topics.events, KINDS, "Every event in order, `seq` without gaps."),
            "live": _channel(
                topics.live,
                LIVE,
                "Defects and roll repeats at once, also while a backlog drains; may be lost.",
            ),
            "status": _channel(
                topics.status,
                ("status",),
                "Each second, the good-bye and the last will.",
            ),
            "mill": _mill(),
        },
        "operations": {
            "sendEvents": _send("events", qos=1, retain=False),
            "sendLive": _send("live", qos=0, retain=False),
            "sendStatus": _send("status", qos=0, retain=True),
            "sendGoodbye": _send("status", qos=1, retain=True),
            "receiveMill": {"action": "receive"} | _at("mill", qos=1),
        },
        "components": {
            "messages": {kind: _event(kind) for kind in KINDS}
            | {"status": _status()}
            | {name: _signal(name) for name in _SIGNALS},
            "schemas": {"LineStatus": opened(LineStatus.model_json_schema())},
        },
    }


def _server(topics: Topics) -> dict[str, Any]:
    will = {"topic": topics.status, "qos": 1, "retain": True}
    return {
        "host": "{host}:{port}",
        "protocol": "mqtt",
        "protocolVersion": "5",
        "description": "A broker of the mill's; `deliver.mqtt` of the config names it. TLS with"
        " certificates on both sides, or user and password.",
        "variables": {"host": {"default": "localhost"}, "port": {"default": "1883"}},
        "bindings": {"mqtt": {"lastWill": will, "cleanSession": True}},
    }


def _channel(address: str, messages: Iterable[str], text: str) -> dict[str, Any]:
    return {
        "address": address,
        "description": text,
        "parameters": {name: {"description": about} for name, about in _PARAMETERS.items()},
        "messages": _references(messages),
    }


def _mill() -> dict[str, Any]:
    return {
        "address": None,
        "description": "What the mill says of its coils, on the topics and the broker that"
        " `mill.mqtt` of the config names.",
        "messages": _references(_SIGNALS),
    }


def _references(messages: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in messages}


def _send(channel: str, *, qos: int, retain: bool) -> dict[str, Any]:
    return {"action": "send"} | _at(channel, qos=qos, retain=retain)


def _at(channel: str, **mqtt: int) -> dict[str, Any]:
    return {"channel": {"$ref": f"#/channels/{channel}"}, "bindings": {"mqtt": mqtt}}


def _event(kind: str) -> dict[str, Any]:
    mark = {"const": kind, "description": "User property; MQTT 3.1.1 has none."}
    return {
        "name": f"{TYPE_PREFIX}{kind}",
        "contentType": EVENT_CONTENT_TYPE,
        "summary": _about(KINDS[kind]),
        "headers": {"type": "object", "properties": {"kind": mark}},
        "bindings": {"mqtt": {"contentType": EVENT_CONTENT_TYPE}},
        "payload": {
            "allOf": [
                {"$ref": EVENTS_SCHEMA},
                {"properties": {"type": {"const": f"{TYPE_PREFIX}{kind}"}}},
            ]
        },
    }


def _status() -> dict[str, Any]:
    return {
        "name": "status",
        "contentType": "application/json",
        "summary": _about(LineStatus),
        "payload": {"$ref": "#/components/schemas/LineStatus"},
    }


def _signal(name: str) -> dict[str, Any]:
    kind = _SIGNALS[name]
    return {
        "name": name,
        "contentType": "application/json",
        "summary": _about(kind),
        "payload": {"$ref": f"{MILL_SCHEMA}#/$defs/{kind.__name__}"},
    }


def _about(model: type) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]
