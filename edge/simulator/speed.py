"""How fast the strip runs: ramps of speed, the metres they make, and what an encoder counts."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edge.errors import ConfigError


@dataclass(frozen=True)
class SpeedProfile:
    """Speed over time, straight between `points` (seconds, metres per second) and constant after
    the last; the first is at 0 s. The strip never runs backwards.

    Raises:
        ConfigError: times that do not rise from 0, a negative speed, or a strip that ends at rest.
    """

    points: tuple[tuple[float, float], ...] = ((0.0, 1.0), (4.0, 8.0))

    def __post_init__(self) -> None:
        times = [time for time, _ in self.points]
        speeds = [speed for _, speed in self.points]
        if not times or times[0] != 0 or not np.all(np.diff(times) > 0):
            raise ConfigError("speed profile: times must start at 0 and rise; correct the points")
        if not np.all(np.isfinite([*times, *speeds])) or min(speeds) < 0 or speeds[-1] <= 0:
            raise ConfigError("speed profile: speeds must be finite, at least 0 and end above 0")

    def speed_at(self, time_s: float) -> float:
        """Metres per second."""
        times, speeds = zip(*self.points, strict=True)
        return float(np.interp(max(0.0, time_s), times, speeds))

    def metres_at(self, time_s: float) -> float:
        """Metres run since 0 s."""
        metres = 0.0
        for start, end in self._spans(time_s):
            metres += (self.speed_at(start) + self.speed_at(end)) / 2 * (end - start)
        return metres

    def time_at(self, metres: float) -> float:
        """The first moment at which so many metres have run."""
        if metres <= 0:
            return 0.0
        for (start, slow), (end, fast) in pairwise(self.points):
            made = (slow + fast) / 2 * (end - start)
            if metres <= made:
                change = (fast - slow) / (end - start)
                # Root of change/2 t^2 + slow t = metres, in the form that survives change = 0.
                root = np.sqrt(max(0.0, slow**2 + 2 * change * metres))
                return float(start + 2 * metres / (slow + root))
            metres -= made
        time_s, speed = self.points[-1]
        return time_s + metres / speed

    def encoder_counts(self, time_s: float, counts_per_m: float) -> int:
        """Whole counts of a wheel on the strip since 0 s."""
        return int(self.metres_at(time_s) * counts_per_m)

    def _spans(self, until_s: float) -> list[tuple[float, float]]:
        marks = [time for time, _ in self.points if time < until_s] + [max(0.0, until_s)]
        return list(pairwise(marks))
