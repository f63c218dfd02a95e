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
from datetime import UTC, datetime, timedelta

from edge.clock import Stamp

KEPT = 1000
"""Ids of which it is remembered how often they came; more than lie ahead of a camera."""
UNUSED = 3
"""Numbers in a row may be missing in the ledger: of coils that were named anew, or passed over,
before the camera saw them.
"""
_OTHERS = re.compile(r"[^A-Za-z0-9_.-]")


class Subjects:
    """Gives them out. `began` says whether the ledger holds a coil of that subject."""

    def __init__(self, began: Callable[[str], bool]) -> None:
        self._began = began
        self._used: dict[str, int] = {}
        self._given: dict[str, datetime] = {}

    def learn(self, coil_id: str) -> None:
        """Ask the ledger how often the coil has come, before its head does: that may take time."""
        base = _base(coil_id)
        times = self._used.pop(base, None)
        if times is None:
            times = 0
            while any(self._began(_numbered(base, times + n + 1)) for n in range(UNUSED + 1)):
                times += 1
        self._used[base] = times
        while len(self._used) > KEPT:
            del self._used[next(iter(self._used))]

    def of(self, coil_id: str) -> str:
        """The subject of a coil that comes now."""
        base = _base(coil_id)
        self._used[base] = self._used.get(base, 0) + 1
        return _numbered(base, self._used[base])

    def provisional(self, now: Stamp, word: str = "unnamed") -> str:
        """Of one without an id, by the time at which it is told."""
        before = self._given.get(word, datetime.min.replace(tzinfo=UTC))
        time = self._given[word] = max(now.utc(), before + timedelta(milliseconds=1))
        return f"{word}~{time:%Y%m%dT%H%M%S.%f}"[:-3]


def _base(coil_id: str) -> str:
    base = _OTHERS.sub("_", coil_id)
    return base if base[0].isalnum() else f"c{base}"


def _numbered(base: str, times: int) -> str:
    return base if times == 1 else f"{base}~{times}"
