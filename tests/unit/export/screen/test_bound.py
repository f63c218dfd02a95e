"""The bound against the binomial distribution itself, and the threshold against many repeats."""

from math import comb

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from export.screen.bound import lower, needed, threshold_for, upper


def at_most(missed: int, defects: int, rate: float) -> float:
    """The probability of so many misses or fewer."""
    return sum(comb(defects, k) * rate**k * (1 - rate) ** (defects - k) for k in range(missed + 1))


@given(st.integers(1, 400), st.data(), st.sampled_from([0.9, 0.95, 0.99]))
def test_at_the_bound_so_few_misses_are_just_too_rare(
    defects: int, data: st.DataObject, confidence: float
) -> None:
    missed = data.draw(st.integers(0, defects - 1))
    rate = upper(missed, defects, confidence)
    assert at_most(missed, defects, rate) == pytest.approx(1 - confidence, rel=1e-6)
    if missed:
        least = lower(missed, defects, confidence)
        assert at_most(missed - 1, defects, least) == pytest.approx(confidence, rel=1e-6)
        assert least < missed / defects < rate


@pytest.mark.parametrize(
    ("missed", "defects", "bound"),
    [(0, 1, 0.95), (0, 299, 0.00997), (1, 10, 0.3942), (5, 5, 1.0), (0, 59, 0.0495)],
)
def test_known_values(missed: int, defects: int, bound: float) -> None:
    assert upper(missed, defects, 0.95) == pytest.approx(bound, abs=5e-5)


@pytest.mark.parametrize(
    ("wanted", "confidence", "defects"), [(0.01, 0.95, 299), (0.05, 0.95, 59), (0.01, 0.99, 459)]
)
def test_how_many_defects_are_needed(wanted: float, confidence: float, defects: int) -> None:
    assert needed(wanted, confidence) == defects
    some = np.arange(1, defects + 1, dtype=np.float32)
    assert threshold_for(some, wanted, confidence) == 1
    assert threshold_for(some[1:], wanted, confidence) is None


@given(st.lists(st.floats(0, 100, width=32), max_size=80), st.sampled_from([0.05, 0.1, 0.3]))
def test_a_threshold_keeps_its_bound_and_the_next_one_breaks_it(
    suspicions: list[float], wanted: float
) -> None:
    suspicion = np.array(suspicions, np.float32)
    threshold = threshold_for(suspicion, wanted, 0.95)
    if threshold is None:
        assert len(suspicion) < needed(wanted, 0.95)
        return
    assert upper(int((suspicion < threshold).sum()), len(suspicion), 0.95) <= wanted
    beyond = int((suspicion <= threshold).sum())
    assert upper(beyond, len(suspicion), 0.95) > wanted


def test_the_true_miss_rate_exceeds_what_was_wanted_as_seldom_as_stated() -> None:
    """Suspicions evenly spread over 0 .. 1: a threshold's true miss rate is the threshold."""
    rng = np.random.default_rng(3)
    wanted, repeats = 0.05, 2000
    thresholds = [
        threshold_for(rng.random(200, dtype=np.float32), wanted, 0.9) for _ in range(repeats)
    ]
    broken = sum(threshold is not None and threshold > wanted for threshold in thresholds)
    share, deviation = 0.1, (0.1 * 0.9 / repeats) ** 0.5
    assert broken / repeats <= share + 3 * deviation
    assert broken / repeats >= share / 3  # nor is it needlessly careful
