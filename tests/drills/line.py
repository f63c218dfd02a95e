"""The line that every drill hurts: known defects, a real daemon, an oracle at the end."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from contract.events import Event
from edge.types import F32
from runtime.scale import read_gray
from tests.drills.flat import stays_flat
from tests.drills.slow import slow_graph
from tests.line.daemon import PROGRAM, Daemon, write_config
from tests.line.strip import (
    CLASSES,
    COLUMNS,
    FRAME_M,
    ROWS,
    sections,
    write_line_bundle,
    write_strip,
)
from tests.line.truth import Findings, Strip, look_up
from tests.unit.runtime.small_bundle import SIDE
from tests.waiting import wait_for

PICTURES = 20
COIL_FRAMES = 7
"""No divisor of the pictures: each coil has its defects elsewhere."""
ALL = 1_000_000


def some_defects(seed: int, across: int = COLUMNS) -> list[tuple[int, int, int]]:
    """Two lone tiles a picture at places drawn by chance, so that none touches another's frame."""
    random = np.random.default_rng(seed)
    rows = random.permuted(np.tile(np.arange(1, ROWS - 1), (PICTURES, 1)), axis=1)
    columns = random.permuted(np.tile(np.arange(across), (PICTURES, 1)), axis=1)
    return [(n, int(rows[n, i]), int(columns[n, i])) for n in range(PICTURES) for i in range(2)]


class DrillLine:
    """A strip on disk, a bundle that reads it, and a daemon that may be started more than once."""

    def __init__(
        self,
        folder: Path,
        seed: int = 0,
        *,
        layers: int = 0,
        command: str = "inspect",
        program: Sequence[str] = PROGRAM,
        textured: bool = False,
        **changes: object,
    ) -> None:
        """`layers` of work make the network slow. A `textured` strip is four times as wide, and its
        coils begin with the first picture. `changes` are config sections.
        """
        self.folder = folder
        self.frames = folder / "frames"
        coil_m = (PICTURES if textured else COIL_FRAMES) * FRAME_M
        across = 4 * COLUMNS if textured else COLUMNS
        self.strip = Strip(PICTURES, some_defects(seed, across), coil_m)
        write_strip(self.frames, PICTURES, self.strip.defects, across, 12 if textured else 0)
        write_line_bundle(folder / "bundle", graph=slow_graph(CLASSES, layers) if layers else None)
        whole = sections(folder, self.frames)
        coils = {"length_m": coil_m, "width_mm": across * SIDE * 0.5}
        config = write_config(folder, {**whole, "coils": coils, **changes})
        self.daemon = Daemon(config, command, program=program)

    @contextmanager
    def inspecting(self) -> Iterator[Daemon]:
        """The daemon at work until it is told to stop; what it holds must not grow meanwhile."""
        with self.daemon as daemon:
            daemon.wait_until_inspecting()
            self.pass_coils(3)
            with stays_flat(daemon):
                yield daemon

    def fill(self, picture: int, grey: int) -> None:
        """Show one grey all over instead of a picture: a lamp that is out, or far too bright."""
        path = self._picture(picture)
        cv2.imwrite(str(path), np.full((ROWS * SIDE, COLUMNS * SIDE), grey, np.uint8))

    def change(self, picture: int, harm: Callable[[F32], F32]) -> None:
        """Show a picture through something else than clear air."""
        path = self._picture(picture)
        harmed = harm(read_gray(path).astype(np.float32))
        cv2.imwrite(str(path), np.clip(harmed, 0, 255).astype(np.uint8))

    def tear(self, picture: int) -> None:
        """Cut a picture's file in two."""
        path = self._picture(picture)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def pass_coils(self, count: int, timeout_s: float = 60) -> None:
        """Return when so many more coils are reported."""
        reported = self._coils()
        wait_for(lambda: self._coils() >= reported + count, f"{count} more coils", timeout_s)

    def planted_on(self, picture: int) -> set[tuple[int, int]]:
        """A picture's defects by tile row and column; by chance two pictures may be alike."""
        return {(row, column) for number, row, column in self.strip.defects if number == picture}

    def findings(
        self, shown: Mapping[int, int] | None = None, events: Iterable[Event] | None = None
    ) -> Findings:
        """What the whole ledger says, or the `events` that somebody got; `shown` as in `Strip`."""
        if events is None:
            events = (recorded.event for recorded in self.daemon.reader().after(0, ALL))
        return look_up(events, self.strip._replace(shown=shown))

    def _coils(self) -> int:
        assert self.daemon.running, self.daemon.log.read_text()
        return len(self.daemon.reader().latest(["coil_report"], ALL))

    def _picture(self, number: int) -> Path:
        return self.frames / f"frame_{number:04d}.bmp"
