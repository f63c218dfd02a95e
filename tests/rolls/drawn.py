"""Drawn strips through the demo bundle: `python -m tests.rolls.drawn [COILS]`.

The whole inspection in one process, from pixels to events: half of the coils are rolled with a
damaged finishing roll, on all of them lie the other defects of the simulator's catalogue.
"""

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from prometheus_client import CollectorRegistry

from contract.bodies import Defect, EventBody, RollRepeat
from edge import config
from edge.acquire.coils import ConstantCoils
from edge.clock import SystemClock
from edge.inspect.loop import Inspector
from edge.lifecycle.model import Model, load_model
from edge.lifecycle.slot import ModelSlot
from edge.metrics import InspectMetrics
from edge.simulator.defects import DEFECTS
from edge.simulator.mill import Mill, MillConfig, SimulatedFrame
from edge.types import Frame
from tests.conftest import ROOT

BUNDLE = ROOT / "deploy" / "bundles" / "demo"
WIDTH_MM, FRAMES, ROWS = 300.0, 80, 512
COIL_M = FRAMES * ROWS * 0.0005
PER_M = 0.15
"""Defects of each class and metre on 300 mm: seven classes give four a metre on 1,200 mm."""
ROLL = config.Roll(name="F7 work roll", diameter_mm=(600, 830))
PINCH = config.Roll(name="pinch roll", diameter_mm=(460, 500))


class Result(NamedTuple):
    """Of a coil: its roll's circumference (None: sound), its marks and how many were found where
    they lie, the repeats that were raised, and metres from the first mark to one that is right.
    """

    turn_m: float | None
    marks: int
    found: int
    raised: list[RollRepeat]
    metres: float | None
    period_m: float | None
    """In the last revision of the right one."""


def main() -> None:
    coils = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    settings = _settings()
    model = load_model(BUNDLE, settings)
    sys.stdout.write(_report([inspect(settings, model, seed) for seed in range(coils)]) + "\n")


def _report(results: list[Result]) -> str:
    marked = [r for r in results if r.turn_m is not None]
    sound = [r for r in results if r.turn_m is None]
    told = [r for r in marked if r.metres is not None]
    metres = np.array([r.metres for r in told] or [np.nan])
    off_mm = [1000 * abs((r.period_m or 0) - (r.turn_m or 0)) for r in told] or [np.nan]
    others = _share([r for r in marked if r.metres is None])
    lines = [
        f"{len(sound)} coils of {COIL_M:.1f} m without a mark: {_raised(sound)} false alarms",
        f"{len(marked)} coils with one: {len(told)} told of, {_raised(marked) - len(told)} more",
        f"marks found of those told of {_share(told):.0%}, of the others {others:.0%}",
        f"metres from the first mark: median {np.median(metres):.1f}, most {metres.max():.1f}",
        f"period off by {max(off_mm):.1f} mm at most at the coil's end",
    ]
    return "\n".join(lines)


def _share(results: list[Result]) -> float:
    """Share of the marks that were found where they lie."""
    marks = sum(r.marks for r in results)
    return sum(r.found for r in results) / marks if marks else float("nan")


def _raised(results: list[Result]) -> int:
    return sum(len(r.raised) for r in results)


def inspect(settings: config.Config, model: Model, seed: int) -> Result:
    """Draw a coil and inspect it."""
    mill = Mill(
        MillConfig(
            seed=7_000_000 + seed, width_px=640, rows=ROWS, strip_mm=(WIDTH_MM, WIDTH_MM),
            coil_m=COIL_M, per_m=dict.fromkeys(DEFECTS, PER_M),
        )
    )  # fmt: skip
    frames = [mill.frame(number) for number in range(FRAMES)]
    events = list(_events(settings, model, frames))
    drawn = {d.id: d for frame in frames for d in frame.defects if d.roll is not None}
    marks = sorted(d.from_m for d in drawn.values())
    turn_m = float(np.diff(marks).mean()) if len(marks) > 2 else None
    defects = [b for b in events if isinstance(b, Defect) and b.revision == 1]
    mine = [b for b in events if isinstance(b, RollRepeat)]
    right = [b for b in mine if turn_m is not None and abs(b.period_m - turn_m) < 0.1]
    return Result(
        turn_m=turn_m,
        marks=len(marks),
        found=sum(any(_at(b, m) for b in defects) for m in marks),
        raised=[b for b in mine if b.revision == 1],
        metres=right[0].extent.to_m - marks[0] if right else None,
        period_m=right[-1].period_m if right else None,
    )


def _at(body: Defect, along_m: float) -> bool:
    return body.class_name == "finishing_roll_printing" and (
        body.extent.from_m - 0.064 <= along_m <= body.extent.to_m
    )


def _events(
    settings: config.Config, model: Model, frames: list[SimulatedFrame]
) -> Iterator[EventBody]:
    clock = SystemClock()
    coils = ConstantCoils(settings.coils)
    metrics = InspectMetrics(CollectorRegistry())
    inspector = Inspector(settings, ModelSlot(model), coils, metrics, clock)
    for frame in frames:
        taken = Frame(frame.seq, frame.pixels, frame.rows, None, clock.now())
        yield from (draft.body for draft in inspector.inspect(taken).drafts)
    last = inspector.finish()
    yield from (draft.body for draft in (last.drafts if last else ()))


def _settings() -> config.Config:
    return config.Config.model_validate(
        {
            "site": "mill", "line": "line", "camera": "top", "bundle": BUNDLE,
            "source": {"kind": "folder", "path": "unused"},
            "optics": {"mm_per_px_along": 0.5, "mm_per_px_across": 0.5},
            "position": {"kind": "lines"},
            "coils": {"width_mm": WIDTH_MM},
            "inspect": {"deadline_s": 60},
            "rolls": {"table": [ROLL.model_dump(), PINCH.model_dump()]},
            "ledger": {"path": "unused"}, "run_path": "unused",
        }
    )  # fmt: skip


if __name__ == "__main__":
    main()
