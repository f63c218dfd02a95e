"""`python -m tests.bench.frame_memory`: what fresh memory for each frame costs, against a pool.

4 MB frames are copied out of a camera's buffer and let go eight frames later, as in the daemon
(ADR 10).
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import cycle

import numpy as np

from tests.bench.machine import machine

ROWS, COLUMNS, HELD, FRAMES, WARM = 1024, 4096, 8, 500, 100


def main() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (ROWS, COLUMNS), dtype=np.uint8)
    room = cycle([np.empty_like(frame) for _ in range(HELD + 3)])

    def pooled() -> np.ndarray:
        np.copyto(into := next(room), frame)
        return into

    for name, copy in {"fresh": frame.copy, "pool": pooled, "fresh again": frame.copy}.items():
        median, p99 = np.quantile(_spent_ms(copy), [0.5, 0.99])
        print(f"{name:12} median {median:.2f} ms, p99 {p99:.2f} ms of the thread's own time")
    print(machine())


def _spent_ms(copy: Callable[[], np.ndarray]) -> list[float]:
    held, spent = deque[np.ndarray](maxlen=HELD), []
    for _ in range(FRAMES):
        start = time.thread_time()
        held.append(copy())
        spent.append((time.thread_time() - start) * 1e3)
    return spent[WARM:]


if __name__ == "__main__":
    main()
