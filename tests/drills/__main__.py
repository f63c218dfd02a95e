"""`make soak`: the failure drills in turn, by chance, for hours; ends at the first that fails.

Each drill runs in a process of its own, so that memory that a drill leaves behind is not the next
one's. The folder of a failed drill is kept and named.
"""

import argparse
import multiprocessing
import random
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from tests.drills.drills import DRILLS, run_drill
from tests.line.truth import Findings


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--effort", type=int, default=5, help="how long each hurts; CI takes 1")
    parser.add_argument("--only", choices=DRILLS, nargs="+", default=list(DRILLS))
    arguments = parser.parse_args()
    chance, start = random.Random(arguments.seed), time.monotonic()
    end, rounds, planted = start + arguments.hours * 3600, 0, 0
    print(f"drills for {arguments.hours:g} h, --seed {arguments.seed}", flush=True)
    while (begun := time.monotonic()) < end:
        name, seed = chance.choice(arguments.only), chance.randrange(1_000_000)
        folder = Path(tempfile.mkdtemp(prefix="stripsight-drill-"))
        try:
            found = _run(name, folder / "line", seed, arguments.effort)
        except PermissionError as error:
            print(f"       {name} is left out: {error}", flush=True)
            arguments.only.remove(name)
            if not arguments.only:
                return 1
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            return _failed(name, seed, folder, [f"{type(error).__name__}: {error}"])
        if wrong := [*found.missed, *found.invented, *found.broken]:
            return _failed(name, seed, folder, wrong)
        shutil.rmtree(folder, ignore_errors=True)
        rounds, planted = rounds + 1, planted + found.planted
        left = timedelta(seconds=int(max(0, end - time.monotonic())))
        took = f"{time.monotonic() - begun:6.1f} s"
        print(f"{rounds:5}  {name:22} {took} {found.coils:5} coils, {found.planted:6} planted,"
              f" {found.recorded:6} recorded, the rest told; {left} left", flush=True)  # fmt: skip
    print(f"{rounds} drills, {planted} planted defects: each recorded or told as not inspected")
    return 0


def _run(name: str, folder: Path, seed: int, effort: int) -> Findings:
    folder.mkdir()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run_drill, (name, folder, seed, effort))


def _failed(name: str, seed: int, folder: Path, wrong: list[str]) -> int:
    print(f"FAILED: {name}, seed {seed}; everything is kept in {folder}")
    print("\n".join(wrong[:20]))
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
