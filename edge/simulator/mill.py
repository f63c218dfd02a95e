"""A mill that rolls coil after coil past a camera, with the truth about every defect.

Everything follows from the seed: each coil, each stretch of it (a *bay*), each defect and each
frame's noise has its own seed below the mill's, so any frame can be drawn by itself and is the
same whenever and however often it is drawn (on one machine; another CPU's vector instructions may
round otherwise). Frames are cut from one unbroken strip: defects and coil changes cross their
borders.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count

import numpy as np

from edge.errors import ConfigError
from edge.simulator.defects import DEFECTS, MAX_LENGTH_MM, draw
from edge.simulator.noise import child
from edge.simulator.patch import Mask, Patch
from edge.simulator.speed import SpeedProfile
from edge.simulator.strip import Placing, Strip, expose, lay
from edge.simulator.surface import draw_look
from edge.types import F32, U8, Coil, RowMap

ROLL_CLASS = "finishing_roll_printing"
BAY_M = 2.0
_COIL, _FRAME = range(2)
_LOOK, _STRIP, _BAY, _ROLL = range(4)
_TRIES = 8
_MARGIN_MM, _MARGIN_SHARE = 12.0, 0.05
"""Defects keep this far from the strip's edge, on a narrow strip this share of its width."""


@dataclass(frozen=True)
class MillConfig:
    """What is rolled, and how it is looked at.

    Raises:
        ConfigError: a value that no mill can have; the text names it.
    """

    seed: int = 0
    width_px: int = 2048
    rows: int = 1024
    """Lines per frame."""
    mm_per_px: float = 0.5
    """Along and across alike."""
    strip_mm: tuple[float, float] | None = None
    """Least and greatest strip width; each coil has its own. None: 88 to 95 % of the picture."""
    coil_m: float = 12.0
    wander_mm: float | None = None
    """How far the strip runs off its middle; None: 0.4 % of the picture."""
    per_m: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(DEFECTS, 0.5))
    """Defects per class and metre of strip, on average."""
    roll_mark_share: float = 0.5
    """Share of coils rolled with a damaged finishing roll, whose mark comes back each turn."""
    roll_m: tuple[float, float] = (1.9, 2.6)
    """Least and greatest circumference of a finishing roll."""
    grey: tuple[float, float] = (100.0, 160.0)
    contrast: tuple[float, float] = (0.5, 1.5)
    """Least and greatest factor on the texture of the bare strip."""
    noise: float = 1.2
    """The camera's noise at a grey of 130, in grey levels."""
    speed: SpeedProfile = field(default_factory=SpeedProfile)

    def __post_init__(self) -> None:
        if self.seed < 0 or self.width_px < 128 or self.rows < 1:
            raise ConfigError("mill: seed from 0, width_px from 128 and rows from 1 on, please")
        if not 0.02 <= self.mm_per_px <= 5:
            raise ConfigError(f"mill: mm_per_px {self.mm_per_px} lies outside 0.02 to 5")
        least, greatest = self.widths_mm
        room = self.width_px * self.mm_per_px - 2 * self.most_wander_mm
        if not 0 < least <= greatest <= room:
            raise ConfigError(
                f"mill: strip_mm {least:g} to {greatest:g} mm does not fit into the {room:g} mm"
                " that the camera sees, or does not rise; choose others"
            )
        if unknown := set(self.per_m) - set(DEFECTS):
            raise ConfigError(f"mill: {min(unknown)!r} is none of {', '.join(DEFECTS)}")
        if self.coil_m < 0.1 or self.most_wander_mm < 0 or min(self.per_m.values(), default=0) < 0:
            raise ConfigError(
                "mill: coils of at least 0.1 m, densities and wander from 0 on, please"
            )
        if not self.speed.runs_on:
            raise ConfigError("mill: speed must be at least 0 throughout and end above 0")
        if not MAX_LENGTH_MM / 1000 < self.roll_m[0] <= self.roll_m[1]:
            raise ConfigError(f"mill: roll_m {self.roll_m} must rise, above a mark's length")

    @property
    def widths_mm(self) -> tuple[float, float]:
        """Least and greatest strip width."""
        seen_mm = self.width_px * self.mm_per_px
        return self.strip_mm or (0.88 * seen_mm, 0.95 * seen_mm)

    @property
    def most_wander_mm(self) -> float:
        """How far the strip runs off its middle."""
        if self.wander_mm is not None:
            return self.wander_mm
        return 0.004 * self.width_px * self.mm_per_px

    @property
    def m_per_row(self) -> float:
        """Metres of strip per line."""
        return self.mm_per_px / 1000


