"""Random trials of exactly-once effect: faults at moments drawn by chance, up to three at a time.

One trial is one fault on a whole running daemon, before a real broker and a consumer with a
database. After each round, the ledger and the database are held against each other, and both
against the strip's known defects.

`python -m tests.drills.trials SEED` runs one line of trials again, `SEED/ROUND` one round of it.
"""

import contextlib
import logging
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from contract.bodies import CoilReport, NotInspected
from contract.events import Event
from edge.errors import LedgerError
from tests.drills.disk import small_disk
from tests.drills.faults import FAULTS, PATIENCE_S, Plant, pause
from tests.drills.impatient import PROGRAM
from tests.drills.line import ALL, DrillLine
from tests.drills.night import sound
from tests.line.ack_proxy import AckProxy
from tests.line.broker import Broker
from tests.line.mill import Mill
from tests.line.truth import Findings, look_up
from tests.waiting import free_port, wait_for

TOPIC = "stripsight/mill/line-1/top/events"
FRAMES_PER_S = 20
AT_ONCE = 3
DISK_MB = 120
"""Room for the ledger's reserve, and for what a line of trials writes on a slow machine."""
MOMENT_S = 0.7
RECORDED_AT_LEAST = 0.7
"""Of the planted defects. On two busy cores it is 0.97 to 1; the rest fell to a full disk."""
_log = logging.getLogger(__name__)


def random_trials(folder: Path, seed: int, effort: int) -> Findings:
    """30 trials for each `effort`, a line of their own for each 30. The findings are the mill's."""
    found = [run_line(folder / f"{n}", f"{seed}-{n}") for n in range(effort)]
    return merged(found)


def run_line(folder: Path, seed: str) -> Findings:
    """A line with all rounds of its seed, or with one: `SEED/ROUND`."""
    line_seed, _, only = seed.partition("/")
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as opened:
        disk = _disk(folder / "disk", opened)
        rounds = deal(line_seed, with_disk=disk is not None)
        numbers = [int(only)] if only else range(len(rounds))
        trials = _Trials(folder, line_seed, disk, opened)
        for number in numbers:
            trials.round(number, rounds[number])
        return trials.end(whole=not only)


def deal(seed: str, *, with_disk: bool = True) -> list[list[str]]:
    """The names of each round's faults: a shuffled deck of 30, dealt one to three at a time, no
    two of a round on the same target.
    """
    chance = random.Random(seed)
    deck = [name for name, fault in FAULTS.items() for _ in range(fault.often)]
    deck = [name for name in deck if with_disk or name != "disk full"]
    chance.shuffle(deck)
    rounds: list[list[str]] = []
    while deck:
        dealt: list[str] = []
        for name in deck[: chance.randint(1, AT_ONCE)]:
            if FAULTS[name].target not in {FAULTS[other].target for other in dealt}:
                dealt.append(name)
        for name in dealt:
            deck.remove(name)
        rounds.append(dealt)
    return rounds


def merged(found: Sequence[Findings]) -> Findings:
    """The sum of several lines' findings."""
    return Findings(
        coils=sum(f.coils for f in found),
        cells=sum((f.cells for f in found), Counter[str]()),
        planted=sum(f.planted for f in found),
        recorded=sum(f.recorded for f in found),
        missed=tuple(text for f in found for text in f.missed),
        invented=tuple(text for f in found for text in f.invented),
        broken=tuple(text for f in found for text in f.broken),
        trials=sum((f.trials for f in found), Counter[str]()),
    )


def _bit(found: Findings, *, with_disk: bool) -> None:
    """The faults of a whole line did what they are for, and the daemon inspected over them. Ten or
    so kills of the inspecting process interrupt three defects each; every full disk is waited for.
    """
    came_of_it = found.trials
    assert came_of_it["defects interrupted"], "no kill came upon an open defect"
    assert came_of_it["events that came again"], "nothing was sent again"
    assert came_of_it["no room found"] == (FAULTS["disk full"].often if with_disk else 0)
    least = RECORDED_AT_LEAST * found.planted
    assert found.recorded >= least, f"{found.recorded} of {found.planted} defects are recorded"


def _disk(path: Path, opened: contextlib.ExitStack) -> Path | None:
    try:
        return opened.enter_context(small_disk(path, DISK_MB))
    except PermissionError as error:
        _log.warning("disk full is left out: %s", error)
        return None


