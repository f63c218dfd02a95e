"""Exact binomial bounds on a miss rate (Clopper and Pearson 1934), and the threshold they allow.

A screen with a lower threshold misses no defect that one with a higher threshold finds. For such a
family the highest threshold whose own upper bound holds may be chosen on the very data that the
bound comes from, at the bound's confidence (Bates et al. 2021, "Distribution-free, risk-controlling
prediction sets", theorem 1). A minimum over classes keeps that for each class by itself.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

F32 = npt.NDArray[np.float32]


def upper(missed: int, defects: int, confidence: float) -> float:
    """The highest miss rate at which so few misses are not less likely than 1 - confidence."""
    return 1.0 if missed >= defects else float(beta.ppf(confidence, missed + 1, defects - missed))


def lower(missed: int, defects: int, confidence: float) -> float:
    """The lowest miss rate at which so many misses are not less likely than 1 - confidence."""
    return 0.0 if missed == 0 else float(beta.ppf(1 - confidence, missed, defects - missed + 1))


def needed(wanted: float, confidence: float) -> int:
    """Defects that bound the miss rate by `wanted` when none is missed: 299 for 1 % at 95 %."""
    return math.ceil(math.log(1 - confidence) / math.log(1 - wanted))


def threshold_for(suspicion: F32, wanted: float, confidence: float) -> float | None:
    """The highest threshold that keeps the bound on a class's defects, given their suspicions;
    None where they are too few.
    """
    defects = len(suspicion)
    missed = 0
    while upper(missed, defects, confidence) <= wanted:
        missed += 1
    return float(np.sort(suspicion)[missed - 1]) if missed else None
