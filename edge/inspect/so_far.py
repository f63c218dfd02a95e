"""The report of a coil whose account is not at hand, from its events and a watermark: after a
crash, and while it runs for whoever asks.
"""

import re
from collections import Counter
from collections.abc import Sequence

from contract.bodies import (
    CoilCorrected,
    CoilReport,
    CoilStarted,
    Defect,
    EventBody,
    ModelChanged,
    NotInspected,
    Outcome,
)
from edge.grading.counts import defects_in
from edge.inspect.outcomes import PRECEDENCE, coverage, is_valid
from edge.types import Watermark

_LABEL = re.compile(r"(?P<outcome>\w+)(?:\((?P<reason>.*)\))?")


def report_so_far(
    started: CoilStarted, mark: Watermark | None, bodies: Sequence[EventBody]
) -> CoilReport:
    """What is known of a coil up to its watermark; None where the newest is of another coil.

    `bodies` are the coil's defects, told as a number or not, its changes of model, stretches not
    inspected and corrections.
    """
    tally = mark.tally if mark else {}
    cells: dict[Outcome, int] = {}
    for label, count in tally.items():
        outcome = _outcome(label)
        cells[outcome] = cells.get(outcome, 0) + count
    unseen = (body.outcome for body in bodies if isinstance(body, NotInspected))
    later = (body.after for body in bodies if isinstance(body, ModelChanged))
    last = {body.defect_id: body for body in bodies if isinstance(body, Defect)}
    kept = (body for body in last.values() if body.merged_into is None)
    corrected = [body for body in bodies if isinstance(body, CoilCorrected)]
    return CoilReport(
        length_m=mark.coil_m if mark else 0.0,
        width_mm=started.width_mm,
        expected_cells=sum(cells.values()),
        cells=cells,
        reasons={label: n for label, n in tally.items() if "(" in label},
        coverage=coverage(cells),
        inspection_valid=bool(cells) and is_valid((*cells, *unseen)),
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