@dataclass(frozen=True, slots=True)
class SimulatedDefect:
    """The truth about a defect, and what of it a frame shows."""

    id: str
    """`<coil>/<number>`: the same in every frame that shows part of it."""
    class_name: str
    coil: str
    from_m: float
    """From the coil's head, of the whole defect, as all that follows up to `roll`."""
    to_m: float
    from_mm: float
    """From the operator side."""
    to_mm: float
    width_mm: float
    """Its thickness: the diameter of the largest circle inside it. Decides severity."""
    pixels: int
    roll: str | None
    """Which damaged roll printed it; marks of one roll repeat with its circumference."""
    box: tuple[int, int, int, int]
    """In this frame: first row, first column, end row, end column."""
    mask: Mask
    """Its pixels in this frame, within `box`."""


@dataclass(frozen=True, slots=True)
class SimulatedFrame:
    """A block of lines with everything that is true of it."""

    seq: int
    pixels: U8
    rows: RowMap
    """On the line's own count, which starts at the first coil's head."""
    exposed_s: float
    """When its last line was exposed, by the speed profile."""
    coils: tuple[Coil, ...]
    """In order, without holes."""
    left_px: F32
    """The strip's left edge in each row."""
    defects: tuple[SimulatedDefect, ...]


@dataclass(frozen=True, slots=True)
class _Laid:
    """A drawn defect on its coil: row from the head, column from the operator side."""

    id: str
    class_name: str
    row: int
    column: int
    drawn: Patch
    roll: str | None = None

    @property
    def end_row(self) -> int:
        return self.row + int(self.drawn.gain.shape[0])

    @property
    def end_column(self) -> int:
        return self.column + int(self.drawn.gain.shape[1])

    def touches(self, other: "_Laid") -> bool:
        rows = self.row < other.end_row and other.row < self.end_row
        return rows and self.column < other.end_column and other.column < self.end_column


