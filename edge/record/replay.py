"""`stripsight-edge replay`: a recorded run once more, in one thread, as fast as it goes.

    record --frames, answers--> inspector --commits--> event log (a new one) --> compared

The commits go into the log in the live run's order, and audited actions as they were given then.
After a hole, and where a ring has lost the run's beginning, a new inspector begins with the next
frame; see edge/record/compare.py for what is compared from there on.
"""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from contract.bundle import open_bundle
from edge.config import Config
from edge.errors import ConfigError, ReplayError
from edge.inspect.loop import Inspector
from edge.ledger.log import EventLog
from edge.lifecycle.model import Model, load_model
from edge.metrics import InspectMetrics
from edge.record.compare import Comparison
from edge.record.header import CPU_BACKENDS, Header, this_machine
from edge.record.notes import Retold, RetoldSlot
from edge.record.reading import Hole
from edge.record.records import BundleAt, Committed, Ended, Finished, Record, Seen, Waited
from edge.types import Commit

Say = Callable[[str], None]


class Bundles:
    """The bundles of a run, by their digest; each is loaded once."""

    def __init__(self, header: Header, given: Sequence[Path], folder: Path) -> None:
        self._header = header
        self._given = tuple(given)
        self._folder = folder
        self._loaded: dict[str, Model] = {}

    def load(self, at: BundleAt) -> Model:
        """The bundle of that digest, from where it is given or where it lay then.

        Raises:
            ConfigError: it is nowhere there.
            BundleError: it does not run here.
        """
        if at.digest not in self._loaded:
            config = self._header.config_for(self._find(at), self._folder)
            self._loaded[at.digest] = load_model(config.bundle, config)
        return self._loaded[at.digest]

    def config(self, at: BundleAt) -> Config:
        """The run's, with that bundle."""
        return self._header.config_for(at.path, self._folder)

    def _find(self, at: BundleAt) -> Path:
        lay = [at.path] if at.path.is_dir() else []
        for path in [*self._given, *lay]:
            if open_bundle(path).digest == at.digest:
                return path
        raise ConfigError(
            f"the run used a bundle of digest {at.digest[:12]}..., which lay at {at.path};"
            " give its folder by --bundle"
        )


class Replay:
    """One run, record by record, in the calling thread. `log` is open and belongs to it."""

    def __init__(self, header: Header, bundles: Bundles, log: EventLog, say: Say) -> None:
        self._header = header
        self._bundles = bundles
        self._log = log
        self._say = say
        self._metrics = InspectMetrics(CollectorRegistry())
        self._retold = Retold()
        self._slot: RetoldSlot | None = None
        self._inspector: Inspector | None = None
        self._first_frame = 0
        self._pending: deque[Commit] = deque()
        self.comparison = Comparison()
        self.holes = 0
        self.ended = False

    @property
    def waiting(self) -> int:
        """Frames that were replayed and that the live run had not committed yet."""
        return len(self._pending)

    def take(self, item: Record | Hole) -> None:
        """The next record, or that some are missing.

        Raises:
            ReplayError: the replay differs from here on.
        """
        match item:
            case Hole():
                self._break_off(item)
            case Seen():
                self._see(item)
            case Waited() | Finished():
                self._without_frame(item)
            case Committed():
                self._commit(item)
            case Ended():
                self.ended = True

    def _break_off(self, hole: Hole) -> None:
        self._say(f"hole: {hole.why}")
        self.holes += 1
        self._inspector = None
        self._pending.clear()
        self.comparison.broken()

    def _see(self, seen: Seen) -> None:
        model = self._bundles.load(seen.model)
        if self._slot is None:
            self._slot = RetoldSlot(model, self._bundles.load)
            self._compare_machines(model)
        self._slot.active = model
        if self._inspector is None:
            self._inspector = self._begin(self._slot, seen)
        self._retold.tell(seen.told, seen.frame.grabbed)
        self._slot.tell(seen.told)
        self._pending.append(self._inspector.inspect(seen.frame, seen.dropped))

    def _begin(self, slot: RetoldSlot, seen: Seen) -> Inspector:
        self._first_frame = seen.frame.seq
        config = self._bundles.config(seen.model)
        retold = self._retold
        return Inspector(config, slot, retold, self._metrics, retold, seen.start)

    def _without_frame(self, record: Waited | Finished) -> None:
        inspector = self._inspector
        if inspector is None:
            return
        self._retold.tell(record.told, self._retold.now())
        commit = inspector.finish() if isinstance(record, Finished) else inspector.idle()
        if commit is not None:
            self._pending.append(commit)

    def _commit(self, record: Committed) -> None:
        commit = record.given or self._mine(record.frame)
        if commit is None:
            return  # of a frame in the hole
        events = self._log.commit(commit)
        if self.holes == 0:
            self.comparison.whole(record.events, events)
        else:
            in_piece = record.frame is not None and record.frame > self._first_frame
            self.comparison.coil_wise(record.events, events, in_piece=in_piece)

    def _mine(self, frame: int | None) -> Commit | None:
        """What the inspector gave for that frame."""
        mark = self._pending[0].watermark if self._pending else None
        return self._pending.popleft() if mark is not None and mark.frame == frame else None

    def _compare_machines(self, model: Model) -> None:
        then = self._header.machine
        here = this_machine(model, then.threads)
        for difference in then.differences(here):
            self._say(f"warning: {difference}: the same bits are not promised")
        if not {then.backend, here.backend} <= set(CPU_BACKENDS):
            self.comparison.tolerance = model.bundle.card.golden_limits.max_probability_difference
            self._say(f"on a GPU: probabilities may be {self.comparison.tolerance} apart")


def verdict(replay: Replay) -> list[str]:
    """What a replay without a difference has shown, in lines.

    Raises:
        ReplayError: nothing.
    """
    compared = replay.comparison
    lines = [] if replay.ended else ["the recording stops before the run's end"]
    if replay.waiting:
        lines.append(f"{replay.waiting} frames were seen whose commit was not recorded")
    if replay.holes:
        lines.append(
            f"equal as far as can be told: {compared.events} events, {compared.coils} whole coils"
            f" of them behind the first of {replay.holes} holes; the whole run is not"
        )
    else:
        lines += [f"live    {compared.live}", f"replay  {compared.replay}", "equal"]
    if not compared.events:
        raise ReplayError(
            "nothing in this recording can be compared: it has no coil that begins and ends in it"
        )
    return lines
