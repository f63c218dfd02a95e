"""After a crash: end in the ledger what the crash left open.

Open defects and roll repeats are closed as `interrupted`. From the last commit's watermark come
the stretches not inspected and the dense defects that nobody was told of yet, and the tally for the
coil's report. Strip that passed between that commit and this start is told as a stretch
`lost(restart)` without length where the coil broke off, and the report's `interrupted` says that
the coil's end was not seen. An encoder's counter that went on meanwhile tells its length: then the
next coil begins with it.
"""

from collections.abc import Sequence
from datetime import datetime

from contract.bodies import CoilStarted, Defect, RollRepeat
from contract.events import Draft, Event
from edge.inspect.account import Fate
from edge.inspect.density import tell_density
from edge.inspect.so_far import report_so_far
from edge.inspect.stretches import not_inspected, tell
from edge.types import Watermark


def interrupt_defect(event: Event, time: datetime) -> Draft:
    """The last revision of a defect that was open at the crash."""
    body = event.body()
    if not isinstance(body, Defect):
        raise TypeError(f"event {event.seq} is no defect")
    number = body.defect_id.rpartition("/")[2]
    revised = body.model_copy(update={"revision": body.revision + 1, "phase": "interrupted"})
    return Draft(revised, event.subject, f"{number}.{revised.revision}", time)


def interrupt_repeat(event: Event, time: datetime) -> Draft:
    """The last revision of a roll repeat that was open at the crash."""
    body = event.body()
    if not isinstance(body, RollRepeat):
        raise TypeError(f"event {event.seq} is no roll repeat")
    number = body.repeat_id.rpartition("-")[2]
    revised = body.model_copy(update={"revision": body.revision + 1, "phase": "interrupted"})
    return Draft(revised, event.subject, f"{number}.{revised.revision}", time)


def end_coil(
    started: Event, watermark: Watermark, events: Sequence[Event], time: datetime
) -> list[Draft]:
    """What was not told yet of the coil that was under the camera at the crash, and its report.

    `events` are the coil's defects, told as a number or not, its changes of model, stretches not
    inspected and corrections.
    """
    body = started.body()
    if not isinstance(body, CoilStarted):
        raise TypeError(f"event {started.seq} starts no coil")
    mine = watermark if watermark.coil == started.subject else None
    end_m = mine.coil_m if mine else 0.0
    missed = not_inspected(Fate("lost", "restart"), (end_m, end_m), (0.0, body.width_mm))
    untold = (*mine.untold, missed) if mine else (missed,)
    dense = mine.dense if mine else ()
    bodies = [*(event.body() for event in events), *dense]
    report = report_so_far(body, mine, bodies)
    drafts = [tell_density(stretch, started.subject or "", time) for stretch in dense]
    drafts += [tell(stretch, started.subject, time) for stretch in untold]
    return [*drafts, Draft(report, started.subject, "report", time)]
