"""`bench.json`: raw figures of every part, from which tables and pictures are made.

Seconds, tiles per second, megabytes; one entry a measurement, in the order they were taken.
"""

from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from tests.bench.figures import curve, percentile

NAME = "bench.json"
Isa = Literal["all", "AVX512_CORE_VNNI", "AVX2"]
"""What the network's kernels may use; all that the processor has, or OpenVINO and oneDNN capped."""
Scenario = Literal["a", "b"]
"""Every tile classified at 64 px; or full detail, with a screen that lets a tenth through."""


TILES, SIZE, DENSITY, CLASSES, DAYS = (
    "tiles per frame", "MB per frame", "% of tiles that are defects", "classes", "days of ledger",
)  # fmt: skip
SERIES = {
    TILES: "the whole frame, cut ever finer; the real network",
    SIZE: "tiles of 256 px, ever more rows; the real network",
    DENSITY: "tiles of 128 px, defects of mixed classes at random places; no network",
    CLASSES: "tiles of 128 px, a tenth of them defects; no network",
    DAYS: "a file a day with 200 events each; commits of four events",
}
"""What cost grows with, and what else is to be known of such a table."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Conditions(_Entry):
    """Under what it was measured."""

    machine: str
    versions: dict[str, str]
    begun: datetime
    quick: bool
    """So few frames that a figure only shows that the bench works."""
    anyway: bool
    """The machine was not idle at the start."""
    load_before: tuple[float, float, float]
    load_after: tuple[float, float, float] | None = None
    stolen_share: float | None = None


class Ratio(_Entry):
    """One turn of one network: tiles per second of each, one after the other."""

    shape: str
    tiles_per_frame: int
    frame_m: float
    """Strip that passes while a frame is taken."""
    input_px: int
    wide_stem: bool
    isa: Isa
    round: int
    turn: int
    """Of the round."""
    bare: float
    offered: float
    daemon: float
    plain: float | None = None
    """None under a cap, as those below, since ONNX Runtime does not know it."""
    loop_fp32: float | None = None
    loop_int8: float | None = None

    @property
    def strip_m_per_s(self) -> float:
        """The fastest strip whose every tile the daemon classifies, the picture's whole width."""
        return self.daemon / self.tiles_per_frame * self.frame_m


class Latency(_Entry):
    """A distribution by its exact percentiles."""

    samples: int
    p50: float
    p99: float
    max: float
    curve: list[tuple[float, float]]

    @classmethod
    def of(cls, values: list[float]) -> Self:
        """Of at least one sample."""
        return cls(
            samples=len(values),
            p50=percentile(values, 0.5),
            p99=percentile(values, 0.99),
            max=max(values),
            curve=[(share, float(f"{value:.4g}")) for share, value in curve(values)],
        )


class Camera(_Entry):
    """One round of a full GigE camera with mosquitto, a consumer, and a scrape each second."""

    scenario: Scenario
    isa: Isa
    round: int
    frame_bytes: int
    tiles_per_frame: int
    seconds: float
    offered_per_s: float
    """Frames."""
    inspected_per_s: float
    frames: int
    """Inspected ones."""
    lost: dict[str, int]
    """Frames by reason."""
    cells: dict[str, int]
    """By outcome."""
    events: int
    """Received by the consumer in the whole run."""
    gaps: int
    """In the consumer's `seq`."""
    batch: float
    """Seconds that the bare engine takes for those of a frame's tiles that it is shown."""
    committed: Latency
    acknowledged: Latency
    outside: Latency
    stages: dict[str, Latency]


class Cost(_Entry):
    """A row of a table of growth."""

    series: str
    """One of `SERIES`."""
    value: float
    figures: dict[str, float]


class Delivery(_Entry):
    """A backlog that went to a broker while the line went on."""

    events: int
    seconds: float
    """From the courier's connection to the consumer's last event of the backlog."""
    per_s: float
    gaps: int
    """In the consumer's `seq`."""
    live: Latency
    """Of the new defects meanwhile, from before their commit to their receipt on `live`."""


class Memory(_Entry):
    """Resident megabytes of one process over minutes, and how they rise."""

    process: str
    discarded_minutes: float
    per_minute: list[tuple[float, float]]
    slope_mb_per_h: float
    low: float
    high: float


class Result(_Entry):
    """A whole run, or what there is of it so far."""

    schema_version: Literal["4"] = "4"
    conditions: Conditions
    ratios: list[Ratio] = []
    camera: list[Camera] = []
    growth: list[Cost] = []
    delivery: list[Delivery] = []
    memory: list[Memory] = []

    def write(self, folder: Path) -> None:
        """Whole or not at all."""
        draft = folder / f"{NAME}.partial"
        draft.write_text(self.model_dump_json(indent=1) + "\n", "utf-8")
        draft.rename(folder / NAME)


def read_result(folder: Path) -> Result:
    """What `write` wrote."""
    return Result.model_validate_json((folder / NAME).read_text("utf-8"))
