"""After a crash: end in the ledger what the crash left open.

Open defects are closed as `interrupted`; the coil gets its report from the tally that the last
commit's watermark holds. Strip that passed between that commit and this start has no encoder
count, so it belongs to no coil: the report's `interrupted` says that the coil's end was not seen.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from contract.events import CoilReport, CoilStarted, Defect, Draft, Event, Outcome
from edge.inspect.account import PRECEDENCE
from edge.inspect.coil import is_valid
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


def report_coil(
    started: Event, watermark: Watermark, defects: Sequence[Event], time: datetime
) -> Draft:
    """The report of the coil that was under the camera at the crash."""
    body = started.body()
    if not isinstance(body, CoilStarted):
        raise TypeError(f"event {started.seq} starts no coil")
    mine = watermark.coil == started.subject
    tally = watermark.tally if mine else {}
    cells: dict[Outcome, int] = {}
    for label, count in tally.items():
        outcome = _outcome(label)
        cells[outcome] = cells.get(outcome, 0) + count
    expected = sum(cells.values())
    inspected = cells.get("on_time", 0) + cells.get("screened", 0)
    report = CoilReport(
        length_m=watermark.coil_m if mine else 0.0,
        width_mm=body.width_mm,
        expected_cells=expected,
        cells=cells,
        reasons={label: n for label, n in tally.items() if "(" in label},
        coverage=inspected / expected if expected else 1.0,
        inspection_valid=is_valid(cells),
        defects=dict(Counter(e.data["class_name"] for e in defects if e.data["revision"] == 1)),
        models=(body.model,),
        interrupted=True,
    )
    return Draft(report, started.subject, "report", time)


def _outcome(label: str) -> Outcome:
    match = _LABEL.fullmatch(label)
    for outcome in PRECEDENCE:
        if match and match["outcome"] == outcome:
            return outcome
    raise ValueError(f"a tally has no outcome {label!r}")
