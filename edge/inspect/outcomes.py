"""What may become of a cell, and what that means for the coil."""

from collections.abc import Iterable, Mapping
from typing import get_args

from contract.bodies import Outcome

PRECEDENCE: tuple[Outcome, ...] = get_args(Outcome)
"""The best first: of a cell that was seen twice the better outcome holds."""
SEEN: tuple[Outcome, ...] = ("on_time", "screened")
NOT_VALID: tuple[Outcome, ...] = ("unusable", "off_strip_disagreement")


def is_valid(outcomes: Iterable[Outcome]) -> bool:
    """Whether what was reported as clean had really been seen."""
    return not any(outcome in NOT_VALID for outcome in outcomes)


def coverage(cells: Mapping[Outcome, int]) -> float:
    """Share of the cells that somebody looked at in time; 0 where none was expected."""
    expected = sum(cells.values())
    return sum(cells.get(outcome, 0) for outcome in SEEN) / expected if expected else 0.0
