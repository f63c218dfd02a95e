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


def test_a_refused_message_with_a_topic_that_is_no_text_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An exception in paho's thread would end it, and nobody would listen to the mill any more."""
    caplog.set_level(logging.WARNING)
    metrics, clock = CourierMetrics(CollectorRegistry()), SystemClock()
    config = MillMqtt.model_validate({"name": "level2", "host": "h", "topics": ["mill/#"]})
    message = paho.MQTTMessage(topic=b"mill/\xff")
    message.payload = b"{"
    with tempfile.TemporaryDirectory() as folder:
        sender = SignalSender(Path(folder), clock, metrics)
        mill = MqttMill(config, "stripsight/s/l/c", sender, metrics, clock)
        mill._on_message(paho.Client(CallbackAPIVersion.VERSION2), None, message)
        sender.close()
    assert "a topic that is no UTF-8" in caplog.text
