"""A report in JSON held to the ledger: its events, and all that it says of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from edge.clock import SystemClock
from edge.config import Config
from edge.errors import ConfigError
from edge.ledger.inspections import inspections_of, shown
from edge.ledger.reader import EventReader
from edge.report.compose import compose_of
from edge.report.document import CoilDocument, LedgerRange, Part
from edge.report.gather import coil_digest

_OF_ITS_MAKING = ("generated", "generator", "certificate.deadline_s")
"""When, by what and by which config it was made: in no event."""
_OF_ITS_WATERMARK = (
    "coil.length_m", "certificate.inspection_valid", "certificate.coverage",
    "certificate.expected_cells", "certificate.cells", "certificate.reasons",
    "certificate.missing", "densities", "classes", "remarks",
)  # fmt: skip
"""Of a preliminary report: all or in part from the watermark of then, of which the ledger keeps the
newest only.
"""
_SHOWN = 60
_ABSENT = object()


class Verified(NamedTuple):
    """What a report and the ledger have in common."""

    ledger: LedgerRange
    not_compared: tuple[str, ...]
    """Parts of the report that its events do not tell, beside those of its making."""


def verify(reader: EventReader, report: Path, config: Config) -> Verified:
    """Hold a JSON report's events against the ledger, and what it says against those events.

    Raises:
        ConfigError: the file is no JSON report.
        LedgerError: the ledger cannot be read.
        ValueError: the ledger holds other events than the report was made from, or no longer all of
        them; or they say something else than the report.
    """
    told = _read(report)
    held = _held(reader, report, told)
    again = _again(reader, told, config)
    not_compared, other = _not_compared(told, again), told.generator != again.generator
    for part, value, wanted in _differences(told, again, other_version=other):
        if part not in (*_OF_ITS_MAKING, *not_compared):
            where, says, ought = _first_of(value, wanted, part)
            raise ValueError(
                f"{report}: does not say what its events say: {where} is {says}, by the"
                f" ledger's events {held.first_seq} to {held.last_seq} it is {ought}"
            )
    return Verified(held, not_compared)


def _read(report: Path) -> CoilDocument:
    try:
        return CoilDocument.model_validate_json(report.read_bytes())
    except OSError as error:
        raise ConfigError(f"{report}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = f"{where}: {first['msg']}" if where else first["msg"]
        raise ConfigError(f"{report}: is no coil report in JSON ({said})") from error


def _held(reader: EventReader, report: Path, told: CoilDocument) -> LedgerRange:
    """The report's range, as the ledger holds it too."""
    wanted = told.certificate.ledger
    held = coil_digest(reader, told.coil.subject, wanted.first_seq, wanted.last_seq)
    oldest = reader.after(0, 1)
    if oldest and oldest[0].event.seq > wanted.first_seq and held.events < wanted.events:
        raise ValueError(
            f"{report}: cannot be held to the ledger any more: it begins with event"
            f" {oldest[0].event.seq}, the ones before are past ledger.keep_days, and the report is"
            f" made from events {wanted.first_seq} to {wanted.last_seq}"
        )
    if held != wanted:
        raise ValueError(
            f"{report}: made from {wanted.events} events with sha256 {wanted.sha256}; the ledger"
            f" holds {held.events} with {held.sha256}"
        )
    return held


def _again(reader: EventReader, told: CoilDocument, config: Config) -> CoilDocument:
    """The report made anew, as if its last event was the newest of the coil."""
    subject, wanted = told.coil.subject, told.certificate.ledger
    known = inspections_of(reader, subject, wanted.last_seq)
    begun = [i for i in known if i.first_seq <= wanted.first_seq]
    if not begun:
        raise ValueError(f"the events of {shown(subject)} up to {wanted.last_seq} begin no coil")
    inspection = replace(begun[-1], last_seq=wanted.last_seq)
    return compose_of(reader, inspection, None, config, SystemClock())


def _not_compared(told: CoilDocument, again: CoilDocument) -> tuple[str, ...]:
    """Another version may word its remarks otherwise."""
    if again.coil.state == "not_finished":
        return _OF_ITS_WATERMARK
    return ("remarks",) if told.generator != again.generator else ()


def _differences(
    told: object, again: object, at: str = "", *, other_version: bool = False
) -> Iterator[tuple[str, object, object]]:
    """The parts that differ, in the document's order, with what both say. A report of another
    version may lack fields that this one adds.
    """
    if not isinstance(told, Part):
        if told != again:
            yield at, told, again
        return
    for name in type(told).model_fields:
        if name in told.model_fields_set or not other_version:
            part, both = (
                f"{at}.{name}".removeprefix("."),
                (getattr(told, name), getattr(again, name)),
            )
            yield from _differences(*both, part, other_version=other_version)


def _first_of(told: object, again: object, at: str) -> tuple[str, str, str]:
    """The first that differs within a part, with what both say."""
    told, again = _plain(told), _plain(again)
    if isinstance(told, list) and isinstance(again, list):
        if len(told) != len(again):
            return at, f"a list of {len(told)}", f"a list of {len(again)}"
        number = _same(told, again)
        return _first_of(told[number], again[number], f"{at}[{number}]")
    if isinstance(told, dict) and isinstance(again, dict):
        both = {name: (told.get(name, _ABSENT), again.get(name, _ABSENT)) for name in told | again}
        name = next(name for name, (one, other) in both.items() if one != other)
        return _first_of(*both[name], f"{at}.{name}")
    return at, *_brief(_in_json(told), _in_json(again))


def _same(told: Sequence[object], again: Sequence[object]) -> int:
    """How many are the same before the first that differs."""
    both = enumerate(zip(told, again, strict=False))
    return next((n for n, (one, other) in both if one != other), min(len(told), len(again)))


def _plain(value: object) -> object:
    """What JSON has for it; lists as they are, since one may have 200,000 entries."""
    return value if isinstance(value, list) or value is _ABSENT else to_jsonable_python(value)


def _in_json(value: object) -> str:
    return "not there" if value is _ABSENT else json.dumps(value, ensure_ascii=False)


def _brief(told: str, again: str) -> tuple[str, str]:
    """Both from a little before the place where they part."""
    same = _same(told, again)
    start = same - _SHOWN // 3 if same > _SHOWN // 2 else 0
    before = "…" if start else ""
    return shown(before + told[start:], _SHOWN), shown(before + again[start:], _SHOWN)
