"""Settings: defaults in one file, strict reading."""

from pathlib import Path

import pytest

from contract.errors import ConfigError
from training.config import dump_settings, load_settings


def test_defaults_are_complete_and_come_back(tmp_path: Path) -> None:
    settings = load_settings()
    (tmp_path / "c.yaml").write_text(dump_settings(settings))
    assert load_settings(tmp_path / "c.yaml") == settings


def test_yaml_s_exponents_without_a_point_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("teacher: {optimise: {max_learning_rate: 2e-3}}")
    assert load_settings(tmp_path / "c.yaml").teacher.optimise.max_learning_rate == 2e-3


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("student: {optimise: {epochs: 3}}\nseed: 7\n")
    settings = load_settings(tmp_path / "c.yaml", {"seed": 8, "data.fold": None})
    assert settings.student.optimise.epochs == 3
    assert settings.seed == 8
    assert settings.teacher == load_settings().teacher
    (tmp_path / "c.yaml").write_text("{augment: {flip_along: false}, student: {views: 2}}")
    assert load_settings(tmp_path / "c.yaml").student.views == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("student: {optimise: {epoch: 3}}", r"'student.optimise.epoch', did you mean 'epochs'"),
        ("zzz: 1", "unknown key 'zzz'; known: seed"),
        ("student: 3", "student must be a mapping of input_px"),
        ("seed: many", "seed: "),
        ("seed: 4294967295", "seed: "),  # validation's folds are drawn with the next one
        ("seed: true", "seed must be neither true nor false"),
        ("data: {tile_px: true}", "data.tile_px must be neither true nor false"),
        ("augment: {flip_across: 1}", "augment.flip_across must be true or false"),
        ("data: {fold: 5}", "fold 5 does not exist"),
        ("- 1", "must be a YAML mapping"),
        ("a: [", "cannot be read as YAML"),
        ("student: {optimise: {batch_size: 1}}", "student.optimise.batch_size"),
        ("student: {optimise: {max_learning_rate: .nan}}", "max_learning_rate"),
        (
            "{augment: {flip_along: false}, student: {views: 4}}",
            "student.views 4 needs",
        ),
        ("{augment: {flip_across: false}, teacher: {views: 2}}", "teacher.views 2 needs augment"),
        ("student: {views: 3}", "student.views"),
        ("!!python/object/apply:os.system [ls]", "cannot be read as YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_settings(tmp_path / "c.yaml")
