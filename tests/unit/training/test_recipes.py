"""Every recipe that comes with the project can be begun."""

from pathlib import Path

import pytest

from tests.conftest import ROOT
from training.config import load_settings
from training.study_file import read_study
from training.study_plan import Plan

RECIPES = sorted((ROOT / "deploy" / "training").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_understood(path: Path) -> None:
    if not path.stem.startswith("study-"):
        load_settings(path)
        return
    study = read_study(path)
    plan = Plan(path, study, path.parent, path.parent, (), None, print)
    assert all(plan.settings_of(variant) for variant in study.variants)
