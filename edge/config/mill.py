"""Who tells of the coils, their heads and the strip's speed."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.config.deliver import Mqtt
from edge.config.opcua import NodeId, OpcUaConnection
from edge.config.section import Name, Positive, Section

TOPIC = r"^([^+#\x00]+|\+)?(/([^+#/\x00]*|\+))*(/#)?$|^#$"
Topic = Annotated[str, Field(min_length=1, max_length=1024, pattern=TOPIC)]
"""An MQTT topic, `+` and `#` only as a whole level."""


class MillMqtt(Mqtt):
    """A broker that the mill's messages come from (docs/coils.md); as for delivery, but `in_flight`
    means nothing here.
    """

    name: Name = "mill"
    """Names the source in logs and metrics."""
    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]
    """Topics, with wildcards where need be; any message may come on any of them."""


MillWord = Literal[
    "coil", "order", "steel_grade", "width", "thickness", "reversed", "head", "tail", "speed",
    "position", "wrong_id", "right_id",
]  # fmt: skip


class MillOpcUa(OpcUaConnection):
    """A server whose nodes tell the mill's signals: `docs/plc-client.md`."""

    name: Name = "mill-opcua"
    """Names the source in logs and metrics."""
    nodes: Annotated[dict[MillWord, NodeId], Field(min_length=1)]
    """What a node tells -> its id. `head` and `tail` are a Boolean that becomes true or, which no
    slow sampling misses, a counter that changes. Without `head` a change of `coil` is the head.
    """
    scale: dict[Literal["width", "thickness", "speed", "position"], Positive] = Field(
        default_factory=dict
    )
    """Factor of a node's unit to mm, m/s and m: `speed: 0.016667` where it tells m/min."""
    place: Literal["next", "running"] | None = None
    """Which coil `coil` names; null: the next one, or the running one where its head has just
    passed unnamed. `next` needs a node for `head`.
    """
    sampling_s: Annotated[float, Field(ge=0.01, le=10)] = 0.05
    """How often the server looks at the nodes."""

    @model_validator(mode="after")
    def _told(self) -> Self:
        if "right_id" not in self.nodes and "wrong_id" in self.nodes:
            raise ValueError("nodes.wrong_id needs nodes.right_id")
        if not {"coil", "head"} & self.nodes.keys() and "tail" in self.nodes:
            raise ValueError("nodes.tail needs nodes.head or nodes.coil: no other coil would begin")
        if self.place == "next" and "head" not in self.nodes:
            raise ValueError(
                "place: next needs nodes.head: without it a change of coil is the head"
            )
        words: dict[str, str] = {}
        for word, node in self.nodes.items():
            if node in words:
                raise ValueError(f"nodes.{word} and nodes.{words[node]} are the same node: {node}")
            words[node] = word
        return self


class Mill(Section):
    """Signals of the mill instead of coils of constant length: `docs/coils.md`."""

    mqtt: tuple[MillMqtt, ...] = ()
    opcua: tuple[MillOpcUa, ...] = ()
    max_age_s: dict[Literal["speed", "position"], Positive] = Field(default_factory=dict)
    """Signals that come all the time -> how long they may be silent before that shows as `stale`.
    """
    bounce_m: Positive = 1.0
    """Two heads within so many metres are one: the relay bounced, or two told of the same."""
    late_id_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60.0
    """A coil that is announced so soon after a head without an id is that one, not the next."""
    synchronised: bool = False
    """The mill's clock and this host's are kept equal (NTP, PTP): a head lies where the strip was
    at the message's `time`. False: where it was when the message came.
    """

    @model_validator(mode="after")
    def _sources(self) -> Self:
        names = self.sources
        if not names:
            raise ValueError("name a source (mqtt, opcua), or leave the section out")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two sources are named {twice!r}; give each its own name")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of all that tell something."""
        return (*(broker.name for broker in self.mqtt), *(server.name for server in self.opcua))
