"""Which variants of a study are compared, and under what."""

import pytest

from training.pooled import OutOfFold, Prediction
from training.study_compared import differences_under, is_compared, on_the_same_runs
from training.study_file import Study
from training.study_text import under_table

STUDY = Study.model_validate(
    {
        "name": "small",
        "folds": 2,
        "seeds": [0],
        "baseline": "base",
        "comparisons": [["b", "a"], ["a", "base"], ["base-10", "base"]],
        "variants": {
            "base": {"role": "student"},
            "a": {"role": "student"},
            "b": {"role": "student"},
            "base-10": {"role": "student", "compared": False},
        },
    }
)


def variant(name: str, right: int, folds: int = 2) -> OutOfFold:
    """Of 20 images a fold, each a group, so many are named right."""
    by_run = {
        (fold, 0): [
            Prediction(f"{fold}/{i}", f"{fold}/{i}", 0, (1.0, 0.0) if i < right else (0.0, 1.0))
            for i in range(20)
        ]
        for fold in range(folds)
    }
    return OutOfFold(name, ("a", "b"), by_run)


@pytest.mark.parametrize(
    ("name", "compared"),
    [("a", True), ("base-10", False), ("base-10-int8", False), ("base-int8-views-4", True)],
)
def test_a_bundle_is_compared_as_its_variant(name: str, compared: bool) -> None:  # noqa: FBT001
    assert is_compared(STUDY, name) == compared


def test_differences_under_a_condition_are_to_the_baseline_and_as_asked() -> None:
    own = [variant("base", 10), variant("a", 15), variant("b", 18), variant("base-10", 5)]
    found = differences_under(STUDY, "base", {"clean": own, "noise-2": own, "jpeg-1": own[1:3]})
    assert list(found) == ["a", "b", "b - a", "base-10 - base"], "a against base once"
    assert [*found["a"], *found["b - a"]] == ["noise-2", "noise-2", "jpeg-1"]
    assert found["b - a"]["jpeg-1"].estimate.value == pytest.approx(0.15)
    assert found["a"]["noise-2"].estimate.low > 0
    assert (
        found["a"]["noise-2"].p
        > differences_under(STUDY, "base", {"noise-2": own[:2]})["a"]["noise-2"].p
    ), "corrected by Holm over the whole table"


def test_a_star_stands_where_a_difference_stands() -> None:
    own = [variant("base", 10), variant("a", 19), variant("b", 11)]
    found = differences_under(STUDY, "base", {"noise-2": own})
    head, _, *lines = under_table(found).splitlines()
    assert head == "| difference | noise-2 |"
    assert [line.endswith(" * |") for line in lines] == [True, False, True]
    assert lines[1].startswith("| b | +5.0 (")


def test_what_a_condition_costs_is_told_by_the_same_runs() -> None:
    clean, noisy, never = variant("a", 15), variant("a", 10, folds=1), variant("b", 15)
    found = on_the_same_runs({"clean": [clean, never], "noise-2": [noisy]})
    assert [{*one.by_run} for one in found["clean"]] == [{(0, 0)}, {(0, 0), (1, 0)}]
    assert [{*one.by_run} for one in found["noise-2"]] == [{(0, 0)}]
