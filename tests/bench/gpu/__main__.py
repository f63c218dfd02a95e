"""`python -m tests.bench.gpu`: tiles a second of the engine by batch, and of the whole daemon, on a
GPU.

    --prepare               only make the bundles, where NNCF is; bring var/bench-gpu along
    --provider cpu --quick  the same from start to end on the processor, in a minute

What a machine lacks becomes a row that says so. --out has all of it as JSON.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from contract.bundle import Bundle
from contract.card import Precision
from contract.errors import StripSightError
from runtime.backends import nvidia
from runtime.engine import BATCH_SIZES
from tests.bench.gpu.bundles import frames, gpu_bundle, tiles_of
from tests.bench.gpu.rates import IN_TURNS, Case, engine_row, takeover, whole_daemon
from tests.bench.machine import machine
from tests.conftest import ROOT

CACHE = ROOT / "var" / "bench-gpu"
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


ON_GPU = (
    Case("cuda", "fp32"),
    Case("cuda", "fp16", unbound=True),
    Case("cuda", "fp16"),
    Case("cuda-nchw", "fp16"),
    Case("cuda", "int8"),
    Case("tensorrt", "fp16"),
    Case("tensorrt", "int8"),
    Case("onnxruntime", "fp32"),
)
ON_CPU = (
    Case("onnxruntime", "fp32", unbound=True),
    Case("onnxruntime", "fp32"),
    Case("onnxruntime", "int8"),
    Case("cuda", "int8"),
    Case("tensorrt", "fp16"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.gpu", description=__doc__)
    parser.add_argument("--provider", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=3, help="per measurement")
    parser.add_argument("--quick", action="store_true", help="64 px only, half a second each")
    parser.add_argument("--out", type=Path, default=CACHE / "gpu.json")
    parser.add_argument("--prepare", action="store_true")
    arguments = parser.parse_args()
    seconds = 0.5 if arguments.quick else arguments.seconds
    sides = (64,) if arguments.quick else (64, 128)
    pictures = frames(CACHE / "frames")
    print(f"on {device()}", flush=True)
    result: dict[str, Any] = {"device": device(), "shapes": {}}
    for side in sides:
        tiles = tiles_of(pictures, side)
        bundles = _bundles(side, tiles)
        if arguments.prepare:
            continue
        cases = ON_GPU if arguments.provider == "cuda" else ON_CPU
        result["shapes"][side] = _shape(side, cases, bundles, tiles, seconds)
    if not arguments.prepare:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


def device() -> str:
    """What the figures were measured on."""
    found = nvidia.device()
    gpu = f"{found.name} (sm {found.capability}, CUDA {found.cuda})" if found else "no GPU"
    return f"{gpu}; {machine()}; onnxruntime {ort.__version__}"


def _bundles(side: int, tiles: np.ndarray) -> dict[Precision, Bundle]:
    made: dict[Precision, Bundle] = {}
    for precision in PRECISIONS:
        try:
            made[precision] = gpu_bundle(CACHE, side, precision, tiles)
        except ImportError as error:
            print(f"{side} px {precision}: not made here ({error})")
    return made


def _shape(
    side: int,
    cases: tuple[Case, ...],
    bundles: dict[Precision, Bundle],
    tiles: np.ndarray,
    seconds: float,
) -> dict[str, Any]:
    columns = (*(f"batch {n}" for n in BATCH_SIZES), "{} and {}".format(*IN_TURNS), "off by")
    print(f"\n{f'{side} px, tiles/s':26}" + "".join(f"{column:>11}" for column in columns))
    rows: dict[str, Any] = {}
    for case in cases:
        if case.precision in bundles:
            with _said(case.name, rows):
                rows[case.name] = engine_row(case, bundles[case.precision], tiles, seconds)
                print(_line(case.name, rows[case.name]), flush=True)
    line = [c for c in cases if "rates" in rows.get(c.name, {}) and c.is_the_lines]
    case = max(line, key=lambda c: max(rows[c.name]["rates"].values()))
    best = max(rows[case.name]["rates"].values())
    bundle, name = bundles[case.precision], f"whole daemon on {case.name}"
    with _said(name, rows):
        rows[name] = whole_daemon(
            bundle, case.backend, CACHE / "frames", best, max(2.0, 2 * seconds)
        )
        print(f"  {name}: " + ", ".join(f"{k} {v:.4g}" for k, v in rows[name].items()))
    with _said("takeover", rows):
        rows["takeover"] = takeover(bundle, case.backend, tiles)
        print(f"  a failing call, run again by the standby: {rows['takeover']['s']:.3f} s")
    return rows


@contextmanager
def _said(name: str, rows: dict[str, Any]) -> Iterator[None]:
    """A row that cannot be measured says why, and the others follow."""
    try:
        yield
    except (StripSightError, AssertionError, OSError) as error:
        rows[name] = {"refused": str(error)[-300:]}
        print(f"  {name:28} {rows[name]['refused']}", flush=True)


def _line(name: str, row: dict[str, Any]) -> str:
    rates = "".join(f"{rate:11.0f}" for rate in (*row["rates"].values(), row["in_turns"]))
    return f"  {name:24}{rates}{row['off']:11.4f}"


if __name__ == "__main__":
    main()
