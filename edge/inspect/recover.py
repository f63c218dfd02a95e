"""After a crash: end in the ledger what the crash left open.

Open defects and roll repeats are closed as `interrupted`. From the last commit's watermark come
the stretches not inspected and the dense defects that nobody was told of yet, and the tally for the
coil's report. Strip that passed between that commit and this start is told as a stretch
`lost(restart)` without length where the coil broke off, and the report's `interrupted` says that
the coil's end was not seen. An encoder's counter that went on meanwhile tells its length: then the
next coil begins with it.

The crash may have been that of a later version of this program, which was rolled back. What it
added to its events is read past. What cannot be read nevertheless stays open in the ledger, and a
warning names it: inspection begins all the same, and the version that wrote it can still end it.
"""

import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from contract.bodies import CoilStarted, Defect, EventBody, RollRepeat
from contract.events import Draft, Event
from edge.inspect.account import Fate
from edge.inspect.density import tell_density
from edge.inspect.so_far import report_so_far
from edge.inspect.stretches import not_inspected, tell
from edge.inspect.told import Told, told_of
from edge.ledger.log import Recovered
from edge.ledger.reader import EventReader
from edge.types import Watermark

NAMED = 5
"""Events that a warning names."""
_log = logging.getLogger(__name__)


def end_open(recovered: Recovered, ledger: Path, time: datetime) -> list[Draft]:
    """All that was left open.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    events = (*recovered.open_defects, *recovered.open_repeats)
    ended = [(event.seq, interrupt(event, time)) for event in events]
    drafts = [draft for _, draft in ended if draft]
    unread = {*recovered.unread, *(seq for seq, draft in ended if not draft)}
    if recovered.open_coil is not None and recovered.watermark is not None:
        told = _told(recovered.open_coil, recovered, ledger)
        unread.update(told.unread)
        drafts += end_coil(recovered.open_coil, recovered.watermark, told, time)
    _warn(ledger, sorted(unread), mark_whole=recovered.mark_whole)
    return drafts


def interrupt(event: Event, time: datetime) -> Draft | None:
    """The last revision of a defect or a roll repeat that was open at the crash; None of one that
    cannot be read.
    """
    match _known(event):
        case Defect() as body:
            number = body.defect_id.rpartition("/")[2]
        case RollRepeat() as body:
            number = body.repeat_id.rpartition("-")[2]
        case _:
            return None
    revised = body.model_copy(update={"revision": body.revision + 1, "phase": "interrupted"})
    return Draft(revised, event.subject, f"{number}.{revised.revision}", time)


def end_coil(started: Event, watermark: Watermark, told: Told, time: datetime) -> list[Draft]:
    """What was not told yet of the coil that was under the camera at the crash, and its report;
    without that where `started` cannot be read.
    """
    body, subject = _known(started), started.subject or ""
    mine = watermark if watermark.coil == started.subject else None
    drafts = _untold(mine, subject, time) if mine else []
    if not isinstance(body, CoilStarted):
        return drafts
    for stretch in mine.dense if mine else ():
        told.add(stretch)
    end_m = mine.coil_m if mine else 0.0
    missed = not_inspected(Fate("lost", "restart"), (end_m, end_m), (0.0, body.width_mm))
    report = Draft(report_so_far(body, mine, told), subject, "report", time)
    return [*drafts, tell(missed, subject, time), report]


def _untold(mark: Watermark, subject: str, time: datetime) -> list[Draft]:
    """What stands in no event yet."""
    drafts = [tell_density(stretch, subject, time) for stretch in mark.dense]
    return [*drafts, *(tell(stretch, subject, time) for stretch in mark.untold)]


def _told(started: Event, recovered: Recovered, ledger: Path) -> Told:
    """What is known of the coil, and which events are not, its start among them."""
    with contextlib.closing(EventReader(ledger)) as reader:
        told = told_of(reader, started, recovered.last_seq)
    told.mark_whole = recovered.mark_whole
    if _known(started) is None:
        told.unread.append(started.seq)
    return told


def _known(event: Event) -> EventBody | None:
    """None of one that this version of the program cannot read."""
    try:
        return event.known()
    except ValueError:
        return None


def _warn(ledger: Path, unread: Sequence[int], *, mark_whole: bool) -> None:
    """Say at once what was left out."""
    names = [f"event {seq}" for seq in unread[:NAMED]]
    names += [f"{len(unread) - NAMED} more events"] if len(unread) > NAMED else []
    names += [] if mark_whole else ["the watermark"]
    if names:
        _log.warning(
            "%s: %s cannot be read (of a later version of this program, or damaged) and is left"
            " out; what it left open stays open, and the version that wrote it ends that when it is"
            " started once more",
            ledger, ", ".join(names),
        )  # fmt: skip
