"""After a crash: end in the ledger what the crash left open.

Open defects and roll repeats are closed as `interrupted`. From the last commit's watermark come
the stretches not inspected and the dense defects that nobody was told of yet, and the tally for the
coil's report. Strip that passed between that commit and this start is told as a stretch
`lost(restart)` without length where the coil broke off, and the report's `interrupted` says that
the coil's end was not seen. An encoder's counter that went on meanwhile tells its length: then the
next coil begins with it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from contract.bodies import (
    CoilCorrected,
    CoilReport,
    CoilStarted,
    Defect,
    EventBody,
    ModelChanged,
    NotInspected,
    Outcome,
    RollRepeat,
)
from contract.events import Draft, Event
from edge.grading.counts import defects_in
from edge.inspect.account import PRECEDENCE, Fate
from edge.inspect.coil import is_valid
from edge.inspect.density import tell_density
from edge.inspect.stretches import not_inspected, tell
from edge.types import Watermark

_LABEL = re.compile(r"(?P<outcome>\w+)(?:\((?P<reason>.*)\))?")


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
    mine = watermark.coil == started.subject
    end_m = watermark.coil_m if mine else 0.0
    missed = not_inspected(Fate("lost", "restart"), (end_m, end_m), (0.0, body.width_mm))
    untold = (*watermark.untold, missed) if mine else (missed,)
    dense = watermark.dense if mine else ()
    bodies = [*(event.body() for event in events), *dense]
    report = _report(body, end_m, watermark.tally if mine else {}, bodies)
    drafts = [tell_density(stretch, started.subject or "", time) for stretch in dense]
    drafts += [tell(stretch, started.subject, time) for stretch in untold]
    return [*drafts, Draft(report, started.subject, "report", time)]


def _report(
    started: CoilStarted, length_m: float, tally: Mapping[str, int], bodies: Sequence[EventBody]
) -> CoilReport:
    cells: dict[Outcome, int] = {}
    for label, count in tally.items():
        outcome = _outcome(label)
        cells[outcome] = cells.get(outcome, 0) + count
    expected = sum(cells.values())
    inspected = cells.get("on_time", 0) + cells.get("screened", 0)
    unseen = (body.outcome for body in bodies if isinstance(body, NotInspected))
    later = (body.after for body in bodies if isinstance(body, ModelChanged))
    last = {body.defect_id: body for body in bodies if isinstance(body, Defect)}
    kept = (body for body in last.values() if body.merged_into is None)
    corrected = [body for body in bodies if isinstance(body, CoilCorrected)]
    return CoilReport(
        length_m=length_m,
        width_mm=started.width_mm,
        expected_cells=expected,
        cells=cells,
        reasons={label: n for label, n in tally.items() if "(" in label},
        coverage=inspected / expected if expected else 1.0,
        inspection_valid=is_valid((*cells, *unseen)),
        defects=dict(defects_in(bodies)),
        models=tuple(dict.fromkeys((started.model, *later))),
        interrupted=True,
        provisional=started.provisional and not corrected,
        data=corrected[-1].data if corrected else started.data,
        severities=dict(Counter(body.severity for body in kept if body.severity is not None)),
        rules=started.rules,
    )


def _outcome(label: str) -> Outcome:
    match = _LABEL.fullmatch(label)
    for outcome in PRECEDENCE:
        if match and match["outcome"] == outcome:
            return outcome
    raise ValueError(f"a tally has no outcome {label!r}")
