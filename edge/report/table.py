"""The defects as CSV (RFC 4180): a line each, for a spreadsheet.

A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@` or their full-width forms, and some
cut lines at `;` whatever the quotation marks say. Where a text would begin such a cell an
apostrophe stands before it: `=cmd` is `'=cmd` (OWASP, "CSV Injection"); a control character is a
blank. Numbers stay numbers.
"""

import re
from functools import lru_cache

import msgspec

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
_NOT_MEASURED = ",,,,,no"


def as_csv(document: CoilDocument) -> str:
    """The header and a line per defect, each with its CR and LF.

    The `csv` module would take three times as long, most of it for the digits of numbers.
    """
    coil_id = _cell(document.coil.id)
    lines = [_line(coil_id, defect) for defect in document.defects]
    return "".join([",".join(COLUMNS), "\r\n", *lines])


def _line(coil_id: str, defect: FoundDefect) -> str:
    at, picture = defect.extent, defect.evidence
    return (
        f"{coil_id},{_cell(defect.defect_id)},{_word(defect.class_name)},{_word(defect.severity)},"
        f"{_numbers(at.from_m, at.to_m, at.from_mm, at.to_mm)},"
        f"{_NOT_MEASURED if defect.measure is None else _measured(defect.measure)},"
        f"{_numbers(defect.probability, defect.tiles)},{_YES[defect.crowded]},{defect.phase},"
        f"{_cell(defect.grabbed)},{'' if picture is None else _cell(picture)}\r\n"
    )


def _measured(measure: Measured) -> str:
    numbers = _numbers(
        measure.area_mm2, measure.length_mm, measure.width_mm, measure.orientation_deg,
        measure.contrast,
    )  # fmt: skip
    return f"{numbers},{'yes' if measure.complete else 'partly'}"


def _numbers(*values: float) -> str:
    """As the report in JSON has them."""
    return msgspec.json.encode(values)[1:-1].decode()


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, on one line."""
    if _PLAIN.fullmatch(text):
        return text
    return _STARTS_A_FORMULA.sub(r"\1'\2", _CONTROL.sub(" ", text))


def _cell(text: str) -> str:
    """As it stands in the file: between quotation marks where it is more than a plain word."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + harmless(text).replace('"', '""') + '"'


@lru_cache(maxsize=1024)
def _word(text: str | None) -> str:
    return "" if text is None else _cell(text)
