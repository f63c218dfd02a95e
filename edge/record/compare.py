"""The live run's events against the replay's.

As long as nothing is missing every event must be the same, number and all. Behind a hole the coil
under the camera is known only from the middle on: from there, coils are compared that begin and end
in one piece, and their events without `seq`.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from contract.bodies import CoilReport, CoilStarted
from contract.events import Event
from edge.clock import Stamp
from edge.errors import ReplayError
from edge.ledger.digest import Digest
from edge.ledger.tail import format_line
from edge.types import Recorded

_NEVER = Stamp(0, 0)


class Comparison:
    """Fed commit by commit; the first difference ends it."""

    def __init__(self) -> None:
        self.tolerance = 0.0
        """How far probabilities may be apart: 0 but on a GPU."""
        self.live, self.replay = Digest(), Digest()
        self.events = 0
        self.coils = 0
        self._begun: dict[str, tuple[list[Event], list[Event]]] = {}

    def whole(self, live: Sequence[Event], mine: Sequence[Event]) -> None:
        """Compare a commit of which nothing before is missing.

        Raises:
            ReplayError: they differ; the text shows both.
        """
        for digest, events in ((self.live, live), (self.replay, mine)):
            for event in events:
                digest.add(event.seq, event.model_dump_json().encode())
        self._compare(live, mine)

    def coil_wise(self, live: Sequence[Event], mine: Sequence[Event], *, in_piece: bool) -> None:
        """Compare the coils that end here; one that starts counts only where all before it in its
        stretch is `in_piece`.

        Raises:
            ReplayError: they differ; the text shows both.
        """
        for event in live:
            if event.kind == CoilStarted.kind and in_piece:
                self._begun[event.subject or ""] = [], []
        for side, events in enumerate((live, mine)):
            for event in events:
                if event.subject in self._begun:
                    self._begun[event.subject][side].append(_unnumbered(event))
        for event in live:
            if event.kind == CoilReport.kind and event.subject in self._begun:
                self._compare(*self._begun.pop(event.subject))
                self.coils += 1

    def broken(self) -> None:
        """A hole: the coils that have begun cannot be compared."""
        self._begun.clear()

    def _compare(self, live: Sequence[Event], mine: Sequence[Event]) -> None:
        for one, other in zip_longest(live, mine):
            if apart := list(_apart(_words(one), _words(other), self.tolerance)):
                raise ReplayError(_side_by_side(one, other, apart))
            self.events += 1


def _unnumbered(event: Event) -> Event:
    return event.model_copy(update={"seq": 1})


def _words(event: Event | None) -> dict[str, Any]:
    return {} if event is None else json.loads(event.model_dump_json())


def _apart(live: object, mine: object, tolerance: float, where: str = "") -> Iterator[str]:
    """Every value that differs, with its place."""
    if isinstance(live, dict) and isinstance(mine, dict):
        for key in live.keys() | mine.keys():
            inner = f"{where}.{key}" if where else key
            yield from _apart(live.get(key), mine.get(key), tolerance, inner)
    elif live != mine:
        close = (
            where == "data.probability"
            and isinstance(live, float)
            and isinstance(mine, float)
            and abs(live - mine) <= tolerance
        )
        if not close:
            yield f"{where}: live {live!r}, replay {mine!r}"


def _side_by_side(live: Event | None, mine: Event | None, apart: list[str]) -> str:
    lines = ["the replay gives other events than the live run; the first difference:"]
    for name, event in (("live", live), ("replay", mine)):
        line = "nothing" if event is None else format_line(Recorded(event, b"", _NEVER, _NEVER))
        lines.append(f"  {name:7} {line}")
    if live is not None and mine is not None:
        lines += [f"  {text}" for text in sorted(apart)]
    return "\n".join(lines)
