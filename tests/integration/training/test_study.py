"""A study: a table of variants, trained once each, gone on with, compared."""

import shutil
from pathlib import Path

import pytest
import yaml

from contract.errors import ConfigError
from tests.integration.training.conftest import QUICK
from training.cli import main
from training.study_file import read_study
from training.study_table import read_rows

pytestmark = pytest.mark.integration

STUDY = {
    "name": "small",
    "folds": 2,
    "seeds": [0],
    "baseline": "plain",
    "conditions": ["noise:2"],
    "variants": {
        "plain": {"role": "student"},
        "teacher": {"role": "teacher"},
        "kd": {"role": "student", "teacher": "teacher", "corrupted": True},
        "adaptive": {"role": "student", "settings": {"loss": {"kind": "adaptive"}}, "folds": [1]},
    },
}


def write_study(path: Path, **changes: object) -> Path:
    settings = yaml.safe_load(QUICK)
    settings["data"].pop("folds")
    for role in ("teacher", "student"):
        settings[role]["optimise"]["epochs"] = 1
    path.write_text(yaml.safe_dump({**STUDY, "settings": settings, **changes}, sort_keys=False))
    return path


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_a_study_is_run_once_and_reported(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("study", write_study(tmp_path / "study.yaml"), "--data", images, "--out", out)
    assert command(*words) == 0
    rows = read_rows(out / "study.csv")
    assert [(r["variant"], r["fold"], r["condition"]) for r in rows] == [
        ("plain", "0", "clean"), ("teacher", "0", "clean"),
        ("kd", "0", "clean"), ("kd", "0", "noise-2"),
        ("plain", "1", "clean"), ("teacher", "1", "clean"),
        ("kd", "1", "clean"), ("kd", "1", "noise-2"), ("adaptive", "1", "clean"),
    ]  # fmt: skip
    assert sum(int(r["images"]) for r in rows if r["variant"] == "plain") == 36
    assert all((out / r["predictions"]).is_file() for r in rows)
    assert not list(out.glob("runs/*/*/checkpoints"))

    # Broken off after its training, before its row: the row comes, nothing is trained again.
    lines = (out / "study.csv").read_text().splitlines(keepends=True)
    (out / "study.csv").write_text("".join(lines[:-1]))
    capsys.readouterr()
    assert command(*words) == 0
    said = capsys.readouterr().out
    assert "7 runs, 1 of them to do" in said
    assert "epoch" not in said
    assert len(read_rows(out / "study.csv")) == 9

    # Rows came from elsewhere without their runs: only a teacher that is needed is trained again.
    (out / "study.csv").write_text("".join(lines[:7]))
    for name in ("kd", "teacher", "plain"):
        shutil.rmtree(out / "runs" / name / "fold1-seed0")
    assert command(*words) == 0
    said = capsys.readouterr().out
    assert "[1/3] teacher/fold1-seed0" in said
    assert "[2/3] kd/fold1-seed0" in said
    assert len(read_rows(out / "study.csv")) == 9

    assert command("report", out, "--baseline", "plain") == 0
    text = (out / "report.md").read_text()
    assert "| kd | 2 x 1 | 36 |" in text
    assert "| adaptive | 1 x 1 |" in text
    assert "| variant | clean | noise-2 |" in text
    assert {p.name for p in out.glob("*.png")} == {"figures.png", "differences.png"}
    assert command("report", out, "--baseline", "nobody") == 2

    changed = write_study(tmp_path / "study.yaml", variants={"plain": {"role": "teacher"}})
    assert command("study", changed, "--data", images, "--out", out) == 2
    assert "was made with another role, teacher, extra or settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": "nobody"}, "baseline 'nobody' is no variant"),
        (
            {"variants": {"plain": {"role": "student", "teacher": "later"}}},
            "must be a variant above",
        ),
        ({"variants": {"plain": {"role": "student", "folds": [2]}}}, "fold 2 does not exist"),
        ({"variants": {"plain": {"role": "boss"}}}, "variants.plain.role"),
        ({"variants": {}}, "variants"),
        ({"conditions": ["rain"]}, "rain"),
        ({"seed": 1}, "seed"),
    ],
)
def test_a_wrong_study_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_study(write_study(tmp_path / "study.yaml", **changes))


def test_a_wrong_setting_is_found_before_the_first_training(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variants = {"plain": {"role": "student"}, "odd": {"role": "student", "settings": {"los": {}}}}
    study = write_study(tmp_path / "study.yaml", variants=variants)
    assert command("study", study, "--data", images, "--out", tmp_path / "out") == 2
    assert "variant odd: unknown key 'los', did you mean 'loss'?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
