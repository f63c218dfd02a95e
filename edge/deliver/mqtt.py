"""Delivery over MQTT: every event once in order on one topic, and two side channels.

    <root>/events   QoS 1, never retained; every kind, so that each subscriber sees a gapless `seq`
    <root>/live     QoS 0; new defects at once, also while a backlog drains on `events`
    <root>/status   retained, each second: {"state": "online" | "degraded" | "offline", ...};
                    the last will is `offline`

A broker's acknowledgement means that the broker has the event, not that anybody read it.
"""

import logging
from collections.abc import Sequence

from pydantic import JsonValue

from contract.status import LineStatus, State
from edge.clock import Clock
from edge.config import Mqtt
from edge.deliver.flight import Flight
from edge.deliver.mqtt_link import Link, Topics, name_of, new_client
from edge.deliver.waited import Waited
from edge.errors import ReceiverError
from edge.metrics import CourierMetrics
from edge.types import Recorded

NO_MATCHING_SUBSCRIBERS = 0x10
FAILURE = 0x80
NOT_AUTHORIZED = 0x87
WATCH_S = 0.1
"""How often a batch on its way is looked after."""
_log = logging.getLogger(__name__)


class MqttReceiver:
    """One broker. `deliver` and `close` belong to one thread; `announce` and `beat` may be called
    by another.

    Args:
        config: The broker.
        root: Topic root, `stripsight/<site>/<line>/<camera>`.
        source: CloudEvents source, named in the status.
        metrics: The courier's.
        clock: For latencies and the time in the status.

    Raises:
        ConfigError: a file that the config names cannot be used.
    """

    def __init__(
        self, config: Mqtt, root: str, source: str, metrics: CourierMetrics, clock: Clock
    ) -> None:
        self.name = config.name
        self._config = config
        self._topics = Topics.below(root)
        self._source = source
        self._metrics = metrics
        self._clock = clock
        self._waited = Waited(clock)
        self._client_id = f"{root}/{config.name}".replace("/", "-")
        self._link: Link | None = None
        self._status = self._status_body("offline", {})
        self._warned_of_nobody = self._warned_of_strays = False
        new_client(config, self._client_id)
        metrics.receiver_up.labels(self.name).set(0)
        metrics.no_subscriber.labels(self.name)
        metrics.stray_acknowledgements.labels(self.name)
        self._committed_to_acknowledged = metrics.committed_to_acknowledged.labels(self.name)
        self._grabbed_to_acknowledged = metrics.grabbed_to_acknowledged.labels(self.name)

    @property
    def connected(self) -> bool:
        """Whether a connection stands, as far as is known."""
        link = self._link
        return link is not None and link.alive

    def deliver(self, events: Sequence[Recorded]) -> int:
        """Publish in order, at most `in_flight` unacknowledged; return the last `seq` before which
        nothing is unacknowledged (0: none of these).

        Raises:
            ReceiverError: not one more was acknowledged, and why.
        """
        flight = None
        try:
            link = self._connected()
            link.check()
            if events:
                link.flight = flight = self._flight(link, events)
                self._publish(link, flight)
                link.flight = None  # it would keep each beat's id until the next event
        except ReceiverError as error:
            self._drop()
            if flight is None or flight.acknowledged == 0:
                raise
            self._metrics.failures.labels(self.name).inc()
            _log.warning("%s; event %d and before are acknowledged", error, flight.acknowledged)
        return flight.acknowledged if flight else 0

    def announce(self, recorded: Recorded) -> None:
        """Publish a defect on `live` if connected; never waits."""
        link = self._link
        if link is not None:
            link.post(self._topics.live, recorded.body, recorded.event.kind)

    def beat(self, state: State, details: dict[str, JsonValue]) -> None:
        """Publish the status if connected; never waits."""
        self._status = self._status_body(state, details)
        link = self._link
        if link is not None:
            link.post(self._topics.status, self._status, retain=True)

    def close(self) -> None:
        """Publish `offline` and disconnect."""
        if self._link is not None:
            self._link.close(self._status_body("offline", {}))
            self._link = None
        self._metrics.receiver_up.labels(self.name).set(0)

    def _flight(self, link: Link, events: Sequence[Recorded]) -> Flight:
        def send(recorded: Recorded) -> int:
            return link.send(self._topics.events, recorded.body, recorded.event.kind)

        window = min(self._config.in_flight, link.receive_maximum)
        alone, link.tried = not link.tried, True
        return Flight(events, window, send, self._settle, alone=alone)

    def _publish(self, link: Link, flight: Flight) -> None:
        """Until all is acknowledged.

        Raises:
            ReceiverError: refused, the connection lost, or no acknowledgement within the timeout.
        """
        patience_ns = int(self._config.timeout_s * 1e9)
        now_ns = self._clock.now().monotonic_ns
        before, give_up_ns = 0, now_ns + patience_ns
        flight.start()
        while not flight.wait(WATCH_S):
            link.check()
            now_ns = self._clock.now().monotonic_ns
            if flight.acknowledged != before:
                before, give_up_ns = flight.acknowledged, now_ns + patience_ns
            elif now_ns > give_up_ns:
                raise ReceiverError(
                    f"deliver.mqtt {self.name!r}: no acknowledgement within"
                    f" {self._config.timeout_s:g} s; connecting again"
                )

    def _settle(self, recorded: Recorded, reason: int) -> None:
        if reason >= FAILURE:
            cure = f"allow this user to write {self._topics.events}"
            if reason != NOT_AUTHORIZED:
                cure = "the broker's log may say more"
            raise ReceiverError(
                f"deliver.mqtt {self.name!r}: the broker refuses event {recorded.event.seq}"
                f" ({name_of(reason)}); {cure}"
            )
        if reason == NO_MATCHING_SUBSCRIBERS:
            self._metrics.no_subscriber.labels(self.name).inc()
            self._warn_of_nobody()
        self._committed_to_acknowledged.observe(self._waited.since_s(recorded.committed))
        if recorded.event.kind == "defect":
            self._grabbed_to_acknowledged.observe(self._waited.since_s(recorded.grabbed))

    def _warn_of_nobody(self) -> None:
        if not self._warned_of_nobody:
            self._warned_of_nobody = True
            _log.warning(
                "deliver.mqtt %r: the broker has nobody who subscribed to %s; such events count as"
                " delivered",
                self.name,
                self._topics.events,
            )

    def _on_stray(self, mid: int) -> None:
        self._metrics.stray_acknowledgements.labels(self.name).inc()
        if not self._warned_of_strays:
            self._warned_of_strays = True
            _log.warning(
                "deliver.mqtt %r: the broker acknowledges message %d, which is not under way; such"
                " acknowledgements are ignored, check the broker",
                self.name,
                mid,
            )

    def _connected(self) -> Link:
        if self._link is not None and self._link.alive:
            return self._link
        self._drop()
        client = new_client(self._config, self._client_id)
        client.on_stray = self._on_stray
        link = Link(self._config, client, (self._topics.status, self._status_body("offline", {})))
        link.open()
        _log.info("deliver.mqtt %r: connected to %s", self.name, self._config.host)
        self._warned_of_nobody = self._warned_of_strays = False
        self._link = link
        link.post(self._topics.status, self._status, retain=True)
        self._metrics.receiver_up.labels(self.name).set(1)
        return link

    def _drop(self) -> None:
        self._metrics.receiver_up.labels(self.name).set(0)
        if self._link is not None:
            link, self._link = self._link, None
            link.abandon()

    def _status_body(self, state: State, details: dict[str, JsonValue]) -> bytes:
        status = {"state": state, "time": self._clock.now().utc(), "source": self._source}
        return LineStatus.model_validate(status | details).model_dump_json().encode()
