"""Who the courier speaks with: brokers, mirrors over OPC UA, and who tells of the mill.

OPC UA is an extra, imported only where the config names it.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

from edge.clock import Clock, SystemClock
from edge.config import Config
from edge.deliver.mill_mqtt import MqttMill
from edge.deliver.mirror import Mirror
from edge.deliver.mqtt import MqttReceiver
from edge.errors import ConfigError
from edge.metrics import CourierMetrics, process_registry
from edge.mill.wire import SignalSender


class MillSource(Protocol):
    """Somebody who hears the mill."""

    name: str

    def run(self, stop: threading.Event) -> None:
        """Hand its messages on until stopped."""
        ...


def brokers_of(config: Config, metrics: CourierMetrics, clock: Clock) -> list[MqttReceiver]:
    """The receivers over MQTT.

    Raises:
        ConfigError: a file that the config names cannot be used.
    """
    return [
        MqttReceiver(mqtt, config.topic, config.event_source, metrics, clock)
        for mqtt in config.deliver.mqtt
    ]


def mirrors_of(
    config: Config, begun: Callable[[str], int], metrics: CourierMetrics, clock: Clock
) -> list[Mirror]:
    """The receivers over OPC UA; `begun` tells how far a receiver's cursor has come.

    Raises:
        ConfigError: asyncua is not installed, or a file that the config names cannot be used.
    """
    section, plcs = config.deliver.opcua_server, config.deliver.opcua_client
    if section is None and not plcs:
        return []
    try:
        from edge.deliver.opcua.server import OpcUaReceiver  # noqa: PLC0415 - an extra
        from edge.deliver.plc_client import PlcReceiver  # noqa: PLC0415
    except ImportError as error:
        key = "opcua_client" if section is None else "opcua_server"
        raise ConfigError(
            f"deliver.{key} needs asyncua; pip install 'stripsight[opcua]'"
        ) from error
    mirrors: list[Mirror] = [
        PlcReceiver(plc, config, begun(plc.name), metrics, clock) for plc in plcs
    ]
    if section is not None:
        mirrors.append(OpcUaReceiver(section, config, metrics, clock))
    return mirrors


def mills_of(
    config: Config, sender: SignalSender, metrics: CourierMetrics, clock: Clock
) -> list[MillSource]:
    """Who hears the mill.

    Raises:
        ConfigError: asyncua is needed and not installed, or a file that the config names cannot be
        used.
    """
    if config.mill is None:
        return []
    mills: list[MillSource] = [
        MqttMill(mqtt, config.topic, sender, metrics, clock) for mqtt in config.mill.mqtt
    ]
    if config.mill.opcua:
        try:
            from edge.deliver.mill_opcua import OpcUaMill  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigError(
                "mill.opcua needs asyncua; pip install 'stripsight[opcua]'"
            ) from error
        name = config.topic.replace("/", "-")
        mills += [OpcUaMill(server, name, sender, metrics) for server in config.mill.opcua]
    return mills


def check_peers(config: Config) -> None:
    """Build all that the courier would, and connect to nobody.

    Raises:
        ConfigError: the courier could not start.
    """
    metrics, clock = CourierMetrics(process_registry()), SystemClock()
    brokers_of(config, metrics, clock)
    mirrors_of(config, lambda _name: 0, metrics, clock)
    with contextlib.closing(SignalSender(config.run_path, clock)) as sender:
        mills_of(config, sender, metrics, clock)
