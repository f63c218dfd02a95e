"""Which trainings a study's command makes."""

from dataclasses import replace
from pathlib import Path

import pytest

from contract.errors import ConfigError
from training.study import missing_runs
from training.study_file import Study
from training.study_plan import Cell, Plan

STUDY = Study.model_validate(
    {
        "name": "small",
        "folds": 2,
        "seeds": [0, 3],
        "baseline": "plain",
        "variants": {
            "plain": {"role": "student"},
            "teacher": {"role": "teacher"},
            "first": {"role": "student", "teacher": "teacher"},
            "second": {"role": "student", "teacher": "first"},
            "once": {
                "role": "student",
                "folds": [1],
                "seeds": [3],
                "extra": ["hole-FOLD-SEED/migrated"],
            },
        },
    }
)


def plan(
    folds: set[int] | None = None, variants: set[str] | None = None, seeds: set[int] | None = None
) -> Plan:
    return Plan(
        Path("study.yaml"), STUDY, Path("images"), Path("out"), (), None, print,
        frozenset(folds) if folds else None, frozenset(seeds) if seeds else None,
        frozenset(variants) if variants else None,
    )  # fmt: skip


def test_seed_by_seed_and_fold_by_fold_in_the_file_s_order() -> None:
    names = ["plain", "teacher", "first", "second"]
    places = [(0, 0), (1, 0), (0, 3), (1, 3)]
    cells = [Cell(name, fold, seed) for fold, seed in places for name in names]
    assert [*plan().cells()] == [*cells, Cell("once", 1, 3)]


def test_migrated_images_are_those_of_the_split() -> None:
    assert plan().migrated(Cell("once", 1, 3)) == (Path("out/hole-1-3/migrated"),)


def test_the_kept_settings_say_how_many_folds() -> None:
    assert plan().settings_of("plain").data.folds == 2


def test_one_fold_alone() -> None:
    assert {cell.fold for cell in plan(folds={1}).cells()} == {1}


def test_one_seed_alone() -> None:
    assert {cell.seed for cell in plan(seeds={3}).cells()} == {3}


def test_a_variant_comes_with_its_teachers() -> None:
    assert plan(variants={"second", "once"}).names() == ["teacher", "first", "second", "once"]
    assert [cell.variant for cell in plan({0}, {"plain"}, {3}).cells()] == ["plain"]


def test_a_teacher_s_teacher_is_trained_again_too(tmp_path: Path) -> None:
    chosen = replace(plan({0}, seeds={0}), out=tmp_path)
    cells = [*chosen.cells()]
    names = ("plain", "teacher", "first")
    rows = [{"variant": name, "fold": "0", "seed": "0", "condition": "clean"} for name in names]
    assert [cell.variant for cell in missing_runs(chosen, cells, rows)] == [
        "teacher", "first", "second",
    ]  # fmt: skip
    first = chosen.run_path(Cell("first", 0, 0))
    first.mkdir(parents=True)
    (first / "run.json").touch()
    assert [cell.variant for cell in missing_runs(chosen, cells, rows)] == ["second"]


@pytest.mark.parametrize(
    ("folds", "seeds", "variants", "said"),
    [
        ({2}, None, None, "--fold 2: study.yaml has the folds 0 to 1"),
        ({-1}, None, None, "--fold -1: study.yaml has the folds 0 to 1"),
        (None, {1}, None, "--seed 1: study.yaml has the seeds 0, 3"),
        (None, None, {"thrid"}, "--variant thrid: study.yaml has plain, teacher, first, second"),
    ],
)
def test_what_the_study_has_not_is_named(
    folds: set[int] | None, seeds: set[int] | None, variants: set[str] | None, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(folds, variants, seeds)
