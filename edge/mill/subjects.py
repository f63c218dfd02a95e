"""The subjects of coils' events: unique in the ledger, and fit for file names, whatever the mill
calls its coils.

    48123-A     becomes  48123-A
    48123-A     again    48123-A~2    the coil comes a second time
    4711/02 B            4711_02_B    letters, digits, dot, dash and underscore stay
    #7                   c_7          and the first one is a letter or a digit
    none so far          unnamed~20261127T110140.123

No id of the mill has a `~` in its subject, so none can be taken for one of ours. Where subject and
id differ a `coil_corrected` tells the id.
"""

import re
from collections.abc import Callable
from datetime import timedelta

from edge.clock import Stamp

_OTHERS = re.compile(r"[^A-Za-z0-9_.-]")


class Subjects:
    """Gives them out. `began` says whether the ledger holds a coil of that subject."""

    def __init__(self, began: Callable[[str], bool]) -> None:
        self._began = began
        self._used: dict[str, int] = {}
        self._given: set[str] = set()

    def learn(self, coil_id: str) -> None:
        """Ask the ledger how often the coil has come, before its head does: that may take time."""
        base = _base(coil_id)
        if base not in self._used:
            times = 0
            while self._began(_numbered(base, times + 1)):
                times += 1
            self._used[base] = times

    def of(self, coil_id: str) -> str:
        """The subject of a coil that comes now."""
        base = _base(coil_id)
        self._used[base] = self._used.get(base, 0) + 1
        return _numbered(base, self._used[base])

    def provisional(self, now: Stamp, word: str = "unnamed") -> str:
        """Of one without an id, by the time at which it is told."""
        time = now.utc()
        while (subject := f"{word}~{time:%Y%m%dT%H%M%S.%f}"[:-3]) in self._given:
            time += timedelta(milliseconds=1)
        self._given.add(subject)
        return subject


def _base(coil_id: str) -> str:
    base = _OTHERS.sub("_", coil_id)
    return base if base[0].isalnum() else f"c{base}"


def _numbered(base: str, times: int) -> str:
    return base if times == 1 else f"{base}~{times}"
