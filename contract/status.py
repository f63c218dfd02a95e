"""What the retained topic `status` says of a line each second, and the last will in its place."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from contract.bodies import STRICT

State = Literal["online", "degraded", "offline"]


class LineStatus(BaseModel):
    """The line as its receivers see it."""

    model_config = STRICT

    state: State
    """`degraded`: it runs, but not as it should (a camera away, a full disk, a standby backend)."""
    time: datetime
    """When this was written; of the last will, when its connection began."""
    source: str
    """`/<site>/<line>/<camera>`, as in the events."""
    inspection: str | None = None
    """What the inspecting process says of itself, `not_running` where it does not answer."""
    seq: int | None = None
    """Of the newest event in the ledger: a consumer that has it has all."""
