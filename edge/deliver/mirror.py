"""Receivers that show the present instead of keeping the past: OPC UA, as a server and in a PLC.

A mirror has an event when the event is shown. Its cursor therefore follows the log at once, holds
back no file from retention, and says nothing of who has looked; the PLC's acknowledge word does.
After a restart a mirror is filled again from the log.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from edge.deliver.plc_block import CORRECTIONS, PlcBlock
from edge.ledger.reader import EventReader
from edge.ports import Receiver
from edge.types import Recorded

REACH = 64
"""So many events are looked at for each slot of the ring: a long scratch has a revision a frame."""
_RARE = {"coil_corrected": CORRECTIONS, "coil_report": 8}
"""Kinds that are looked for further back, and how many of each: defects must not crowd them out."""


class Mirror(Receiver, Protocol):
    """A receiver that is told the line's state each second."""

    @property
    def connected(self) -> bool:
        """Whether somebody could see it."""
        ...

    def tell(self, status: Mapping[str, JsonValue] | None) -> None:
        """What the control socket says of the line; None when nobody answers. Called by the
        courier's main thread each second; never waits.
        """
        ...


def refill(block: PlcBlock, ledger: Path, before: int | None, ring: int) -> list[Recorded]:
    """Show what a restart has wiped: the newest defects, and what was said of coils and rolls.

    Args:
        block: A new one.
        ledger: Folder of the event log.
        before: The first event that will be delivered; None when all of them were.
        ring: How many defects the block holds.

    Returns:
        The events shown, in order. Damaged ones are left out.

    Raises:
        LedgerError: the event log cannot be read.
    """
    kinds = ("defect", "coil_started", "coil_report", "coil_corrected", "roll_repeat")
    with contextlib.closing(EventReader(ledger)) as reader:
        newest = reader.latest(kinds, ring * REACH)
        for kind, count in _RARE.items():
            newest += reader.latest([kind], count)
    shown = []
    for _, recorded in sorted({each.event.seq: each for each in newest}.items()):
        if before is not None and recorded.event.seq >= before:
            break
        try:
            block.take(recorded.event)
        except ValueError:
            continue
        shown.append(recorded)
    block.resume()
    return shown
