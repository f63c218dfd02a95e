"""The study's statistics against the run's own, and against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import ConfigError
from runtime.scores import TITLES, evaluate
from training.pooled import (
    OutOfFold,
    Prediction,
    compare,
    differences,
    figures_of,
    holm,
    power_factor,
    read_predictions,
)

NAMES = ("a", "b", "c")


def variant(name: str, seed: int, sure: float = 4.0, folds: int = 2) -> OutOfFold:
    """Predictions that are right the more often the surer they are; groups of two images."""
    generator = np.random.default_rng(seed)
    by_run = {}
    for fold in range(folds):
        rows = []
        for index in range(40):
            truth = index % 3
            logits = generator.normal(size=3) + sure * (np.arange(3) == truth)
            chances = np.exp(logits) / np.exp(logits).sum()
            group = f"{fold}:{index // 2}"
            rows.append(Prediction(f"{fold}/{index}", group, truth, tuple(chances.tolist())))
        by_run[fold, 0] = rows
    return OutOfFold(name, NAMES, by_run)


@given(st.integers(0, 50), st.floats(0, 5))
def test_pooled_figures_are_those_of_all_images_together(seed: int, sure: float) -> None:
    found = variant("v", seed, sure)
    rows = [row for run in found.by_run.values() for row in run]
    groups = sorted({row.group for row in rows})
    expected = evaluate(
        np.array([r.truth for r in rows]), np.array([r.probabilities for r in rows])
    )
    values = figures_of(found.sums(sorted(found.by_run), groups).sum(axis=0), 3)
    assert values.tolist() == pytest.approx([expected.summary[name] for name in TITLES])


def test_a_class_without_images_is_left_out() -> None:
    sums = np.zeros(9 + 15)
    sums[[0, 4]] = 3, 1  # a and b right, c absent
    sums[1] = 1  # one a called b
    accuracy, f1, gmean, _ = figures_of(sums, 3)
    assert accuracy == 4 / 5
    assert f1 == pytest.approx((6 / 7 + 2 / 3) / 2)
    assert gmean == pytest.approx(np.sqrt(3 / 4))


def test_the_same_predictions_do_not_differ() -> None:
    base, same = compare([variant("base", 1), variant("same", 1)], "base")
    assert base.differences is None
    assert same.differences is not None
    for found in same.differences.values():
        assert tuple(found.estimate) == (0, 0, 0)
        assert found.p == 1
        assert np.isnan(found.detectable)


def test_a_clear_difference_is_seen_and_is_paired() -> None:
    worse, better = compare([variant("worse", 1, 0.5), variant("better", 2, 4.0)], "worse")
    assert better.differences is not None
    found = better.differences["accuracy"]
    assert found.estimate.value == pytest.approx(
        better.figures["accuracy"].value - worse.figures["accuracy"].value
    )
    assert 0 < found.estimate.low < found.estimate.value < found.estimate.high
    assert found.p < 0.01


def test_a_variant_that_lacks_a_fold_is_compared_where_both_have_one() -> None:
    base, part = variant("base", 1), variant("part", 1, folds=1)
    results = compare([base, part], "base")
    assert [r.differences is None for r in compare([base, part], "base", {"part"})] == [True, True]
    assert [r.runs for r in results] == [((0, 0), (1, 0)), ((0, 0),)]
    assert results[1].differences is not None
    assert results[1].differences["accuracy"].estimate.value == 0


def test_a_comparison_without_common_runs_is_none_and_corrects_nothing() -> None:
    base, better = variant("base", 1, 0.5), variant("better", 2, 4.0)
    elsewhere = OutOfFold("elsewhere", NAMES, {(9, 9): better.by_run[0, 0]})
    (alone,), (beside, none) = (
        differences([(better, base)]),
        differences([(better, base), (elsewhere, base)]),
    )
    assert beside == alone
    assert none == {}


def test_holm_by_hand() -> None:
    # 0.01 * 3, then 0.03 * 2, then max(0.06, 0.04 * 1).
    assert holm([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    "text", ["", "file,group,truth,predicted,a\nx,g,b,a,1.0\n", "f,g,t,p,a,b\nx,g,a,a,1.0\n"]
)
def test_damaged_predictions_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ConfigError, match=r"p\.csv"):
        read_predictions(tmp_path / "p.csv")


def test_images_that_two_folds_tested_count_once() -> None:
    right, wrong = (1.0, 0.0), (0.0, 1.0)
    by_run = {
        (0, 0): [Prediction("a/1", "x", 0, right), Prediction("b/1", "z", 1, (0.0, 1.0))],
        (1, 0): [Prediction("a/1", "x", 0, wrong), Prediction("b/2", "y", 1, right)],
    }
    (found,) = compare([OutOfFold("v", ("a", "b"), by_run)], "v")
    assert (found.images, found.groups) == (3, 3)
    # a/1 half right, b/1 right, b/2 wrong.
    assert found.figures["accuracy"].value == pytest.approx(0.5)
    assert found.recalls == pytest.approx({"a": 0.5, "b": 0.5})


def test_a_fold_of_more_seeds_weighs_no_more_than_the_others() -> None:
    right, wrong = (1.0, 0.0), (0.0, 1.0)
    by_run = {
        (0, 0): [Prediction("a/1", "x", 0, right)],
        (0, 1): [Prediction("a/1", "x", 0, right)],
        (0, 2): [Prediction("a/1", "x", 0, wrong)],
        (1, 0): [Prediction("a/2", "y", 0, wrong)],
    }
    (found,) = compare([OutOfFold("v", ("a", "b"), by_run)], "v")
    assert found.images == 2
    assert found.figures["accuracy"].value == pytest.approx((2 / 3 + 0) / 2)


def test_variants_that_tested_other_images_are_not_compared() -> None:
    base, other = variant("base", 1), variant("other", 2)
    rows = list(other.by_run[1, 0])
    rows[3] = rows[3]._replace(group="elsewhere")
    changed = OutOfFold("other", NAMES, {**other.by_run, (1, 0): rows})
    with pytest.raises(ConfigError, match="other and base, fold 1: their test parts differ"):
        compare([base, changed], "base")


@pytest.mark.parametrize(("comparisons", "level"), [(1, 0.05), (10, 0.005)])
def test_the_smallest_difference_that_is_seen(comparisons: int, level: float) -> None:
    # A difference of so many standard errors lies beyond the level's limit in 80 % of draws.
    drawn = np.random.default_rng(0).standard_normal(200_000) + power_factor(comparisons)
    limit = np.quantile(np.abs(np.random.default_rng(1).standard_normal(2_000_000)), 1 - level)
    assert (np.abs(drawn) > limit).mean() == pytest.approx(0.8, abs=0.005)
