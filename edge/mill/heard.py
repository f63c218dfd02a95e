"""A message of the mill's on its way from the courier to the inspecting process."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.clock import Stamp
from edge.mill.signals import Signal


class LinkSignal(BaseModel):
    """An adapter's own word, not the mill's: whether it is connected."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: Literal["link"] = "link"
    up: bool
    why: str = ""


class Heard(BaseModel):
    """A message, who it came from (`mqtt level2`) and when it arrived on this host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    stamp: Stamp
    signal: Annotated[Signal | LinkSignal, Field()]
    retained: bool = False
    """It was said before we listened, or we were told already: an MQTT message with its retain
    flag, an OPC UA node's value at the subscription.
    """
