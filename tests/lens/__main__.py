"""`python -m tests.lens [FOLDER OF REAL FRAMES]`: the tables of docs/light.md.

Each frame is hurt after eight like it; frames that nobody hurt must be called neither blurred nor
obscured. Real frames are of ten different strips, so each is also shown after every other one.
"""

import copy
import sys
from pathlib import Path

import cv2
import numpy as np

from edge.acquire.folder import list_pictures
from edge.inspect.lens import LEARN_FRAMES, Lens
from edge.simulator.mill import MillConfig
from edge.types import F32
from runtime.scale import read_gray
from tests.lens.harm import Harm, defocus, drop, fog, hand, learned, look, strip_frames, untouched

HARMS: dict[str, Harm] = {
    "nothing": untouched,
    **{f"defocus, sigma {s:g} px": defocus(s) for s in (1.5, 2, 3, 5)},
    **{f"fog that leaves {c:.0%} of the contrast": fog(c) for c in (0.5, 0.3, 0.2, 0.15, 0.1)},
    "a drop before 256 columns": drop(6, 2),
    "a hand before 256 columns": hand(6, 2),
}
COILS, FRAMES = 10, 14


def main() -> None:
    cv2.setNumThreads(1)
    simulated = []
    for seed in range(COILS):
        mill = MillConfig(seed=seed, rows=512, coil_m=1000.0)
        frames = list(strip_frames(mill, range(LEARN_FRAMES + FRAMES)))
        simulated.append((learned(frames[:LEARN_FRAMES]), frames[LEARN_FRAMES:]))
    _table(f"{COILS} simulated coils", simulated)
    if len(sys.argv) > 1:
        pictures = list_pictures(Path(sys.argv[1]))
        real = [read_gray(picture).astype(np.float32) for picture in pictures]
        after_itself = [(learned([frame] * LEARN_FRAMES), [frame]) for frame in real]
        _table(f"{len(real)} real frames", after_itself)
        others = [
            (lens, [f for f in real if f is not frames[0] and f.shape == frames[0].shape])
            for lens, frames in after_itself
        ]
        _table("real frames, each after another strip's", others, {"nothing": untouched})


def _table(name: str, coils: list[tuple[Lens, list[F32]]], harms: dict[str, Harm] = HARMS) -> None:
    print(f"\n| {name} | frames | blurred | obscured |\n|---|---|---|---|")
    for harm_name, harm in harms.items():
        seen = []
        for usual, frames in coils:
            for seed, frame in enumerate(frames, 1000):
                lens = copy.deepcopy(usual)
                look(lens, frame, harm, seed)
                seen.append((lens.blurred, bool(lens.hidden) and not lens.blurred))
        blurred, obscured = np.sum(seen, axis=0)
        print(f"| {harm_name} | {len(seen)} | {blurred} | {obscured} |", flush=True)


if __name__ == "__main__":
    main()
