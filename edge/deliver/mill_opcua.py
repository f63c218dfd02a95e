"""The mill's signals over OPC UA: nodes of its server, subscribed to by the courier.

After each connect all nodes are read at once, then watched. A node with a bad status, or of a wrong
type, counts as missing: the link is then told as not whole, with the node's name. One that the
server does not let us watch, since it is not there yet, is tried again.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterable, Sequence
from random import SystemRandom
from typing import NamedTuple

from asyncua import ua
from asyncua.common.node import Node
from asyncua.common.subscription import DataChangeNotif, Subscription

from edge.config import MillOpcUa, MillWord
from edge.errors import ConfigError, ReceiverError
from edge.metrics import CourierMetrics
from edge.mill.node_words import NodeWords, Told
from edge.mill.signals import REASONS, Reason, RefusedSignalError
from edge.mill.wire import SignalSender
from edge.opcua.session import OpcUaSession

BEAT_S = 1.0
AGAIN_S = 5.0
"""Between two tries to watch a node that was not there."""
SILENCE_S = 1.0
"""A node that comes and goes is said once within that."""
TURN_S = 0.1
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
KEEPALIVES = 10
"""Publishing intervals without a change until the server says that it is there."""
LIFETIME = 100
"""Publishing intervals without us until the server drops the subscription."""
QUEUE = 20
"""Values of a node that the server keeps between two publishings: a pulse may be short."""
_PULSES = ("head", "tail")
_log = logging.getLogger(__name__)


class _Value(NamedTuple):
    word: MillWord
    data: ua.DataValue
    anew: bool


class OpcUaMill:
    """One server; `run` belongs to one thread.

    Args:
        section: The server and its nodes.
        client: Name of this client at the server.
        sender: Takes the messages.
        metrics: The courier's.

    Raises:
        ConfigError: a file or a node id that the config names cannot be used.
    """

    def __init__(
        self, section: MillOpcUa, client: str, sender: SignalSender, metrics: CourierMetrics
    ) -> None:
        self.name = section.name
        self._where = f"mill.opcua {section.name!r}"
        self._section, self._sender, self._metrics = section, sender, metrics
        self._nodes = {_node(self._where, word, text): word for word, text in section.nodes.items()}
        self._words = NodeWords(section)
        self._session = OpcUaSession(self._where, section, f"{client}-{section.name}")
        self._heard: list[_Value] = []
        self._news = asyncio.Event()
        self._old_subscription: int | None = None
        self._wrong: dict[MillWord, tuple[Reason, str]] = {}
        self._said_s: dict[MillWord, float] = {}
        self._unwatched: list[ua.NodeId] = []
        self._beat_s, self._up = 0.0, False
        metrics.mill_source_up.labels(self.name).set(0)
        for reason in REASONS:
            metrics.mill_refused.labels(self.name, reason)

    def run(self, stop: threading.Event) -> None:
        """Listen until stopped, over every loss of the server."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        pause_s, told = FIRST_PAUSE_S, ""
        while not stop.is_set():
            try:
                await self._listen(stop)
            except ReceiverError as error:
                why = str(error)
                if self._session.connected:
                    await self._session.drop()
                if self._metrics_up(up=False):
                    pause_s, told = FIRST_PAUSE_S, ""
                if why != told:
                    _log.warning("%s", why)
                told = why
                await self._wait(stop, pause_s * SystemRandom().uniform(0.5, 1.0), why)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
        self._metrics_up(up=False)
        await self._session.close()

    async def _listen(self, stop: threading.Event) -> None:
        """Hear until stopped.

        Raises:
            ReceiverError: the server is away, or the subscription is.
        """
        await self._session.connect()
        self._heard.clear()
        await self._read(list(self._nodes))
        subscription = await self._subscribe()
        _log.info("%s: listens to %s", self._where, self._section.endpoint)
        self._metrics_up(up=True)
        loop = asyncio.get_running_loop()
        tried_s = loop.time()
        while not stop.is_set():
            if self._unwatched and loop.time() - tried_s >= AGAIN_S:
                tried_s = loop.time()
                await self._read(self._unwatched)
                await self._watch(subscription, self._unwatched)
            if loop.time() - self._beat_s >= BEAT_S:
                self._beat_s = loop.time()
                await self._session.check()
                if subscription.is_stale(3.0):
                    raise ReceiverError(f"{self._where}: the server has stopped to publish")
                self._link()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), TURN_S)
            await asyncio.sleep(0)  # what came in the same message belongs together
            self._take()

    async def _read(self, nodes: Sequence[ua.NodeId]) -> None:
        for node, data in zip(nodes, await self._session.read(nodes), strict=True):
            self._heard.append(_Value(self._nodes[node], data, anew=True))
        self._take()

    async def _subscribe(self) -> Subscription:
        client, old = self._session.client, self._old_subscription
        try:
            if old is not None:  # of the session that was taken up again
                with contextlib.suppress(ua.UaStatusCodeError):
                    await client.uaclient.session.delete_subscriptions([old])
            interval_ms = max(50.0, 1000 * self._section.sampling_s)
            subscription = await client.create_subscription(
                ua.CreateSubscriptionParameters(
                    RequestedPublishingInterval=interval_ms,
                    RequestedLifetimeCount=ua.UInt32(LIFETIME),
                    RequestedMaxKeepAliveCount=ua.UInt32(KEEPALIVES),
                    MaxNotificationsPerPublish=ua.UInt32(1000),
                    PublishingEnabled=True,
                ),
                self,
            )
            self._old_subscription = subscription.subscription_id
        except Exception as error:  # as in the session: whatever a stranger's answers make of it
            await self._session.drop()
            raise ReceiverError(f"{self._where}: no subscription ({error!r})") from error
        await self._watch(subscription, list(self._nodes))
        return subscription

    async def _watch(self, subscription: Subscription, nodes: Sequence[ua.NodeId]) -> None:
        answers = await self._watched(subscription, nodes)
        refused = [(n, a) for n, a in zip(nodes, answers, strict=True) if not isinstance(a, int)]
        self._unwatched = [node for node, _ in refused]
        for node, status in refused:
            self._is_wrong(self._nodes[node], "bad_quality", status.name)

    async def _watched(
        self, subscription: Subscription, nodes: Sequence[ua.NodeId]
    ) -> list[int | ua.StatusCode]:
        """What the server answers, for each node."""
        try:
            answers = await subscription.subscribe_data_change(
                [self._session.client.get_node(node) for node in nodes],
                queuesize=QUEUE,
                sampling_interval=ua.Double(1000 * self._section.sampling_s),
            )
        except Exception as error:  # likewise
            await self._session.drop()
            raise ReceiverError(f"{self._where}: nodes cannot be watched ({error!r})") from error
        if len(answers) != len(nodes):
            await self._session.drop()
            raise ReceiverError(f"{self._where}: {len(answers)} answers to {len(nodes)} questions")
        return answers

    def datachange_notification(self, node: Node, _value: object, data: DataChangeNotif) -> None:
        """The vendor's call, in this thread's loop."""
        word = self._nodes.get(node.nodeid)
        if word is not None:
            self._heard.append(_Value(word, data.monitored_item.Value, anew=False))
            self._news.set()

    def status_change_notification(self, _status: ua.StatusChangeNotification) -> None:
        """The subscription has ended; silence tells it too."""

    def _take(self) -> None:
        """Hand on what was heard: what describes a coil before the pulse that begins it."""
        self._news.clear()
        heard, self._heard = self._heard, []
        now_s = asyncio.get_running_loop().time()
        for word, data, anew in sorted(heard, key=lambda value: value.word in _PULSES):
            value, lacks = _content(data)
            heard_of = self._words.hear(word, value, data.SourceTimestamp, now_s, anew=anew)
            if not self._put(word, heard_of):
                continue
            if lacks:
                self._is_wrong(word, "bad_quality", lacks)
            else:
                self._wrong.pop(word, None)
        self._put("coil", self._words.due(now_s))

    def _put(self, word: MillWord, told: Iterable[Told]) -> bool:
        """Hand messages on; whether none of them was refused."""
        try:
            for signal, retained in told:
                self._sender.put(self.name, signal, retained=retained)
        except RefusedSignalError as refused:
            self._is_wrong(word, refused.reason, str(refused))
            return False
        return True

    def _is_wrong(self, word: MillWord, reason: Reason, text: str) -> None:
        """Count it, and say it when it is news."""
        self._metrics.mill_refused.labels(self.name, reason).inc()
        before, now_s = self._wrong.get(word), asyncio.get_running_loop().time()
        is_news = before is None or before[0] != reason
        if is_news and now_s - self._said_s.get(word, -SILENCE_S) >= SILENCE_S:
            self._said_s[word] = now_s
            _log.warning("%s: %s (%s): %s", self._where, word, self._section.nodes.get(word), text)
        self._wrong[word] = reason, text

    def _link(self) -> None:
        why = "; ".join(f"{word}: {text}" for word, (_, text) in self._wrong.items())
        self._sender.linked(self.name, up=not why, why=why)

    async def _wait(self, stop: threading.Event, pause_s: float, why: str) -> None:
        while pause_s > 0 and not stop.is_set():
            self._sender.linked(self.name, up=False, why=why)
            await asyncio.sleep(min(TURN_S, pause_s))
            pause_s -= TURN_S

    def _metrics_up(self, *, up: bool) -> bool:
        """Note it; whether it was up before."""
        before, self._up = self._up, up
        self._metrics.mill_source_up.labels(self.name).set(up)
        return before


def _content(data: ua.DataValue) -> tuple[object, str]:
    """What a node holds; None, and why, where that is not to be used."""
    status = data.StatusCode
    if status is not None and not status.is_good():
        return None, status.name
    held = None if data.Value is None else data.Value.Value
    return held, "it holds nothing" if held is None else ""


def _node(where: str, word: MillWord, text: str) -> ua.NodeId:
    try:
        return ua.NodeId.from_string(text)
    except (ua.UaError, ValueError) as error:
        raise ConfigError(
            f"{where}.nodes.{word}: {text!r} is no node id, as in ns=2;s=Name or ns=2;i=1"
        ) from error
