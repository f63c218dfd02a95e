"""The report of a coil whose account is not at hand, from its events and a watermark: after a
crash, and while it runs for whoever asks.
"""

import re
from collections import Counter
from collections.abc import Mapping

from contract.bodies import CoilReport, CoilStarted, Outcome
from edge.inspect.outcomes import PRECEDENCE, coverage, is_valid
from edge.inspect.told import Told
from edge.types import Watermark

_LABEL = re.compile(r"(?P<outcome>\w+)(?:\((?P<reason>.*)\))?")


def report_so_far(started: CoilStarted, mark: Watermark | None, told: Told) -> CoilReport:
    """What is known of a coil up to its watermark; None where the newest is of another coil."""
    cells, reasons = _counted(mark.tally if mark else {})
    severities = (severity for severity in told.severities.values() if severity is not None)
    return CoilReport(
        length_m=mark.coil_m if mark else 0.0,
        width_mm=started.width_mm,
        expected_cells=sum(cells.values()),
        cells=cells,
        reasons=reasons,
        coverage=coverage(cells),
        inspection_valid=bool(cells) and told.whole and is_valid((*cells, *told.outcomes)),
        defects=dict(told.defects),
        models=tuple(dict.fromkeys((started.model, *told.models))),
        interrupted=True,
        provisional=started.provisional and told.data is None,
        data=told.data or started.data,
        severities=dict(Counter(severities)),
        rules=started.rules,
    )


def _counted(tally: Mapping[str, int]) -> tuple[dict[Outcome, int], dict[str, int]]:
    """Cells by outcome, and those with a reason by both. An outcome that another version of this
    program knows is `unusable(...)`: nobody can say here that such cells were seen.
    """
    cells: dict[Outcome, int] = {}
    reasons: dict[str, int] = {}
    for label, count in tally.items():
        outcome = _outcome(label)
        cells[outcome or "unusable"] = cells.get(outcome or "unusable", 0) + count
        if outcome is None or "(" in label:
            reasons[label if outcome else f"unusable({label})"] = count
    return cells, reasons


def _outcome(label: str) -> Outcome | None:
    match = _LABEL.fullmatch(label)
    for outcome in PRECEDENCE:
        if match and match["outcome"] == outcome:
            return outcome
    return None
