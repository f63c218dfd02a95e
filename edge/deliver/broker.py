"""An MQTT broker in Python for the demonstration, so that it needs nothing installed.

amqtt: MQTT 3.1.1, no persistence, no login, one process. A mill brings its own broker.
"""

import asyncio
import logging
import threading

from edge.errors import ConfigError

_STOP_POLL_S = 0.1
_log = logging.getLogger(__name__)


def run_embedded_broker(host: str, port: int, stop: threading.Event) -> None:
    """Serve until `stop` is set.

    Raises:
        ConfigError: amqtt is not installed, or the port is in use.
    """
    try:
        from amqtt.broker import Broker  # noqa: PLC0415 - an extra that only the demo installs
        from amqtt.errors import BrokerError  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "deliver.mqtt: host: embedded needs amqtt; pip install 'stripsight[broker]'"
        ) from error
    for name in ("amqtt", "transitions"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _log.warning("the embedded MQTT broker at %s:%d is for demonstration only", host, port)

    async def serve() -> None:
        broker = Broker(_settings(host, port))
        await broker.start()
        while not stop.is_set():
            await asyncio.sleep(_STOP_POLL_S)
        await broker.shutdown()

    try:
        asyncio.run(serve())
    except (BrokerError, OSError) as error:
        raise ConfigError(
            f"deliver.mqtt.port: the embedded broker cannot use {host}:{port} ({error});"
            " choose another port"
        ) from error


def _settings(host: str, port: int) -> dict[str, object]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        },
    }
