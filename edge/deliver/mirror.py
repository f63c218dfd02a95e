"""Receivers that show the present instead of keeping the past: OPC UA, as a server and in a PLC.

A mirror has an event when the event is shown. Its cursor therefore follows the log at once, holds
back no file from retention, and says nothing of who has looked; the PLC's acknowledge word does.
After a restart a mirror is filled again from the log.
"""

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from edge.deliver.plc_block import CORRECTIONS, PlcBlock
from edge.errors import LedgerError
from edge.ledger.reader import EventReader
from edge.ports import Receiver
from edge.types import Recorded

REACH = 64
"""So many events are shown again for each slot of the ring, if there are: they are of rolls too."""
FARTHEST = 200_000
"""Revisions that are looked at for defects which were last told of before that; half a second."""
_RARE = {"coil_corrected": CORRECTIONS, "coil_report": 8}
"""Kinds that are looked for further back, and how many of each: defects must not crowd them out."""
_log = logging.getLogger(__name__)


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


def refill(
    block: PlcBlock, ledger: Path, before: int | None, ring: int, taken: int = 0
) -> list[Recorded]:
    """Show what a restart has wiped: the newest defects, and what was said of coils and rolls.

    Args:
        block: A new one.
        ledger: Folder of the event log.
        before: The first event that will be delivered; None when all of them were.
        ring: How many defects the block holds.
        taken: What the PLC has acknowledged; its defects need not be looked for.

    Returns:
        The events shown, in order. Damaged ones are left out.

    Raises:
        LedgerError: the event log cannot be read.
    """
    kinds = ("defect", "coil_started", "coil_report", "coil_corrected", "roll_repeat")
    with contextlib.closing(EventReader(ledger)) as reader:
        end = before or reader.last_seq() + 1
        newest = reader.latest(kinds, ring * REACH, end)
        for kind, count in _RARE.items():
            newest += reader.latest([kind], count, end)
        newest += _unread(reader, end, ring, taken)
    shown = []
    for _, recorded in sorted({each.event.seq: each for each in newest}.items()):
        try:
            block.take(recorded.event)
        except ValueError:
            continue
        shown.append(recorded)
    block.resume()
    return shown


def _unread(reader: EventReader, before: int, ring: int, taken: int) -> list[Recorded]:
    """The newest event of each of the last defects: as many as the ring holds, whatever has been
    revised since, but none that is taken.
    """
    newest: dict[str, int] = {}
    try:
        for looked, (seq, name) in enumerate(reader.latest_names("defect", "defect_id", before)):
            if seq <= taken or len(newest) == ring:
                break
            if looked == FARTHEST:
                _log.warning("the newest %d revisions are of %d defects; what a PLC has not taken"
                             " of older ones is not shown again", looked, len(newest))  # fmt: skip
                break
            newest.setdefault(name, seq)
        return [found for seq in newest.values() for found in reader.after(seq - 1, 1)]
    except LedgerError as error:
        _log.warning("%s; older defects are not shown again", error)
        return []
