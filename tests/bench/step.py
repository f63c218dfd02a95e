"""A run is a list of steps; what a step has measured is on disk before the next begins."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.result import Result


class Effort(NamedTuple):
    """How much is measured."""

    rounds: int
    seconds: float
    """Of each rate."""
    camera_frames: int
    """Of each round; a p99 wants 3,000."""
    growth_frames: int
    ledger_days: tuple[int, ...]
    backlog_s: int
    """How long the broker was away."""
    memory_minutes: float


FULL = Effort(
    rounds=3, seconds=15, camera_frames=3030, growth_frames=60, ledger_days=(0, 30, 365),
    backlog_s=3600, memory_minutes=60,
)  # fmt: skip
QUICK = Effort(
    rounds=1, seconds=3, camera_frames=200, growth_frames=10, ledger_days=(0, 30),
    backlog_s=60, memory_minutes=0,
)  # fmt: skip


class Step(NamedTuple):
    """One measurement: adds to the result, and returns a line of what came out."""

    title: str
    planned_s: float
    work: Callable[[Result], str]


def run_steps(
    steps: Sequence[Step],
    result: Result,
    folder: Path,
    say: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Run them in order, telling the time left; `result` is written after each."""
    begun, planned = now(), 0.0
    for number, step in enumerate(steps, 1):
        left_s = sum(other.planned_s for other in steps[number - 1 :])
        # The plan says how the steps compare; the clock, how long they take here.
        pace = (now() - begun) / planned if planned else 1.0
        minutes, seconds = divmod(round(left_s * pace), 60)
        say(f"{number:>3}/{len(steps)}  {step.title}  ({minutes}:{seconds:02} left)")
        say(f"         {step.work(result)}")
        planned += step.planned_s
        result.write(folder)
