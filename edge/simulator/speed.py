"""How fast the strip runs: ramps of speed, the metres they make, and what an encoder counts."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from edge.errors import ConfigError

_NANOMETRE = 1e-9
"""Strip that stops has run so far, whatever the sum's last digit says."""


class Leg(NamedTuple):
    """A stretch run in one direction: `step` 1 forward, -1 backwards."""

    path_m: float
    """Metres run in any direction when it begins."""
    from_m: float
    """Where the strip is then."""
    step: int


class Rest(NamedTuple):
    """The strip stands still, for ever where `end_s` is infinite."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class SpeedProfile:
    """Speed over time, straight between `points` (seconds, metres per second) and constant after
    the last; the first is at 0 s. Below 0 the strip runs backwards.

    Raises:
        ConfigError: times that do not rise from 0, or a speed that is none.
    """

    points: tuple[tuple[float, float], ...] = ((0.0, 1.0), (4.0, 8.0))

    def __post_init__(self) -> None:
        times = [time for time, _ in self.points]
        if not times or times[0] != 0 or not np.all(np.diff(times) > 0):
            raise ConfigError("speed profile: times must start at 0 and rise; correct the points")
        if not np.all(np.isfinite(self.points)):
            raise ConfigError("speed profile: times and speeds must be finite; correct the points")

    @property
    def runs_on(self) -> bool:
        """Whether the strip never runs backwards and never stops for good."""
        return min(speed for _, speed in self.points) >= 0 and self.points[-1][1] > 0

    def speed_at(self, time_s: float) -> float:
        """Metres per second."""
        times, speeds = zip(*self.points, strict=True)
        return float(np.interp(max(0.0, time_s), times, speeds))

    def metres_at(self, time_s: float) -> float:
        """Where the strip is, counted from 0 s on."""
        metres = 0.0
        for start, end in self._spans(time_s):
            metres += (self.speed_at(start) + self.speed_at(end)) / 2 * (end - start)
        return metres

    def time_at(self, metres: float) -> float:
        """The first moment at which a strip that never runs backwards has run so many metres;
        infinite where it stops before.
        """
        if metres <= 0:
            return 0.0
        for (start, slow), (end, fast) in pairwise(self.points):
            made = (slow + fast) / 2 * (end - start)
            if metres <= made + _NANOMETRE:
                change = (fast - slow) / (end - start)
                # Root of change/2 t^2 + slow t = metres, in the form that survives change = 0.
                root = np.sqrt(max(0.0, slow**2 + 2 * change * metres))
                return float(start + 2 * metres / (slow + root))
            metres -= made
        time_s, speed = self.points[-1]
        return time_s + metres / speed if speed > 0 else float("inf")

    def path(self) -> "SpeedProfile":
        """The same ride without its direction: the metres that any encoder pulse counts."""
        return SpeedProfile(tuple((time, abs(speed)) for time, speed in self._crossed()))

    def legs(self) -> tuple[Leg, ...]:
        """The stretches between the turns."""
        path, legs = self.path(), [Leg(0.0, 0.0, 1)]
        for (start, slow), (_, fast) in pairwise([*self._crossed(), self.points[-1]]):
            step = -1 if min(slow, fast) < 0 else 1
            if slow == fast == 0 or step == legs[-1].step:
                continue
            legs.append(Leg(path.metres_at(start), self.metres_at(start), step))
        return tuple(legs)

    def rests(self) -> tuple[Rest, ...]:
        """When the strip stands still."""
        ends = [*self.points, (float("inf"), self.points[-1][1])]
        return tuple(Rest(a, b) for (a, slow), (b, fast) in pairwise(ends) if slow == fast == 0)

    def _crossed(self) -> list[tuple[float, float]]:
        """The points, with one more wherever the strip turns between two of them."""
        points = [self.points[0]]
        for (start, slow), (end, fast) in pairwise(self.points):
            if slow * fast < 0:
                points.append((start + (end - start) * slow / (slow - fast), 0.0))
            points.append((end, fast))
        return points

    def _spans(self, until_s: float) -> list[tuple[float, float]]:
        marks = [time for time, _ in self.points if time < until_s] + [max(0.0, until_s)]
        return list(pairwise(marks))
