"""The defects as CSV (RFC 4180): a line each, for a spreadsheet.

A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@` or their full-width forms, and some
cut lines at `;` whatever the quotation marks say. Where a text would begin such a cell an
apostrophe stands before it: `=cmd` is `'=cmd` (OWASP, "CSV Injection"); a control character is a
blank. Numbers stay numbers.
"""

import csv
import re
from functools import lru_cache
from typing import TextIO

from edge.report.document import CoilDocument, FoundDefect, Measured

COLUMNS = (
    "coil_id", "defect_id", "class", "severity",
    "from_m", "to_m", "from_mm", "to_mm",
    "area_mm2", "length_mm", "width_mm", "orientation_deg", "contrast", "measured",
    "probability", "tiles", "crowded", "phase", "seen_utc", "picture",
)  # fmt: skip
"""Units are in the names; `from_m` and `to_m` are metres from the coil's head, `from_mm` and
`to_mm` millimetres from the operator side.
"""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STARTS_A_FORMULA = re.compile(r"(^|[;,])(\s*)(?=[=+\-@＝＋－＠])")  # noqa: RUF001
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:~-]*")
_YES = ("no", "yes")
_NOT_MEASURED = (None, None, None, None, None, "no")


def write_csv(document: CoilDocument, stream: TextIO) -> None:
    """Write the header and a line per defect; the stream must not translate line ends."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    coil_id = harmless(document.coil.id)
    writer.writerows(_line(coil_id, defect) for defect in document.defects)


def _line(coil_id: str, defect: FoundDefect) -> tuple[object, ...]:
    at, found = defect.extent, defect.measure
    return (
        coil_id, harmless(defect.defect_id), _word(defect.class_name), _word(defect.severity),
        at.from_m, at.to_m, at.from_mm, at.to_mm,
        *(_NOT_MEASURED if found is None else _measured(found)),
        defect.probability, defect.tiles, _YES[defect.crowded], defect.phase,
        harmless(defect.grabbed), None if defect.evidence is None else harmless(defect.evidence),
    )  # fmt: skip


def _measured(measure: Measured) -> tuple[object, ...]:
    return (
        measure.area_mm2, measure.length_mm, measure.width_mm, measure.orientation_deg,
        measure.contrast, "yes" if measure.complete else "partly",
    )  # fmt: skip


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, on one line."""
    if _PLAIN.fullmatch(text):
        return text
    return _STARTS_A_FORMULA.sub(r"\1'\2", _CONTROL.sub(" ", text))


@lru_cache(maxsize=1024)
def _word(text: str | None) -> str | None:
    return None if text is None else harmless(text)
