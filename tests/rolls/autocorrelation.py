"""What `edge.inspect.rolls` is measured against: plain autocorrelation of where defects lie.

For each pair of neighbouring tile columns: how many defects of the newest `window_m` have another
one at a distance, over how many there are, as a function of the distance. Its highest value among
the distances that a roll of the table can have is held against a threshold.
"""

import numpy as np
import numpy.typing as npt

from edge.config import PeriodRange
from tests.rolls.strips import TILE


class Autocorrelation:
    """One coil. `bin_m` is the width of its bins; three of them are added up, since a distance
    between two bins is uncertain by one either way.
    """

    def __init__(
        self, ranges: tuple[PeriodRange, ...], window_m: float, bin_m: float = TILE.cell_m
    ) -> None:
        self._window_m, self._bin_m = window_m, bin_m
        self._columns: dict[int, list[int]] = {}
        lags = np.arange(int(ranges[-1].greatest_m / bin_m) + 3)
        self._allowed = np.zeros(len(lags), np.bool_)
        for least_m, greatest_m in ranges:
            inside = (lags * bin_m >= least_m - bin_m) & (lags * bin_m <= greatest_m + bin_m)
            self._allowed |= inside

    def take(self, along_m: float, across_mm: float) -> tuple[float, float]:
        """Enter a defect; the highest autocorrelation at it, 0 to 1, and at which distance. Fewer
        than two pairs, which are three marks, count as none.
        """
        column, place = int(across_mm // TILE.cell_mm), int(along_m // self._bin_m)
        best = (0.0, 0.0)
        for band in (column - 1, column):
            places = self._columns.setdefault(band, [])
            places.append(place)
            while places[0] < place - self._window_m / self._bin_m:
                del places[0]
            best = max(best, self._highest(np.array(places)))
        return best

    def _highest(self, places: npt.NDArray[np.intp]) -> tuple[float, float]:
        if len(places) < 3:
            return 0.0, 0.0
        first, second = np.triu_indices(len(places), 1)
        distances = np.abs(places[second] - places[first])
        near = distances[distances < len(self._allowed)]
        pairs = np.bincount(near, minlength=len(self._allowed))
        pairs = np.convolve(pairs, (1, 1, 1), "same") * self._allowed
        lag = int(pairs.argmax())
        share = pairs[lag] / len(places) if pairs[lag] >= 2 else 0.0
        return float(share), lag * self._bin_m
