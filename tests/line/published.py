"""What docs/ publish for an integrator, held against messages as they came over the wire."""

import json
import re
from functools import cache
from typing import Any

import paho.mqtt.client as mqtt
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.conftest import ROOT

ASYNCAPI: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text("utf-8"))
_SCHEMAS = {
    name: json.loads((ROOT / "docs" / name).read_text("utf-8"))
    for name in ("events.schema.json", "mill.schema.json")
}


@cache
def payload_of(name: str) -> Draft202012Validator:
    """What AsyncAPI's message of this name must hold."""
    documents = {"asyncapi.yaml": ASYNCAPI} | _SCHEMAS
    registry: Registry[Any] = Registry().with_resources(
        [
            (f"file:///docs/{file}", DRAFT202012.create_resource(text))
            for file, text in documents.items()
        ]
    )
    reference = {"$ref": f"file:///docs/asyncapi.yaml#/components/messages/{name}/payload"}
    return Draft202012Validator(reference, registry=registry)


def check(message: mqtt.MQTTMessage) -> None:
    """Hold topic, QoS, properties and payload of a message over MQTT 5 against the documents.

    Raises:
        AssertionError: topic, QoS or a property is another.
        ValidationError: the payload is (jsonschema).
    """
    event = json.loads(message.payload)
    name = event.get("type", "status").removeprefix("stripsight.")
    channel = _channel_of(message.topic)
    assert name in ASYNCAPI["channels"][channel]["messages"], (channel, name)
    assert message.qos in _qualities(channel), (channel, message.qos)
    described = ASYNCAPI["components"]["messages"][name]
    headers = described.get("headers", {}).get("properties", {})
    found = dict(getattr(message.properties, "UserProperty", ()))
    assert found == {key: value["const"] for key, value in headers.items()}, (channel, name)
    content_type = described.get("bindings", {}).get("mqtt", {}).get("contentType")
    assert getattr(message.properties, "ContentType", None) == content_type, (channel, name)
    payload_of(name).validate(event)


def _channel_of(topic: str) -> str:
    for name, channel in ASYNCAPI["channels"].items():
        if channel["address"] and re.fullmatch(
            re.sub(r"{\w+}", "[^/]+", channel["address"]), topic
        ):
            return str(name)
    raise AssertionError(f"{topic} is in no document")


def _qualities(channel: str) -> set[int]:
    reference = {"$ref": f"#/channels/{channel}"}
    operations = ASYNCAPI["operations"].values()
    return {o["bindings"]["mqtt"]["qos"] for o in operations if o["channel"] == reference}
