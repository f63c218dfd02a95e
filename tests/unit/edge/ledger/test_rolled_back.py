"""A ledger that a later version of this program went on with before it was rolled back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import LedgerError
from edge.ledger.log import EventLog, Recovered
from edge.ledger.reader import EventReader
from edge.types import Watermark
from tests.unit.edge.ledger.making import SOURCE, SetClock, coil_started, commit, defect
from tests.unit.edge.ledger.rewriting import rewrite, rewrite_mark

EXTENT = {"from_m": 1, "to_m": 2, "from_mm": 0, "to_mm": 900}
DARK = {"outcome": "unusable", "reason": "dark", "cells": 6, "extent": EXTENT, "later": 1}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    """Left by a crash, with a coil and a defect open."""
    log = EventLog(tmp_path, SOURCE, SetClock(), reserve_bytes=0)
    log.open()
    log.commit(commit(coil_started("c-1"), defect("c-1/1"), frame=2))
    log.close(clean=False)
    yield log
    log.close()


def seqs(recovered: Recovered) -> tuple[list[int], int | None]:
    coil = recovered.open_coil
    return [event.seq for event in recovered.open_defects], coil.seq if coil else None


def test_what_was_added_to_an_events_envelope_is_read_past(log: EventLog, tmp_path: Path) -> None:
    rewrite(tmp_path, "defect", "c-1", {"traceparent": "00-1"})
    assert seqs(log.open()) == ([2], 1)
    (_, last) = EventReader(tmp_path).after(0, 9)
    assert (last.event.seq, b"traceparent" in last.body) == (2, True), "receivers get it as it is"


def test_what_is_no_event_any_more_is_named_and_the_rest_read(
    log: EventLog, tmp_path: Path
) -> None:
    rewrite(tmp_path, "defect", "c-1", {"specversion": "2.0"})
    recovered = log.open()
    assert seqs(recovered) == ([], 1)
    assert recovered.unread == (2,)


def test_what_was_added_to_the_watermark_is_read_past(log: EventLog, tmp_path: Path) -> None:
    rewrite_mark(tmp_path, {"later": 1, "untold": [DARK]})
    recovered = log.open()
    assert recovered.watermark is not None
    (untold,) = recovered.watermark.untold
    assert (recovered.mark_whole, untold.reason) == (True, "dark")
    assert EventReader(tmp_path).progress().watermark == recovered.watermark


def test_a_watermark_with_an_outcome_of_later_still_says_where_the_strip_was(
    log: EventLog, tmp_path: Path
) -> None:
    rewrite_mark(tmp_path, {"untold": [DARK | {"outcome": "dimmed"}]})
    recovered = log.open()
    assert recovered.watermark == Watermark(2, 3.0, "c-1", 3.0, {"on_time": 2})
    assert not recovered.mark_whole


def test_a_watermark_of_another_kind_is_none(log: EventLog, tmp_path: Path) -> None:
    rewrite_mark(tmp_path, {"line_m": {"metres": 3}})
    recovered = log.open()
    assert (recovered.watermark, recovered.mark_whole) == (None, False)
    with pytest.raises(LedgerError, match="another version"):
        EventReader(tmp_path).progress()
