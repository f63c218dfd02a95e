"""`make soak`: a thousand random trials, then the failure drills by chance, for hours; ends at the
first that fails. With `--only random_trials` it ends after the trials.

Each drill runs in a process of its own, so that memory that a drill leaves behind is not the next
one's. The folder of a failed drill is kept and named.
"""

import argparse
import multiprocessing
import random
import shutil
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.drills.drills import DRILLS, run_drill
from tests.drills.faults import FAULTS
from tests.line.truth import Findings

TRIALS = "random_trials"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--effort", type=int, default=5, help="how long each hurts; CI takes 1")
    parser.add_argument("--trials", type=int, default=1000, help="random trials that come first")
    parser.add_argument("--only", choices=DRILLS, nargs="+", default=list(DRILLS))
    arguments = parser.parse_args()
    print(f"drills for {arguments.hours:g} h, --seed {arguments.seed}", flush=True)
    soak = _Soak(arguments)
    while not soak.over:
        if not soak.drill():
            return 1
    print(f"{soak.rounds} drills, {soak.planted} planted defects: each recorded or told as not"
          " inspected")  # fmt: skip
    for name, count in sorted(soak.trials.items(), key=lambda item: item[0] not in FAULTS):
        print(f"{count:8}  {name}")
    return 0


class _Soak:
    """Which drill is next, and what there was so far."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._names: list[str] = arguments.only
        self._wanted = arguments.trials if TRIALS in self._names else 0
        self._effort = arguments.effort
        self._chance = random.Random(arguments.seed)
        self._start_s = time.monotonic()
        self._end_s = self._start_s + arguments.hours * 3600
        self.rounds = self.planted = 0
        self.trials: Counter[str] = Counter()

    @property
    def over(self) -> bool:
        done = self._names == [TRIALS] and not self._trials_left
        return done or not self._names or time.monotonic() > self._end_s

    @property
    def _trials_left(self) -> int:
        return max(0, self._wanted - sum(self.trials[name] for name in FAULTS))

    def drill(self) -> bool:
        """One drill; False where it failed."""
        first = self._trials_left > 0
        name = TRIALS if first else self._chance.choice(self._names)
        seed, begun_s = self._chance.randrange(1_000_000), time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="stripsight-drill-"))
        try:
            found = _run(name, folder / "line", seed, 1 if first else self._effort)
        except PermissionError as error:
            print(f"       {name} is left out: {error}", flush=True)
            self._names.remove(name)
            return True
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            return _failed(name, seed, folder, [f"{type(error).__name__}: {error}"])
        if wrong := [*found.missed, *found.invented, *found.broken]:
            return _failed(name, seed, folder, wrong)
        shutil.rmtree(folder, ignore_errors=True)
        self.rounds, self.planted = self.rounds + 1, self.planted + found.planted
        self.trials += found.trials
        self._tell(name, time.monotonic() - begun_s, found)
        return True

    def _tell(self, name: str, took_s: float, found: Findings) -> None:
        left_s = self._end_s - time.monotonic()
        if self._names == [TRIALS]:
            done = self._wanted - self._trials_left
            left_s = (time.monotonic() - self._start_s) / done * self._trials_left
            name = f"{done} of {self._wanted} trials"
        left = timedelta(seconds=int(max(0, left_s)))
        print(f"{self.rounds:5}  {name:22} {took_s:6.1f} s {found.coils:5} coils,"
              f" {found.planted:6} planted, {found.recorded:6} recorded, the rest told;"
              f" {left} left", flush=True)  # fmt: skip


def _run(name: str, folder: Path, seed: int, effort: int) -> Findings:
    folder.mkdir()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run_drill, (name, folder, seed, effort))


def _failed(name: str, seed: int, folder: Path, wrong: list[str]) -> bool:
    print(f"FAILED: {name}, seed {seed}; everything is kept in {folder}")
    print("\n".join(wrong[:20]))
    return False


if __name__ == "__main__":
    raise SystemExit(main())