class _SimulatedCoil:
    """One coil: its strip, and its defects bay by bay."""

    def __init__(self, config: MillConfig, index: int) -> None:
        self._config = config
        self._seed = child(np.random.SeedSequence(config.seed), _COIL, index)
        self.rows = max(1, round(config.coil_m / config.m_per_row))
        self.head_row = index * self.rows
        rng = np.random.default_rng(child(self._seed, _LOOK))
        width_mm = round(rng.uniform(*config.widths_mm), 1)
        head_m = self.head_row * config.m_per_row
        tail_m = (self.head_row + self.rows) * config.m_per_row
        self.coil = Coil(f"coil-{index + 1:04d}", head_m, tail_m, width_mm)
        self.width_px = width_mm / config.mm_per_px
        self._margin_px = round(min(_MARGIN_MM / config.mm_per_px, _MARGIN_SHARE * self.width_px))
        left = (config.width_px - self.width_px) / 2
        placing = Placing(
            config.width_px, left, left + self.width_px, config.most_wander_mm / config.mm_per_px
        )
        look = draw_look(rng, config.grey, config.contrast)
        self.strip = Strip(child(self._seed, _STRIP), look, placing, config.mm_per_px)
        self._bay_rows = max(1, round(BAY_M / config.m_per_row))
        self._roll_marks = self._draw_roll_marks()
        self._bay = lru_cache(maxsize=4)(self._draw_bay)

    def defects(self, first: int, end: int) -> list[_Laid]:
        """Those that reach into these rows."""
        bays = range(first // self._bay_rows, (end - 1) // self._bay_rows + 1)
        near = [*self._roll_marks, *(laid for bay in bays for laid in self._bay(bay))]
        return [laid for laid in near if laid.row < end and laid.end_row > first]

    def _draw_bay(self, bay: int) -> tuple[_Laid, ...]:
        rng = np.random.default_rng(child(self._seed, _BAY, bay))
        first = bay * self._bay_rows
        end = min(self.rows, first + self._bay_rows)
        metres = (end - first) * self._config.m_per_row
        laid: list[_Laid] = []
        for name, density in sorted(self._config.per_m.items()):
            for _ in range(rng.poisson(density * metres)):
                drawn = draw(rng, name, self._config.mm_per_px)
                number = f"{self.coil.id}/{bay}-{len(laid) + 1}"
                found = self._find_room(rng, _Laid(number, name, 0, 0, drawn), (first, end), laid)
                laid += [found] if found else []
        return tuple(laid)

    def _find_room(
        self, rng: np.random.Generator, new: _Laid, rows: tuple[int, int], others: list[_Laid]
    ) -> _Laid | None:
        height, width = new.drawn.gain.shape
        margin = self._margin_px
        last_row, last_column = rows[1] - height, round(self.width_px) - margin - width
        if last_row < rows[0] or last_column < margin:
            return None
        for _ in range(_TRIES):
            row = int(rng.integers(rows[0], last_row + 1))
            column = int(rng.integers(margin, last_column + 1))
            tried = _Laid(new.id, new.class_name, row, column, new.drawn)
            if not any(tried.touches(other) for other in (*others, *self._roll_marks)):
                return tried
        return None

    def _draw_roll_marks(self) -> tuple[_Laid, ...]:
        rng = np.random.default_rng(child(self._seed, _ROLL))
        if rng.random() >= self._config.roll_mark_share:
            return ()
        drawn = draw(rng, ROLL_CLASS, self._config.mm_per_px)
        height, width = drawn.gain.shape
        margin = self._margin_px
        turn = round(rng.uniform(*self._config.roll_m) / self._config.m_per_row)
        free = round(self.width_px) - 2 * margin - width
        if free < 1:
            return ()
        column, start = margin + int(rng.integers(free)), int(rng.integers(turn))
        roll = f"{self.coil.id}/roll"
        return tuple(
            _Laid(f"{roll}-{turns + 1}", ROLL_CLASS, row, column, drawn, roll)
            for turns, row in enumerate(range(start, self.rows - height + 1, turn))
        )


class Mill:
    """Draws frames. Owned by one thread.

    Args:
        config: the mill; the same config gives the same pictures.
    """

    def __init__(self, config: MillConfig) -> None:
        self.config = config
        self._coil = lru_cache(maxsize=2)(lambda index: _SimulatedCoil(config, index))

    def frames(self, first: int = 0) -> Iterator[SimulatedFrame]:
        """Frames without end from number `first` on, drawn as they are taken."""
        return (self.frame(seq) for seq in count(first))

    def frame(self, seq: int) -> SimulatedFrame:
        """Draw one frame (number `seq` from 0)."""
        config = self.config
        first, end = seq * config.rows, (seq + 1) * config.rows
        grey = np.empty((config.rows, config.width_px), np.float32)
        left = np.empty(config.rows, np.float32)
        defects: list[SimulatedDefect] = []
        coils = self._coils(first, end)
        for coil in coils:
            start, stop = max(first, coil.head_row), min(end, coil.head_row + coil.rows)
            piece = coil.strip.rows(start - coil.head_row, stop - start)
            left[start - first : stop - first] = coil.strip.left_px(
                start - coil.head_row, stop - start
            )
            defects += self._lay_all(coil, piece, start, first)
            grey[start - first : stop - first] = piece
        rng = np.random.default_rng(child(np.random.SeedSequence(config.seed), _FRAME, seq))
        return SimulatedFrame(
            seq=seq,
            pixels=expose(rng, grey, config.noise),
            rows=RowMap(first * config.m_per_row, config.m_per_row, config.rows),
            exposed_s=config.speed.time_at(end * config.m_per_row),
            coils=tuple(coil.coil for coil in coils),
            left_px=left,
            defects=tuple(defects),
        )

    def _coils(self, first: int, end: int) -> list[_SimulatedCoil]:
        rows = self._coil(0).rows
        return [self._coil(index) for index in range(first // rows, (end - 1) // rows + 1)]

    def _lay_all(
        self, coil: _SimulatedCoil, piece: F32, start: int, frame_row: int
    ) -> list[SimulatedDefect]:
        """Lay a coil's defects on a piece of it that starts at the line's row `start`."""
        shown = []
        coil_row = start - coil.head_row
        for laid in coil.defects(coil_row, coil_row + len(piece)):
            middle = (laid.row + laid.end_row) // 2
            left = round(float(coil.strip.left_px(middle, 1)[0])) + laid.column
            box, mask = lay(piece, laid.drawn, laid.row - coil_row, left)
            if mask.size:
                shift = start - frame_row
                box = (box[0] + shift, box[1], box[2] + shift, box[3])
                shown.append(self._truth(coil.coil.id, laid, box, mask))
        return shown

    def _truth(
        self, coil: str, laid: _Laid, box: tuple[int, int, int, int], mask: Mask
    ) -> SimulatedDefect:
        rows = np.flatnonzero(laid.drawn.mask.any(axis=1))
        columns = np.flatnonzero(laid.drawn.mask.any(axis=0))
        mm = self.config.mm_per_px
        return SimulatedDefect(
            id=laid.id,
            class_name=laid.class_name,
            coil=coil,
            from_m=(laid.row + int(rows[0])) * mm / 1000,
            to_m=(laid.row + int(rows[-1]) + 1) * mm / 1000,
            from_mm=(laid.column + int(columns[0])) * mm,
            to_mm=(laid.column + int(columns[-1]) + 1) * mm,
            width_mm=laid.drawn.width_px() * mm,
            pixels=int(laid.drawn.mask.sum()),
            roll=laid.roll,
            box=box,
            mask=mask,
        )
