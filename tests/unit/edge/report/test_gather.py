import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.bodies import Defect, Extent
from contract.events import number
from edge.errors import LedgerError
from edge.ledger.inspections import Inspection, find, inspections
from edge.report.gather import _enter, coil_digest, gather
from tests.unit.edge.console.strip_events import (
    SOURCE,
    coil_report,
    coil_started,
    defect,
    missed,
)
from tests.unit.edge.report.ledger_of import MEASURE, dense, record, repeat


def test_the_highest_revision_of_each_defect_holds(tmp_path: Path) -> None:
    late = Extent(from_m=10.0, to_m=12.5, from_mm=300.0, to_mm=420.0)
    reader = record(
        tmp_path,
        [coil_started("c"), defect("c", "c/2", 50.0), defect("c", "c/1"), defect("c", "c/3", 70.0)],
        [defect("c", "c/1", revision=2, phase="closed", extent=late, severity="major",
                measure=MEASURE)],
        [defect("c", "c/3", revision=2, phase="closed", merged_into="c/2")],
        [defect("other", "o/1")],
    )  # fmt: skip
    found = gather(reader, find(inspections(reader), "c"))
    assert [d.defect_id for d in found.defects] == ["c/1", "c/2"]
    first, second = found.defects
    assert (first.extent.to_m, first.phase, first.severity) == (12.5, "closed", "major")
    assert first.measure is not None
    assert (first.measure.area_mm2, first.measure.extent.to_mm) == (420.5, 330.0)
    assert (second.measure, second.severity, found.merged) == (None, None, 1)


def test_the_digest_is_over_the_coil_s_bodies_and_can_be_made_again(tmp_path: Path) -> None:
    reader = record(
        tmp_path, [coil_started("c"), defect("x", "x/1"), defect("c", "c/1"), coil_report("c")]
    )
    bodies = [r.body for r in reader.of_coil("c", [])]
    wanted = hashlib.sha256(b"".join(body + b"\n" for body in bodies)).hexdigest()
    told = gather(reader, find(inspections(reader), "c")).ledger
    assert (told.first_seq, told.last_seq, told.events, told.sha256) == (1, 4, 3, wanted)
    assert coil_digest(reader, "c", 1, 4) == told
    assert coil_digest(reader, "c", 1, 3) != told


def test_stretches_are_joined_and_the_newest_repeat_holds(tmp_path: Path) -> None:
    reader = record(
        tmp_path,
        [coil_started("c"), missed("c", 1.0, 2.0), missed("c", 2.0, 3.5), missed("c", 3.5, 4, "x")],
        [repeat("c"), repeat("c", 2, repeats=12), dense("c", 10.0, 20.0)],
    )
    found = gather(reader, find(inspections(reader), "c"))
    joined, other = found.missing
    assert (joined.extent.from_m, joined.extent.to_m, joined.cells) == (1.0, 3.5, 24)
    assert other.reason == "x"
    assert [r.repeats for r in found.repeats.values()] == [12]
    assert [d.count for d in found.densities] == [90]


@given(name=st.text(max_size=40))
@settings(max_examples=300)
def test_the_id_cut_out_of_the_bytes_is_the_one_that_parsing_gives(name: str) -> None:
    try:
        draft = defect('"defect_id":"x","revision":', name, class_name=f'"defect_id":"{name}')
        body = number(draft, SOURCE, 1).model_dump_json().encode()
    except UnicodeEncodeError:
        return  # a lone surrogate, which no event can hold
    parsed = Defect.model_validate_json(f'{{"defect_id":"{_key(body).decode()}",' + _REST)
    assert parsed.defect_id == name


_REST = defect("c", "gone").body.model_dump_json().split('"defect_id":"gone",')[1]


def test_a_body_that_another_program_wrote_is_parsed_for_its_id() -> None:
    spaced = number(defect("c", "c/9"), SOURCE, 1).model_dump_json(indent=1).encode()
    assert _key(spaced) == b"c/9"


def _key(body: bytes) -> bytes:
    newest = dict[bytes, Any]()
    _enter(newest, body)
    return next(iter(newest))


@pytest.mark.parametrize("phase", ["opened", "extended", "closed", "interrupted"])
def test_whatever_comes_behind_a_closed_defect_holds(tmp_path: Path, phase: str) -> None:
    closed = defect("c", "c/1", revision=2, phase="closed")
    later = defect("c", "c/1", revision=3, phase=phase, severity="minor")
    reader = record(tmp_path, [coil_started("c"), defect("c", "c/1"), closed, later])
    (found,) = gather(reader, find(inspections(reader), "c")).defects
    assert (found.phase, found.severity) == (phase, "minor")


class _Torn:
    """A ledger whose newest revision of a defect is damaged."""

    def __init__(self, healthy: str, damaged: bytes) -> None:
        self._healthy, self._damaged = healthy.encode(), damaged

    def last_seq(self) -> int:
        return 1

    def bodies_of_coil(self, *_: object) -> list[tuple[int, str, bytes]]:
        body = number(defect("c", "c/1"), SOURCE, 1).model_dump_json().encode()
        assert self._healthy in body
        return [(1, "defect", body.replace(self._healthy, self._damaged))]


@pytest.mark.parametrize(
    ("healthy", "damaged"),
    [('"defect_id"', b'"defect"'), ('"revision"', b"\xff")],
)
def test_a_damaged_event_without_an_id_is_told(healthy: str, damaged: bytes) -> None:
    torn = _Torn(healthy, damaged)
    with pytest.raises(LedgerError, match="an event of a defect is damaged"):
        gather(torn, Inspection("c", "c", 1, None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("healthy", "damaged"),
    [
        ('"opened"', b'"closed","tiles":2.5'),
        ('"from_m":10.0', b'"from_m":"ten"'),
        ('"from_m":10.0', b'"from_m":NaN'),
        ('"from_m":10.0', b'"from_m":1e999'),
        ('"from_m":10.0', b'"from_mm":10.0'),
        ('"tiles":2', b'"tiles":2.5'),
        ('"tiles":2', b'"tiles":' + b"[" * 100_000),
        ('"crowded":false', b'"later":' + b"[" * 100_000),
        ('"opened"', b'"melted"'),
        ('"scratch"', b'"\xff\xfe"'),
        ('"scratch"', b'"\\ud800"'),
        ('"extent"', b""),
        ("}}", b""),
    ],
)
def test_a_damaged_defect_is_named(healthy: str, damaged: bytes) -> None:
    torn = _Torn(healthy, damaged)
    with pytest.raises(LedgerError, match="defect c/1: its newest event in the ledger is damaged"):
        gather(torn, Inspection("c", "c", 1, None))  # type: ignore[arg-type]
