"""`stripsight-edge` with every sample of its histograms kept, whose buckets are too coarse for an
exact percentile: `python -m tests.bench.timed FOLDER COMMAND ...`.

Nothing else differs: the real command runs in this process, and `run` starts its processes in the
same way. At its end each process writes `FOLDER/COMMAND.csv`.
"""

import csv
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from prometheus_client import Histogram

from edge import cli, supervisor
from tests.line.daemon import Daemon

STAGE = "stripsight_stage_seconds"


class Sample(NamedTuple):
    """One observation: when (the host's monotonic clock), by which thread, of what."""

    at_s: float
    thread: int
    histogram: str
    labels: str
    value: float

    @property
    def stage(self) -> str | None:
        """The stage's name, if it is a stage's time."""
        return self.labels if self.histogram == STAGE else None


@contextmanager
def recording() -> Iterator[list[Sample]]:
    """Every sample of this process's histograms within the context; of all threads."""
    samples: list[Sample] = []
    observe = Histogram.observe

    def kept(histogram: Histogram, amount: float, exemplar: dict[str, str] | None = None) -> None:
        observe(histogram, amount, exemplar)
        labels = ",".join(histogram._labelvalues)
        samples.append(
            Sample(time.monotonic(), threading.get_ident(), histogram._name, labels, amount)
        )

    with patch.object(Histogram, "observe", kept):
        yield samples


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """One line each."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(samples)


def read_samples(path: Path) -> list[Sample]:
    """What `write_samples` wrote."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Sample(float(at), int(thread), histogram, labels, float(value))
            for at, thread, histogram, labels, value in csv.reader(stream)
        ]


def between(samples: Iterable[Sample], from_s: float, to_s: float) -> list[Sample]:
    """Those of a stretch of time, `from_s <= at_s < to_s`."""
    return [sample for sample in samples if from_s <= sample.at_s < to_s]


def values(samples: Iterable[Sample], histogram: str) -> list[float]:
    """Of one histogram, all labels together."""
    return [sample.value for sample in samples if sample.histogram == histogram]


def outside_network(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """When each frame of a whole run was inspected, and the seconds of software outside the
    network: all that the inspecting thread does but `classify`, and the frame's commit.

    The ledger commits the frames in the order in which the inspecting thread leaves them.
    """
    commits = [sample.value for sample in samples if sample.stage == "commit"]
    frames, network = [], 0.0
    for sample in samples:
        if sample.stage == "classify":
            network += sample.value
        elif sample.stage == "frame":
            frames.append((sample.at_s, sample.value - network))
            network = 0.0
    return [(at, own + commit) for (at, own), commit in zip(frames, commits, strict=False)]


class TimedDaemon(Daemon):
    """The whole daemon under `timed`; its samples are there once it has ended."""

    def __init__(self, config: Path, prefix: Sequence[str] = ()) -> None:
        """`prefix` begins the command line, `tests.bench.isa.capped` for one."""
        super().__init__(config)
        self.folder = config.parent / "samples"
        self.folder.mkdir()
        self._command = [*prefix, *_timed(self.folder, "run", config)]

    def samples(self, process: str) -> list[Sample]:
        return read_samples(self.folder / f"{process}.csv")


def _timed(folder: Path, command: str, config: Path) -> list[str]:
    module = ["-m", "tests.bench.timed", str(folder)]
    return [sys.executable, *module, command, "--config", str(config)]


def main() -> None:
    folder = Path(sys.argv[1])
    sys.argv = ["stripsight-edge", *sys.argv[2:]]

    def command(name: str, config: Path) -> list[str]:
        return [*_timed(folder, name, config), "--supervised", str(os.getpid())]

    with patch.object(supervisor, "_command", command), recording() as samples:
        try:
            cli.main()
        finally:
            write_samples(folder / f"{sys.argv[1]}.csv", samples)


if __name__ == "__main__":
    main()
