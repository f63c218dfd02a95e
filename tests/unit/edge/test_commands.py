"""Grades asked of a daemon whose disk is slow, or full."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

import edge.commands
from edge.buffer import BoundedBuffer, WhenFull
from edge.clock import SystemClock
from edge.commands import Commands
from edge.control import Handler, Request
from edge.errors import ConfigError, ReceiverError
from edge.grading.rules_file import RulesFile, load_rules
from edge.ledger.log import EventLog
from edge.ledger.writer import LedgerWriter
from edge.metrics import InspectMetrics
from edge.types import Commit
from tests.unit.edge.grading.making import RULES
from tests.unit.edge.ledger.making import SOURCE, coil_report, coil_started, commit
from tests.unit.edge.report.ledger_of import config_of

BY_HAND = {"subject": "c", "origin": "inspector", "grade": "scrap", "comment": "bent"}


class Desk:
    """The daemon's grading, with a ledger that takes nothing until `write`."""

    def __init__(self, folder: Path) -> None:
        self.log = EventLog(folder / "ledger", SOURCE, SystemClock(), reserve_bytes=4096)
        self.log.open()
        self.log.commit(commit(coil_started("c"), coil_report("c")))
        self.commits: BoundedBuffer[Commit, Commit] = BoundedBuffer(2, WhenFull.BLOCK, list.append)
        self.thread: threading.Thread | None = None
        clock, stop = SystemClock(), threading.Event()
        metrics = InspectMetrics(CollectorRegistry())
        self.writer = LedgerWriter(self.log, self.commits, metrics, clock, stop.wait)
        (folder / "rules.yaml").write_text(yaml.safe_dump(RULES))
        self.rules: RulesFile = load_rules(folder / "rules.yaml")
        parts: Any = SimpleNamespace(grading=self.rules)
        self.grade: Handler = Commands(
            config_of(folder), parts, parts, parts, self.writer, None, clock
        ).handlers()["grade"]

    def ask(self, **arguments: str) -> object:
        return self.grade(Request(action="grade", by="uid 7", arguments=arguments))

    def write(self) -> None:
        self.thread = threading.Thread(target=self.writer.run)
        self.thread.start()

    def close(self) -> None:
        self.commits.close()
        if self.thread is not None:
            self.thread.join()
        self.log.close()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    for name in ("GRADE_TURN_S", "ROOM_S", "WRITTEN_S"):
        monkeypatch.setattr(edge.commands, name, 0.1)
    made = Desk(tmp_path)
    yield made
    made.close()


def test_a_grade_is_recorded_once_it_is_in_the_ledger(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReceiverError, match="not known whether it was recorded"):
        desk.ask(**BY_HAND)
    by_rules = {"subject": "c", "origin": "rules", "grade": "prime", "label": desk.rules.label}
    with pytest.raises(ReceiverError, match="the grade before waits"):
        desk.ask(**by_rules)
    assert len(desk.commits) == 1
    monkeypatch.setattr(edge.commands, "WRITTEN_S", 10.0)
    waiting = desk.commits._items[0]
    desk.write()
    assert waiting.written.wait(10)
    with pytest.raises(ConfigError, match="by hand; --over-inspector"):
        desk.ask(**by_rules)
    assert desk.ask(**BY_HAND | {"comment": "bent twice"}) == {"coil": "c", "grade": "scrap"}


def test_a_ledger_without_room_changes_nothing_and_says_so(desk: Desk) -> None:
    for _ in range(2):
        desk.commits.put(commit())
    with pytest.raises(ReceiverError, match="cannot be written now; nothing was changed"):
        desk.ask(**BY_HAND)
    assert all(not waiting.drafts for waiting in desk.commits._items)
