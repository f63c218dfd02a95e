"""Which coil lies where, for a line that does not report its coils; and a frame cut at them."""

import re
from collections.abc import Iterator, Sequence

from contract.bodies import CoilData
from edge.config import Coils
from edge.errors import ConfigError
from edge.ports import CoilSource
from edge.types import Coil, Correction, Frame, Section

MIN_LENGTH_M = 0.01
"""A shorter coil is a slip of units, and a frame would fall into thousands of them."""
_TRAILING_NUMBER = re.compile(r"^(.*?)([0-9]+)$", re.DOTALL)


def following_id(coil_id: str, steps: int = 1) -> str:
    """The id `steps` coils later: the trailing number counts on and keeps its zeros; an id without
    one goes on with `-2`.
    """
    if steps == 0:
        return coil_id
    found = _TRAILING_NUMBER.match(coil_id)
    if found is None:
        return f"{coil_id}-{1 + steps}"
    prefix, digits = found.groups()
    return f"{prefix}{int(digits) + steps:0{len(digits)}d}"


class ConstantCoils:
    """Coils of constant length one after the other; the first one's head lies at `start_m`.

    Args:
        config: the `coils` section.
        next_id: id of the first coil of this run, where it goes on from an earlier one; ids would
            repeat without it.
        start_m: the line's count at the start.
        data: what is known of every coil.

    Raises:
        ConfigError: coils shorter than a centimetre.
    """

    def __init__(
        self,
        config: Coils,
        next_id: str | None = None,
        start_m: float = 0.0,
        data: CoilData = CoilData(),  # noqa: B008 - frozen
    ) -> None:
        if config.length_m is not None and config.length_m < MIN_LENGTH_M:
            raise ConfigError(f"coils.length_m: {config.length_m:g} m is no coil; give metres")
        self._length_m = config.length_m
        self._width_mm = config.width_mm
        self._first_id = next_id or config.first_id
        self._start_m = start_m
        self._data = data

    def coils(self, first_m: float, end_m: float) -> Sequence[Coil]:
        """The coils of a stretch, head first; for an empty stretch the one that holds its place."""
        return tuple(self._from(self._number_at(first_m), end_m))

    def corrections(self) -> Sequence[Correction]:
        """Nobody who could say otherwise."""
        return ()

    def _from(self, number: int, end_m: float) -> Iterator[Coil]:
        yield self._coil(number)
        while self._length_m is not None and self._head_m(number + 1) < end_m:
            number += 1
            yield self._coil(number)

    def _coil(self, number: int) -> Coil:
        tail_m = None if self._length_m is None else self._head_m(number + 1)
        coil_id = following_id(self._first_id, number)
        head_m = self._head_m(number)
        return Coil(coil_id, head_m, tail_m, self._width_mm, data=self._data)

    def _head_m(self, number: int) -> float:
        return self._start_m + number * (self._length_m or 0.0)

    def _number_at(self, line_m: float) -> int:
        """The coil with `head <= line_m < tail`; what lies before the first belongs to it."""
        if self._length_m is None:
            return 0
        number = max(0, int((line_m - self._start_m) / self._length_m))
        if line_m < self._head_m(number):  # the division may round up across a boundary
            number -= 1
        elif line_m >= self._head_m(number + 1):
            number += 1
        return max(0, number)


def split_by_coil(frame: Frame, source: CoilSource) -> list[Section]:
    """Cut a frame at the heads of its coils: every row in exactly one section, in order.

    A head lies on the nearest row, so a section may begin up to half a row before its coil
    (`Section.from_m` slightly negative) or end as much behind it. A coil that gets no row has no
    section.
    """
    rows = frame.rows
    coils = source.coils(rows.first_m, rows.end_m)
    cuts = [0, *(rows.row_at(coil.head_m) for coil in coils[1:]), rows.rows]
    parts = zip(coils, cuts, cuts[1:], strict=False)
    return [Section(frame, coil, start, end) for coil, start, end in parts if end > start]
