"""Which images an epoch shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.sampler import BalancedSampler, class_quotas

LABELS = np.repeat([0, 1, 2], [100, 25, 4]).astype(np.int64)


def test_quotas_by_hand() -> None:
    # Square roots 10, 5, 2: of 129 images 75.88, 37.94, 15.18.
    assert class_quotas([100, 25, 4], 0.5) == [76, 38, 15]
    assert class_quotas([100, 25, 4], 0.0) == [100, 25, 4]
    assert class_quotas([100, 25, 4], 1.0) == [43, 43, 43]


@given(st.lists(st.integers(0, 500), min_size=2, max_size=9), st.floats(0, 1))
def test_quotas_fill_an_epoch_and_leave_no_class_out(counts: list[int], exponent: float) -> None:
    if sum(counts) == 0:
        counts[0] = 1
    quotas = class_quotas(counts, exponent)
    assert sum(quotas) >= sum(counts)
    assert sum(quotas) <= sum(counts) + len(counts)
    assert [q > 0 for q in quotas] == [c > 0 for c in counts]


def test_every_image_comes_before_any_comes_again() -> None:
    drawn = list(BalancedSampler(LABELS, exponent=0.5, seed=0))
    times = np.bincount(drawn, minlength=len(LABELS))
    assert times[:100].max() == 1
    assert set(times[100:125]) == {1, 2}
    assert set(times[125:]) == {3, 4}


def test_epochs_differ_and_repeat_by_seed() -> None:
    sampler = BalancedSampler(LABELS, exponent=0.5, seed=3)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_processes_share_one_epoch_without_overlap() -> None:
    whole = list(BalancedSampler(LABELS, exponent=0.5, seed=0))
    shares = [
        list(BalancedSampler(LABELS, exponent=0.5, seed=0, processes=2, rank=rank))
        for rank in (0, 1)
    ]
    assert len(shares[0]) == len(shares[1]) == 64
    assert [index for pair in zip(*shares, strict=True) for index in pair] == whole[:128]
