"""A recorded run without threads: an inspector over frames made by hand, its log, its recording."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from contract.bodies import Action
from contract.events import Draft
from edge import config
from edge.acquire.coils import ConstantCoils
from edge.clock import Stamp
from edge.ledger.log import EventLog
from edge.lifecycle.model import load_model
from edge.lifecycle.slot import When
from edge.metrics import InspectMetrics
from edge.record.header import make_header
from edge.record.live import RecordedLog, make_inspector
from edge.record.recorder import Recorder
from edge.record.ring import Ring
from edge.types import U8, Commit, Frame, Loss, RowMap, Start
from tests.unit.edge.inspect.test_loop import CLEAN, COLUMNS, FRAME_M, ROW_M, ROWS, SteppedClock
from tests.unit.runtime.small_bundle import SIDE

NOON_NS = 1_795_435_200_000_000_000
PERIOD_NS = 40_000_000
ROOMY = 1 << 30


def line_config(folder: Path) -> config.Config:
    return config.Config(
        site="s",
        line="l",
        camera="c",
        bundle=folder / "bundle",
        source=config.FolderSource(kind="folder", path=folder),
        optics=config.Optics(mm_per_px_along=0.5, mm_per_px_across=0.5),
        position=config.LinesPosition(kind="lines"),
        coils=config.Coils(length_m=3.5 * FRAME_M, width_mm=COLUMNS * SIDE * 0.5),
        strip=config.Strip(edges="fixed"),
        ledger=config.Ledger(path=folder / "ledger"),
        run_path=folder,
    )


def with_defect(number: int) -> U8:
    """Every frame has another defect, so that no two are mistaken for each other."""
    pixels, row, column = CLEAN.copy(), number % ROWS, number % COLUMNS
    pixels[row * SIDE : (row + 1) * SIDE, column * SIDE + SIDE // 2 : (column + 1) * SIDE] = 255
    return pixels


class RecordedLine:
    """One run. Everything is written when it ends: no more than the recorder's buffer holds."""

    def __init__(self, folder: Path, max_bytes: int = ROOMY, **changes: object) -> None:
        self.config = line_config(folder).model_copy(update=changes)
        self.clock = SteppedClock()
        self.clock.ns = NOON_NS
        metrics = InspectMetrics(CollectorRegistry())
        model = load_model(folder / "bundle", self.config)
        self._log = EventLog(folder / "ledger", self.config.event_source, self.clock)
        last = self._log.open().last_seq
        header = make_header(self.config, model, last, self.clock.ns)
        self.recorder = Recorder(Ring(folder / "recording", max_bytes, header), metrics, self.clock)
        self.log = RecordedLog(self._log, self.recorder)
        coils = ConstantCoils(self.config.coils, f"coil-{last:04d}")
        self.slot, _, self._inspects = make_inspector(
            self.config, model, coils, metrics, self.clock, Start(), self.recorder
        )

    def frame(self, number: int, took_s: float = 0.01, losses: tuple[Loss, ...] = ()) -> None:
        """Inspect a frame whose result comes `took_s` after its grab, and commit that."""
        self.log.commit(self.look(number, took_s, losses))

    def look(self, number: int, took_s: float = 0.01, losses: tuple[Loss, ...] = ()) -> Commit:
        ns = NOON_NS + number * PERIOD_NS
        self.clock.ns = ns + round(took_s * 1e9)
        rows = RowMap(number * FRAME_M, ROW_M, ROWS * SIDE)
        pixels = with_defect(number)
        pixels.flags.writeable = False
        frame = Frame(number, pixels, rows, Stamp(ns - 5, ns - 5), Stamp(ns, ns), losses)
        return self._inspects.inspect(frame)

    def act(self, key: str) -> None:
        body = Action(action="activate", by="test", arguments={}, result="done")
        now = self.clock.now()
        self.log.commit(Commit((Draft(body, None, key, now.utc()),), None, now))

    def activate(self, bundle: Path, when: When) -> None:
        self.slot.offer(load_model(bundle, self.config), when)

    def end(self) -> None:
        self.clock.ns += 123_456_789
        last = self._inspects.finish()
        if last is not None:
            self.log.commit(last)
        self.write(clean=True)

    def write(self, *, clean: bool) -> None:
        self.recorder.close(clean=clean)
        self.recorder.run()
        self._log.close(clean=clean)