class _Trials:
    """One line, its broker, its consumer, and the rounds they go through."""

    def __init__(
        self, folder: Path, seed: str, disk: Path | None, opened: contextlib.ExitStack
    ) -> None:
        self._folder, self._seed, self._disk = folder, seed, disk
        self.count: Counter[str] = Counter()
        broker = Broker(folder / "broker")
        opened.callback(broker.stop)
        broker.start()
        proxy = opened.enter_context(contextlib.closing(AckProxy(broker.port)))
        self._mill = Mill(broker.port, TOPIC, folder / "mill.sqlite")
        opened.callback(self._mill.kill)
        self._mill.start()
        self._mill.wait_until_subscribed()
        frames = str(folder / "frames")
        self._line = DrillLine(
            folder,
            random.Random(seed).randrange(1_000_000),
            command="run",
            program=PROGRAM,
            source={
                "kind": "folder", "path": frames, "frames_per_s": FRAMES_PER_S, "repeat": True,
            },
            ledger={
                "path": str((disk or folder) / "ledger"), "event_buffer_s": 0.5,
                "max_evidence_mb": 20,
            },
            deliver={"mqtt": [{"host": "127.0.0.1", "port": proxy.port, "timeout_s": 2.0}]},
            console={"enabled": True, "port": free_port()},
        )  # fmt: skip
        self._daemon = self._line.daemon
        self._daemon.start()
        opened.callback(self._daemon.stop)
        self._daemon.wait_until_inspecting()
        self._plant = Plant(self._daemon, broker, proxy, self._mill, disk, self.count)

    def round(self, number: int, names: Sequence[str]) -> None:
        """Hurt, wait until everything works again, hold all against the truth."""
        begun_s = time.monotonic()
        what = f"{self._seed}/{number}: {', '.join(names)}"
        with self._explained(what):
            self._hurt(number, names)
            wait_for(self._works, "the line works again", PATIENCE_S)
            last = self._daemon.reader().last_seq()
            wait_for(lambda: self._has(last), f"the mill has event {last}", PATIENCE_S)
            self._hold(finished=False)
        self.count.update(names)
        _log.info("%s: %.1f s", what, time.monotonic() - begun_s)

    def end(self, *, whole: bool) -> Findings:
        """Stop in order; what the mill got is the ledger, and the ledger is the truth."""
        with self._explained(f"{self._seed}: the end"):
            assert self._daemon.stop() == 0, "the daemon ends in order"
            last = self._daemon.reader().last_seq()
            wait_for(lambda: self._mill.seq >= last, "the mill has everything", PATIENCE_S)
            self.count["events"] = last
            self.count["events that came again"] = self._mill.again
            newest = self._daemon.reader().latest(["defect"], ALL)
            phases = Counter(recorded.event.data["phase"] for recorded in newest)
            self.count["defects interrupted"] = phases["interrupted"]
            found = self._hold(finished=True)._replace(trials=self.count)
            if whole:
                _bit(found, with_disk=self._disk is not None)
            return found

    def _hurt(self, number: int, names: Sequence[str]) -> None:
        failed: list[BaseException] = []

        def work(name: str) -> None:
            chance = random.Random(f"{self._seed}/{number}/{name}")
            try:
                pause(chance, MOMENT_S)
                FAULTS[name].hurt(self._plant, chance)
            except BaseException as error:  # noqa: BLE001 - raised in the round's own thread
                failed.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            threads[0].join(0.1)
            self._keep_up()
        if failed:
            raise failed[0]

    def _keep_up(self) -> None:
        """Start the supervisor where it ended, as systemd does."""
        if not self._daemon.running:
            self._daemon.start()

    def _has(self, seq: int) -> bool:
        self._keep_up()
        return self._mill.seq >= seq

    def _works(self) -> bool:
        self._keep_up()
        return sound(self._daemon)

    def _hold(self, *, finished: bool) -> Findings:
        """The mill's effects against the ledger, byte for byte, and against the strip. Of a line
        that goes on, up to the newest report.
        """
        effects = self._mill.effects()
        ledger = self._daemon.reader().after(0, ALL)
        recorded = [(r.event.seq, r.body) for r in ledger[: len(effects)]]
        assert effects == recorded, "the mill's effects are not the ledger's events"
        assert [seq for seq, _ in effects] == list(range(1, len(effects) + 1)), "a gap"
        events = [r.event for r in ledger[: len(effects)]]
        if not finished:
            events = events[: _last_report(events)]
        findings = look_up(events, self._line.strip)
        assert all(_has_no_length(event) for event in events), "a restart hides strip"
        wrong = [*findings.missed, *findings.invented, *findings.broken]
        assert not wrong, "\n".join(wrong[:20])
        return findings

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Keep the ledger and name the trial where something fails."""
        try:
            yield
        except (AssertionError, LedgerError, OSError) as error:
            kept = self._folder / "kept"
            with contextlib.suppress(OSError):  # the line goes on meanwhile
                shutil.copytree(self._daemon.settings["ledger"]["path"], kept)
            raise AssertionError(
                f"{error}\nin round {what}; its ledger is kept in {kept}; again:"
                f" python -m tests.drills.trials {what.partition(':')[0]}"
            ) from error


def _has_no_length(event: Event) -> bool:
    """Lines are counted from each start on, so a restart hides no strip of a coil."""
    body = event.body()
    if not isinstance(body, NotInspected) or body.reason != "restart":
        return True
    return body.extent.from_m == body.extent.to_m


def _last_report(events: Sequence[Event]) -> int:
    reports = [n for n, event in enumerate(events) if isinstance(event.body(), CoilReport)]
    return reports[-1] + 1 if reports else 0


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder = Path(tempfile.mkdtemp(prefix="stripsight-trial-"))
    found = run_line(folder, sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    _log.info("%s, %d planted, %d recorded", found.trials, found.planted, found.recorded)


if __name__ == "__main__":
    main()
