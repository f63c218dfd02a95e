"""What a broker may send to the mill's ear."""

import logging
import tempfile
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client import CollectorRegistry

from edge.clock import SystemClock
from edge.config import MillMqtt
from edge.deliver.mill_mqtt import MqttMill
from edge.metrics import CourierMetrics
from edge.mill.wire import SignalSender


def receive(topic: bytes, payload: bytes) -> CollectorRegistry:
    """One message, on a connection that nobody has to make."""
    registry, clock = CollectorRegistry(), SystemClock()
    metrics = CourierMetrics(registry)
    config = MillMqtt.model_validate({"name": "level2", "host": "h", "topics": ["mill/#"]})
    message = paho.MQTTMessage(topic=topic)
    message.payload = payload
    with tempfile.TemporaryDirectory() as folder:
        sender = SignalSender(Path(folder), clock, metrics)
        mill = MqttMill(config, "stripsight/s/l/c", sender, metrics, clock)
        mill._on_message(paho.Client(CallbackAPIVersion.VERSION2), None, message)
        sender.close()
    return registry


def malformed(registry: CollectorRegistry) -> float | None:
    labels = {"source": "level2", "reason": "malformed"}
    return registry.get_sample_value("stripsight_mill_refused_total", labels)


def test_a_refused_message_with_a_topic_that_is_no_text_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An exception in paho's thread would end it, and nobody would listen to the mill any more."""
    caplog.set_level(logging.WARNING)
    assert malformed(receive(b"mill/\xff", b"{")) == 1
    assert "a topic that is no UTF-8" in caplog.text


def test_a_retained_message_that_is_cleared_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert malformed(receive(b"mill/coil", b"")) == 0
    assert caplog.text == ""
