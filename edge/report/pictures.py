"""Evidence pictures of the worst defects, within the page."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from edge.errors import LedgerError
from edge.ledger.evidence import evidence_path
from edge.report.document import FoundDefect

SHOWN = 12
LARGEST_BYTES = 300_000
"""A larger picture would make the page a heavy attachment."""


class Shown(NamedTuple):
    """A defect and its picture as a data URL."""

    defect: FoundDefect
    url: str


def pictures_of(ledger: Path, worst: Iterable[FoundDefect]) -> list[Shown]:
    """The first `SHOWN` whose picture is still there; retention may have removed it."""
    return [shown for _, shown in zip(range(SHOWN), _readable(ledger, worst), strict=False)]


def _readable(ledger: Path, worst: Iterable[FoundDefect]) -> Iterator[Shown]:
    for defect in worst:
        if defect.evidence is None:
            continue
        try:
            path = evidence_path(ledger, defect.evidence)
            if path.stat().st_size > LARGEST_BYTES:
                continue
            jpeg = path.read_bytes()
        except (LedgerError, OSError):
            continue
        yield Shown(defect, f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}")
