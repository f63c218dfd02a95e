"""`make bench`: what the design's performance contract asks for, in one run on one machine.

    ratios   the whole daemon against the bare engine and the straightforward loop
    camera   a full GigE camera with mosquitto: lost, late, latencies, software outside the network
    growth   what cost grows with
    delivery an hour's events to a broker that was away, and new defects on `live` meanwhile
    memory   whether resident memory rises

Ratios count, because machines are noisy: rounds are taken in turns. Ctrl-C keeps what is done.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import camera, delivery, growth, memory, ratios
from tests.bench.machine import busy, machine, refusal, stolen_share, versions
from tests.bench.material import Material
from tests.bench.plots import draw
from tests.bench.report import markdown
from tests.bench.result import Conditions, Result
from tests.bench.step import FULL, QUICK, Effort, Step, run_steps
from tests.conftest import ROOT

PARTS: dict[str, Callable[[Material, Effort], Iterator[Step]]] = {
    "ratios": ratios.steps, "camera": camera.steps, "growth": growth.steps,
    "delivery": delivery.steps, "memory": memory.steps,
}  # fmt: skip
CACHE = ROOT / "var" / "bench"


def main(arguments: Sequence[str] | None = None, material: Material | None = None) -> int:
    """Measure; a test of the bench brings its own `material`. Returns the exit code."""
    given = _parser().parse_args(arguments)
    effort = QUICK if given.quick else FULL
    if given.memory_minutes is not None:
        effort = effort._replace(memory_minutes=given.memory_minutes)
    if given.rounds is not None:
        effort = effort._replace(rounds=given.rounds)
    before = busy()
    why_not = refusal(before)
    if why_not and not given.anyway:
        print(f"make bench: {why_not}", file=sys.stderr)
        return 2
    conditions = Conditions(
        machine=machine(), versions=versions(), begun=datetime.now(UTC).replace(microsecond=0),
        quick=given.quick, anyway=why_not is not None, load_before=before.load,
    )  # fmt: skip
    result, out = Result(conditions=conditions), given.out
    out.mkdir(parents=True, exist_ok=True)
    material = material or Material(CACHE)
    steps = [step for part in given.only for step in PARTS[part](material, effort)]
    interrupted = False
    try:
        run_steps(steps, result, out, lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        interrupted = True
    after = busy()
    conditions.load_after, conditions.stolen_share = after.load, stolen_share(before, after)
    result.write(out)
    draw(result, out)
    text = markdown(result)
    (out / "benchmarks.md").write_text(text, "utf-8")
    print(f"\n{text}\nbench.json, benchmarks.md and pictures: {out}")
    return 130 if interrupted else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", type=_parts, default=list(PARTS), help="parts, with commas")
    parser.add_argument("--quick", action="store_true", help="minutes; shows that the bench works")
    parser.add_argument("--rounds", type=int, help=f"{FULL.rounds}; with --quick {QUICK.rounds}")
    parser.add_argument(
        "--memory-minutes", type=float,
        help=f"{FULL.memory_minutes:g}; with --quick {QUICK.memory_minutes:g}; 0 leaves it out",
    )  # fmt: skip
    parser.add_argument("--anyway", action="store_true", help="also on a machine that is not idle")
    parser.add_argument("--out", type=Path, default=CACHE / "latest", help="folder of the results")
    return parser


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
