"""A lane: the cursor moves over what was acknowledged, whatever the receiver does."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from edge.clock import SystemClock
from edge.deliver.cursors import Cursors
from edge.deliver.lane import Lane
from edge.errors import LedgerError, ReceiverError
from edge.ledger.log import EventLog
from edge.metrics import CourierMetrics
from edge.types import Recorded
from tests.unit.edge.ledger.making import SOURCE, SetClock, commit, defect


class Scripted:
    """A receiver that acknowledges as the test says, then stops the lane and takes no more."""

    def __init__(self, name: str, answers: Sequence[int | str], stop: threading.Event) -> None:
        self.name = name
        self.offered: list[list[int]] = []
        self.closed = False
        self._answers = list(answers)
        self._stop = stop

    def deliver(self, events: Sequence[Recorded]) -> int:
        if not self._answers:
            return 0
        self.offered.append([recorded.event.seq for recorded in events])
        answer = self._answers.pop(0)
        if not self._answers:
            self._stop.set()
        if isinstance(answer, str):
            raise ReceiverError(answer)
        return answer

    def close(self) -> None:
        self.closed = True


MakeLane = Callable[[Scripted], Lane]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    log = EventLog(tmp_path / "ledger", SOURCE, SetClock(), reserve_bytes=0)
    log.open()
    log.commit(commit(*(defect(f"d-{i}") for i in range(5))))
    log.close()
    return tmp_path / "ledger"


def run(
    lane_of: Scripted,
    ledger: Path,
    stop: threading.Event,
    registry: CollectorRegistry | None = None,
) -> int:
    cursors = Cursors(ledger)
    metrics = CourierMetrics(registry or CollectorRegistry())
    Lane(lane_of, ledger, cursors, metrics, SystemClock(), stop, drain_s=0.0).run()
    cursor = cursors.load(lane_of.name)
    cursors.close()
    return cursor


def test_goes_on_where_the_acknowledgements_ended(ledger: Path) -> None:
    stop = threading.Event()
    receiver = Scripted("a", [2, 4, 5], stop)
    assert run(receiver, ledger, stop) == 5
    assert receiver.offered == [[1, 2, 3, 4, 5], [3, 4, 5], [5]]
    assert receiver.closed


AWAY, REFUSED = "away; switch it on", "refused; check username"


def test_failure_moves_nothing_and_is_told_until_there_is_another(
    ledger: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.deliver.lane.FIRST_PAUSE_S", 0.001)
    stop = threading.Event()
    receiver = Scripted("a", [AWAY, AWAY, REFUSED, REFUSED, 3, AWAY], stop)
    assert run(receiver, ledger, stop) == 3
    assert receiver.offered[4:] == [[1, 2, 3, 4, 5], [4, 5]]
    told = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert told == [AWAY, REFUSED, AWAY]


@pytest.mark.parametrize(
    ("answers", "lag"), [([AWAY], 5), ([2, AWAY], 3), ([99], 5), ([2, 99], 3), ([5], 0)]
)
def test_the_lag_is_told_while_delivery_fails_too(
    ledger: Path, answers: list[int | str], lag: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.deliver.lane.FIRST_PAUSE_S", 0.001)
    stop, registry = threading.Event(), CollectorRegistry()
    run(Scripted("a", answers, stop), ledger, stop, registry)
    assert registry.get_sample_value("stripsight_ledger_lag_events", {"receiver": "a"}) == lag


def test_the_lag_grows_with_the_ledger_while_the_receiver_is_away(ledger: Path) -> None:
    class Away(Scripted):
        def deliver(self, events: Sequence[Recorded]) -> int:
            with contextlib.closing(EventLog(ledger, SOURCE, SetClock(), reserve_bytes=0)) as log:
                log.open()
                log.commit(commit(defect("more")))
            return super().deliver(events)

    stop, registry = threading.Event(), CollectorRegistry()
    run(Away("a", [AWAY], stop), ledger, stop, registry)
    assert registry.get_sample_value("stripsight_ledger_lag_events", {"receiver": "a"}) == 6


def test_lanes_of_a_broker_that_is_away_come_back_out_of_step(ledger: Path) -> None:
    """Each pauses for up to twice as long as before, at most 5 s, and for half of that at least."""

    class Stop(threading.Event):
        """Passes over the pauses and remembers them."""

        def __init__(self) -> None:
            super().__init__()
            self.pauses_s: list[float] = []

        def wait(self, timeout: float | None = None) -> bool:
            assert timeout is not None
            self.pauses_s.append(timeout)
            return self.is_set()

    lanes = [Stop() for _ in range(4)]
    for n, stop in enumerate(lanes):
        run(Scripted(f"line {n}", [AWAY] * 8, stop), ledger, stop)
    longest_s = [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    for stop in lanes:
        for pause_s, most_s in zip(stop.pauses_s, longest_s, strict=True):
            assert most_s / 2 <= pause_s <= most_s
    assert len({round(stop.pauses_s[-1], 6) for stop in lanes}) == 4


def test_who_acknowledges_what_it_never_got_is_told_of_and_gets_it_all_again(
    ledger: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.deliver.lane.FIRST_PAUSE_S", 0.001)
    stop = threading.Event()
    receiver = Scripted("a", [2, 99, 6, 4], stop)
    assert run(receiver, ledger, stop) == 4
    assert receiver.offered == [[1, 2, 3, 4, 5], *[[3, 4, 5]] * 3]
    assert caplog.text.count("acknowledges event 99, and was sent 5") == 1


def test_cursor_survives_a_restart(ledger: Path) -> None:
    for offered, answer in (([1, 2, 3, 4, 5], 3), ([4, 5], 5)):
        stop = threading.Event()
        receiver = Scripted("a", [answer], stop)
        run(receiver, ledger, stop)
        assert receiver.offered[0] == offered


def test_a_cursor_that_cannot_be_saved_holds_up_nothing_and_follows(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save, refusals = Cursors.save, [LedgerError("no room"), LedgerError("no room")]

    def full_at_first(cursors: Cursors, receiver: str, seq: int) -> None:
        if refusals:
            raise refusals.pop()
        save(cursors, receiver, seq)

    monkeypatch.setattr(Cursors, "save", full_at_first)
    stop = threading.Event()
    receiver = Scripted("a", [2, 5, 0], stop)
    assert run(receiver, ledger, stop) == 5
    assert receiver.offered == [[1, 2, 3, 4, 5], [3, 4, 5], []]
    assert caplog.text.count("a: its cursor is saved later (no room)") == 1


def test_log_that_begins_anew_is_delivered_from_its_start(
    ledger: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cursors = Cursors(ledger)
    cursors.save("a", 99)
    cursors.close()
    stop = threading.Event()
    receiver = Scripted("a", [0, 5], stop)
    assert run(receiver, ledger, stop) == 5
    assert receiver.offered == [[], [1, 2, 3, 4, 5]]
    assert "begins anew" in caplog.text


def test_lane_that_hangs_does_not_hold_up_another(ledger: Path) -> None:
    hang, hanging, stop = threading.Event(), threading.Event(), threading.Event()

    class Hanging(Scripted):
        def deliver(self, events: Sequence[Recorded]) -> int:
            hanging.set()
            hang.wait()
            return super().deliver(events)

    cursors, metrics = Cursors(ledger), CourierMetrics(CollectorRegistry())
    stuck = Lane(
        Hanging("stuck", [0], stop), ledger, cursors, metrics, SystemClock(), stop, drain_s=0.0
    )
    thread = threading.Thread(target=stuck.run, daemon=True)
    thread.start()
    assert hanging.wait(5)
    own_stop = threading.Event()
    other = Scripted("other", [5], own_stop)
    Lane(other, ledger, cursors, metrics, SystemClock(), own_stop, drain_s=0.0).run()
    assert (cursors.load("other"), cursors.load("stuck")) == (5, 0)
    stop.set()
    hang.set()
    thread.join(5)
    assert cursors.lowest(["other", "stuck"]) == 0
    assert cursors.lowest([]) is None
    cursors.close()


def test_cursors_open_without_the_shared_index_that_a_full_disk_has_no_room_for(
    tmp_path: Path,
) -> None:
    Cursors(tmp_path).close()
    with contextlib.closing(Cursors(tmp_path)):
        assert not (tmp_path / "cursors.sqlite-shm").exists()


def test_cursors_of_another_version_are_refused(tmp_path: Path) -> None:
    cursors = Cursors(tmp_path)
    cursors._file.execute("PRAGMA user_version=9")
    cursors.close()
    with pytest.raises(LedgerError, match="schema version is 9"):
        Cursors(tmp_path)
