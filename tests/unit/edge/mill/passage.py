"""Strip that passes a reference and a camera behind it, and a mill that speaks of it."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from edge import config
from edge.clock import Stamp
from edge.ledger.log import EventLog
from edge.metrics import InspectMetrics
from edge.mill.heard import Heard
from edge.mill.odometer import Odometer
from edge.mill.past import Past
from edge.mill.signals import Signal
from edge.mill.tracker import MillCoils
from edge.types import Coil, Correction

NOON_NS = 1_795_435_200_000_000_000
SPEED_M_PER_S = 2.0
OFFSET_M = 5.0
FRAME_M = 0.5
WIDTH_MM = 1000.0


class Time:
    """Stands still unless moved on; its two clocks agree."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000

    def now(self) -> Stamp:
        return Stamp(self.ns, NOON_NS + self.ns)

    def sleep_until(self, monotonic_ns: int) -> None:
        self.ns = max(self.ns, monotonic_ns)


def empty_ledger(folder: Path) -> Path:
    log = EventLog(folder / "ledger", "/s/l/c", Time(), reserve_bytes=0)
    log.open()
    log.close()
    return folder / "ledger"


LINES = {"kind": "lines"}


def mill_config(ledger: Path, position: object = LINES, **mill: object) -> config.Config:
    source = {"name": "mill", "host": "127.0.0.1", "topics": ["mill/#"]}
    return config.Config.model_validate(
        {
            "site": "s",
            "line": "l",
            "camera": "c",
            "bundle": ledger,
            "source": {"kind": "folder", "path": ledger},
            "optics": {"mm_per_px_along": 0.5, "mm_per_px_across": 0.5},
            "position": position,
            "mounting": {"offset_m": OFFSET_M, "side": "top"},
            "coils": {"width_mm": WIDTH_MM},
            "mill": {"mqtt": [source], **mill},
            "ledger": {"path": ledger},
            "run_path": ledger,
        }
    )


class Passage:
    """Frames of half a metre, one after the other without a hole, at two metres a second.

    `coils` is what the inspecting thread was told, stretch by stretch.
    """

    def __init__(
        self, ledger: Path, time: Time | None = None, camera_m: float = -OFFSET_M, **mill: object
    ) -> None:
        self.time = time or Time()
        self.registry = CollectorRegistry()
        settings = mill_config(ledger, **mill)
        self.camera_m = camera_m
        self.odometer = Odometer(self.camera_m, OFFSET_M)
        self.speeds: list[float] = []
        past = Past(ledger, self.camera_m - 1)
        metrics = InspectMetrics(self.registry)
        self.mill = MillCoils(
            settings, self.camera_m, past, self.odometer,
            lambda m_per_s, _: self.speeds.append(m_per_s), metrics, self.time,
        )  # fmt: skip
        self.answers: list[tuple[float, float, tuple[Coil, ...]]] = []
        self.corrections: list[Correction] = []

    def say(self, *signals: Signal, retained: bool = False) -> None:
        for signal in signals:
            stamp = self.time.now()
            self.mill.hear(Heard(source="mill", stamp=stamp, signal=signal, retained=retained))

    def run(self, metres: float) -> None:
        """The strip goes on, frame by frame, each inspected as soon as it has come."""
        for _ in range(round(metres / FRAME_M)):
            self.time.ns += round(FRAME_M / SPEED_M_PER_S * 1e9)
            first_m, self.camera_m = self.camera_m, self.camera_m + FRAME_M
            self.odometer.tell(self.time.ns, self.camera_m)
            self.corrections += self.mill.corrections()
            coils = tuple(self.mill.coils(first_m, self.camera_m))
            self.answers.append((first_m, self.camera_m, coils))

    def pass_unseen(self, seconds: float, m_per_s: float = SPEED_M_PER_S) -> None:
        """The strip goes on, or stands, while no frame comes."""
        self.time.ns += round(seconds * 1e9)
        self.camera_m += seconds * m_per_s

    def come_back(self) -> None:
        """How far the strip has run unseen is known again; what was lost is told of first."""
        first_m = self.answers[-1][1] if self.answers else -OFFSET_M
        self.odometer.tell(self.time.ns, self.camera_m)
        self.corrections += self.mill.corrections()
        self.answers.append(
            (first_m, self.camera_m, tuple(self.mill.coils(first_m, self.camera_m)))
        )

    def settle(self) -> None:
        self.corrections += self.mill.corrections()

    @property
    def reference_m(self) -> float:
        return self.camera_m + OFFSET_M

    @property
    def coils(self) -> list[Coil]:
        """Each coil once, as it was told first, by its head."""
        told: dict[str, Coil] = {}
        for _, _, coils in self.answers:
            for coil in coils:
                told.setdefault(coil.id, coil)
        return list(told.values())

    def doubts(self, doubt: str) -> float:
        return self.registry.get_sample_value("stripsight_mill_doubts_total", {"doubt": doubt}) or 0
