"""KID against its definition, nearest neighbours by hand."""

import numpy as np
import pytest

from training.migrate.quality import Sets, closeness, distances, kid


def direct(a: np.ndarray, b: np.ndarray) -> float:
    """The definition, pair by pair."""

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((sum(p * q for p, q in zip(x, y, strict=True)) / len(x) + 1) ** 3)

    n, m = len(a), len(b)
    within_a = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_b = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    across = sum(k(x, y) for x in a for y in b) / (n * m)
    return within_a + within_b - 2 * across


def test_kid_is_the_direct_formula() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(0, 1, (7, 5)), generator.normal(0.5, 2, (9, 5))
    assert kid(a, b) == pytest.approx(direct(a, b), rel=1e-12)
    assert kid(a, b) == pytest.approx(kid(b, a), rel=1e-12)


def test_kid_by_hand() -> None:
    a, b = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    # Within: (0*1+1)^3 = 1 and (1*2+1)^3 = 27; across: 1, 1, 8, 27.
    assert kid(a, b) == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4)


def test_kid_is_unbiased() -> None:
    """Two samples of one distribution: zero on average, so now and then below it."""
    generator = np.random.default_rng(1)
    values = [kid(*generator.normal(0, 1, (2, 12, 4))) for _ in range(400)]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 4 * np.std(values) / 20


def test_distances_by_hand() -> None:
    sets = Sets(
        migrated=np.array([[0.0, 0.0], [9.0, 9.0]]), source=np.array([[3.0, 3.0], [7.0, 7.0]]),
        target=np.array([[1.0, 1.0], [2.0, 2.0], [6.0, 6.0]]),
    )  # fmt: skip
    found = distances(sets, ["a", "a", "b"])
    assert found.migrated_to_target == pytest.approx((1 + 3) / 2)
    assert found.migrated_to_own_source == pytest.approx((3 + 2) / 2)
    assert found.source_to_target == pytest.approx((1 + 1) / 2)
    assert found.target_to_target == pytest.approx(4)  # 5, 4, 4: not the neighbour of one's group
    assert found.copied_share == 0.5  # nearer than half of 4: the one at distance 1


def test_a_copy_is_seen() -> None:
    generator = np.random.default_rng(2)
    target = generator.normal(0, 1, (20, 30))
    fresh = generator.normal(0, 1, (10, 30))
    groups = [str(i) for i in range(20)]
    assert distances(Sets(target[:10], fresh, target), groups).copied_share == 1
    assert distances(Sets(fresh, fresh, target), groups).copied_share == 0


def test_one_group_is_compared_image_by_image() -> None:
    target = np.array([[0.0], [3.0], [4.0]])
    found = distances(Sets(target[:1], target[:1], target), ["a", "a", "a"])
    assert found.target_to_target == 1
    assert np.isnan(closeness(Sets(target, target, target), ["a"] * 3, seed=0).target_halves)


def test_halves_of_the_target_are_closer_than_another_set() -> None:
    generator = np.random.default_rng(3)
    target, far = generator.normal(0, 1, (40, 8)), generator.normal(3, 1, (40, 8))
    groups = [str(i // 2) for i in range(40)]
    found = closeness(Sets(target + 0.01, far, target), groups, seed=0)
    assert found.source_to_target > 10 * abs(found.target_halves)
    assert found.migrated_to_target < found.source_to_target
