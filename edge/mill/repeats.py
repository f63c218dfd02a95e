"""What a broker has retained it tells again at each connect: known, or news?"""

from datetime import datetime
from typing import NamedTuple

from edge.mill.signals import CoilSignal, HeadSignal


class _Told(NamedTuple):
    """Of one source's heads: the time and the id of the newest ones that had any."""

    time: datetime | None = None
    id: str | None = None


class Repeats:
    """Source by source, since no two have the same clock. Owned by one thread."""

    def __init__(self) -> None:
        self._coils: dict[str, CoilSignal] = {}
        self._heads: dict[str, _Told] = {}

    def told(self, source: str, signal: object, *, retained: bool) -> bool:
        """Whether it is retained and was told before. Of announcements and heads alone."""
        if isinstance(signal, CoilSignal):
            return self._coil(source, signal) and retained
        return isinstance(signal, HeadSignal) and self._head(source, signal, retained=retained)

    def _coil(self, source: str, signal: CoilSignal) -> bool:
        before, self._coils[source] = self._coils.get(source), signal
        return before == signal

    def _head(self, source: str, signal: HeadSignal, *, retained: bool) -> bool:
        is_first, before = not self._heads, self._heads.get(source)
        known = _Told() if before is None else before
        times = [time for time in (known.time, signal.time) if time is not None]
        newest = max(times, default=None) if retained else signal.time or known.time
        self._heads[source] = _Told(newest, signal.id or known.id)
        if not retained:
            return False
        if len(times) == 2:
            return signal.time == min(times)
        if before is None and signal.id is None:
            return not is_first and signal.time is None
        return signal.id in {None, known.id}
