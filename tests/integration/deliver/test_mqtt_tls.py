"""TLS with certificates on both sides, against a real mosquitto."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from edge.clock import SystemClock
from edge.config import Mqtt
from edge.deliver.mqtt import MqttReceiver
from edge.errors import ReceiverError
from edge.metrics import CourierMetrics
from tests.integration.deliver.conftest import TOPIC
from tests.line.broker import Broker
from tests.unit.edge.deliver.test_mqtt_window import recorded
from tests.unit.edge.ledger.making import SOURCE

pytestmark = pytest.mark.integration


def receiver_for(broker: Broker, **files: Path) -> MqttReceiver:
    settings = {"host": "127.0.0.1", "port": broker.port, "timeout_s": 2.0} | files
    metrics = CourierMetrics(CollectorRegistry())
    return MqttReceiver(Mqtt.model_validate(settings), TOPIC, SOURCE, metrics, SystemClock())


def test_both_sides_show_their_certificate(tmp_path: Path, tls_broker: Broker) -> None:
    receiver = receiver_for(
        tls_broker,
        ca_file=tmp_path / "ca.crt",
        cert_file=tmp_path / "client.crt",
        key_file=tmp_path / "client.key",
    )
    events = [recorded(seq) for seq in range(1, 101)]
    assert receiver.deliver(events) == 100
    receiver.close()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_stranger_is_refused_on_either_side(tmp_path: Path, tls_broker: Broker) -> None:
    with pytest.raises(ReceiverError, match=r"no TLS connection .* check ca_file"):
        receiver_for(tls_broker, ca_file=tmp_path / "other.crt").deliver(())
    pair = {"cert_file": tmp_path / "other.crt", "key_file": tmp_path / "other.key"}
    for shown in ({}, pair):
        with pytest.raises(ReceiverError, match="check cert_file and key_file: the broker may not"):
            receiver_for(tls_broker, ca_file=tmp_path / "ca.crt", **shown).deliver(())
    with pytest.raises(ReceiverError, match="if the broker expects TLS, set ca_file"):
        receiver_for(tls_broker).deliver(())
