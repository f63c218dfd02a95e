"""A study: a table of variants, trained once each, gone on with, compared."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from contract.errors import ConfigError
from tests.integration.training.conftest import QUICK
from training.cli import main
from training.fit import StoppedError
from training.job import held
from training.run import open_run
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


@pytest.fixture(scope="module")
def finished(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study's folder with all of its runs; its file beside it."""
    folder = tmp_path_factory.mktemp("study")
    study = write_study(folder / "study.yaml")
    assert command("study", study, "--data", images, "--out", folder / "out") == 0
    return folder


@pytest.fixture
def words(finished: Path, images: Path, tmp_path: Path) -> tuple[object, ...]:
    """The command that made it, on a copy."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return "study", tmp_path / "study.yaml", "--data", images, "--out", tmp_path / "out"


def test_a_study_has_a_row_for_each_run_and_condition(finished: Path) -> None:
    out = finished / "out"
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


def test_broken_off_before_a_row_nothing_is_trained_again(
    words: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "out/study.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    assert command(*words) == 0
    said = capsys.readouterr().out
    assert "7 runs, 1 of them to do" in said
    assert "epoch" not in said
    assert len(read_rows(table)) == 9


def test_rows_without_runs_have_only_the_teacher_that_is_needed_trained_again(
    words: tuple[object, ...], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    table = tmp_path / "out/study.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:7]))
    for name in ("kd", "teacher", "plain"):
        shutil.rmtree(tmp_path / "out/runs" / name / "fold1-seed0")
    revisions = iter(["at the start", "committed meanwhile"])
    monkeypatch.setattr("training.provenance.git_revision", lambda: next(revisions))
    assert command(*words) == 0
    said = capsys.readouterr().out
    assert "[1/3] teacher/fold1-seed0" in said
    assert "[2/3] kd/fold1-seed0" in said
    assert len(read_rows(table)) == 9
    trained = [open_run(tmp_path / "out/runs" / n / "fold1-seed0") for n in ("teacher", "kd")]
    assert {run.record.git_revision for run in trained} == {"at the start"}


def test_a_run_that_fails_keeps_only_its_students_from_being_made(
    words: tuple[object, ...], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    table = tmp_path / "out/study.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:5]))
    for name in ("kd", "teacher"):
        shutil.rmtree(tmp_path / "out/runs" / name / "fold1-seed0")

    def runs_away(*_: object) -> None:
        raise ConfigError("the weights ran away")

    monkeypatch.setattr("training.study.train", runs_away)
    assert command(*words) == 2
    said = capsys.readouterr()
    assert "teacher/fold1-seed0 failed: the weights ran away" in said.out
    assert "kd/fold1-seed0 failed: its teacher did" in said.out
    assert "teacher/fold1-seed0, kd/fold1-seed0 in" in said.err
    rows = {(row["variant"], row["fold"]) for row in read_rows(table)}
    assert rows >= {("plain", "1"), ("adaptive", "1")}, "those after it"


def test_an_unfinished_run_of_a_moved_study_finds_its_teacher(
    words: tuple[object, ...], tmp_path: Path
) -> None:
    table, run = tmp_path / "out/study.csv", tmp_path / "out/runs/kd/fold1-seed0"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:7]))
    (run / "run.json").unlink()
    plan = json.loads((run / "plan.json").read_text())
    plan["teacher"] = "/elsewhere/" + "/".join(Path(plan["teacher"]).parts[-2:])
    (run / "plan.json").write_text(json.dumps(plan))
    assert command(*words) == 0
    assert len(read_rows(table)) == 9


def test_a_study_that_was_stopped_says_how_it_goes_on(
    words: tuple[object, ...], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def interrupted(*_: object) -> None:
        raise StoppedError("stopped; go on with --resume")

    monkeypatch.setattr("training.study.train", interrupted)
    shutil.rmtree(tmp_path / "out/runs/adaptive")
    table = tmp_path / "out/study.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    assert command(*words) == 130
    said = capsys.readouterr().err
    assert said.strip().splitlines()[-1] == "stripsight-train: stopped; the same command goes on"


def test_a_run_that_another_command_trains_is_waited_for(
    words: tuple[object, ...], tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    table, run = tmp_path / "out/study.csv", tmp_path / "out/runs/teacher/fold1-seed0"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:5]))
    (run / "run.json").unlink()
    (run / "plan.json").unlink()  # so far it has said what it does to nobody
    shutil.rmtree(tmp_path / "out/runs/kd/fold1-seed0")
    shutil.rmtree(tmp_path / "out/runs/adaptive/fold1-seed0")
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    other = ExitStack()
    other.enter_context(held(run))

    def waited(path: Path) -> None:
        assert path == run
        assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
        assert (tmp_path / "out/runs/adaptive/fold1-seed0/run.json").is_file(), "nothing else to do"
        assert not (tmp_path / "out/runs/kd/fold1-seed0/plan.json").exists(), "without a teacher"
        other.close()

    monkeypatch.setattr("training.study.wait_for", waited)
    assert command(*words) == 0
    said = capsys.readouterr().out
    assert "teacher/fold1-seed0 is being trained by another command; waiting for it" in said
    assert len(read_rows(table)) == 9


def test_torchrun_s_processes_share_a_study(images: Path, tmp_path: Path) -> None:
    study, out = write_study(tmp_path / "study.yaml", folds=3), tmp_path / "out"
    torchrun = Path(sys.executable).parent / "torchrun"
    program = "import sys; from training.cli import main; main(sys.argv[1:])"
    words = [
        torchrun, "--nproc-per-node", "2", "--no-python", sys.executable, "-c", program,
        "study", study, "--data", images, "--out", out,
    ]  # fmt: skip
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    begun = re.findall(r"^\[\d+/\d+\] (\S+/fold\d-seed0)", done.stdout, re.MULTILINE)
    assert len(begun) == len(set(begun)) == 10
    assert len(read_rows(out / "study.csv")) == 13


def test_a_row_is_not_completed_by_another_training_s(
    words: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "out/runs/plain")
    variants = {**STUDY["variants"], "plain": {"role": "student", "corrupted": True}}  # type: ignore[dict-item]
    more = write_study(tmp_path / "more.yaml", variants=variants)
    assert command("study", more, *words[2:]) == 2
    said = capsys.readouterr().err
    assert "plain, fold 0 has no row of noise-2, and its run, which could be judged so, is" in said


def test_a_study_is_reported(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished / "out", out)
    assert command("report", out, "--baseline", "plain") == 0
    text = (out / "report.md").read_text()
    assert "| kd | 2 x 1 | 36 |" in text
    assert "| adaptive | 1 x 1 |" in text
    assert "only rows of the same ones\ncan be compared" in text
    assert "| variant | clean | noise-2 |" in text
    assert "| difference | noise-2 |" not in text, "the baseline was not judged so"
    assert {p.name for p in out.glob("*.png")} == {"figures.png", "differences.png"}
    assert command("report", out, "--baseline", "nobody") == 2
    capsys.readouterr()
    assert command("report", out, "--seed", "0") == 0
    assert capsys.readouterr().out.startswith("Study `small`")
    assert (out / "report.md").read_text() == text, "not written"
    assert command("report", out, "--seed", "7") == 2
    assert "no finished run of seed 7" in capsys.readouterr().err
    assert "| difference |" not in text
    write_study(out / "study.yaml", comparisons=[["kd", "teacher"], ["kd", "kd-int8"]])
    assert command("report", out) == 0
    rows = (out / "report.md").read_text().split("| difference |")[1].splitlines()
    assert [row.partition(" | ")[0] for row in rows[2:4]] == ["| kd - teacher", ""]


def test_rows_of_another_question_are_not_gone_on_with(
    words: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_study(tmp_path / "other.yaml", conditions=[], baseline="kd")
    assert command("study", other, *words[2:]) == 0, "the same trainings, reported otherwise"

    settings = {"student": {"views": 2}}
    other = write_study(
        tmp_path / "other.yaml", variants={"plain": {"role": "student", "settings": settings}}
    )
    assert command("study", other, *words[2:]) == 2
    assert "plain, fold 0 has a row of other settings" in capsys.readouterr().err
    (tmp_path / "out/study.csv").unlink()
    assert command("study", other, *words[2:]) == 2
    assert "was made with another role, teacher, extra or settings" in capsys.readouterr().err


def test_rows_are_not_gone_on_with_under_other_defaults(
    words: tuple[object, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.rmtree(out / "runs")
    assert command(*words) == 0, "nothing to do"
    kept = out / "settings/plain.yaml"
    text = kept.read_text()
    kept.write_text(text.replace("  at_px: null\n", ""))
    assert command(*words) == 0, "a setting of a later version"
    kept.write_text(text.replace("label_smoothing: 0.1", "label_smoothing: 0.2"))
    assert command(*words) == 2
    said = capsys.readouterr().err
    assert "the rows of plain had teacher.optimise.label_smoothing 0.2, this study now has" in said


def test_rows_of_other_images_are_not_gone_on_with(
    words: tuple[object, ...], images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(images, tmp_path / "images")
    (tmp_path / "images/hole/00.jpg").unlink()
    assert command(*words[:3], tmp_path / "images", *words[4:]) == 2
    assert "plain, fold 0 has a row of other images" in capsys.readouterr().err


def test_rows_of_another_split_are_not_gone_on_with(
    words: tuple[object, ...], images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(images, tmp_path / "images")
    files = [str(path.relative_to(images)) for path in images.glob("*/*.[pj]*")]
    lines = ["file,group", *(f"{file},{number // 2}" for number, file in enumerate(files))]
    (tmp_path / "images/groups.csv").write_text("\n".join(lines) + "\n")
    assert command(*words[:3], tmp_path / "images", *words[4:]) == 2
    assert "plain, fold 0 has a row of other groups" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": "nobody"}, "baseline 'nobody' is no variant"),
        (
            {"variants": {"plain": {"role": "student", "teacher": "later"}}},
            "must be a variant above",
        ),
        ({"variants": {"plain": {"role": "student", "folds": [2]}}}, "fold 2 does not exist"),
        (
            {
                "variants": {
                    "boss": {"role": "teacher", "folds": [0]},
                    "plain": {"role": "student", "teacher": "boss"},
                }
            },
            "plain: its teacher 'boss' has fewer folds or seeds",
        ),
        (
            {"seeds": [0, 1], "variants": {"plain": {"role": "student", "extra": ["x-FOLD"]}}},
            "say SEED in extra's names",
        ),
        ({"variants": {"plain": {"role": "student", "extra": ["x"]}}}, "say FOLD in extra's names"),
        (
            {
                "seeds": [0, 1],
                "variants": {
                    "boss": {"role": "teacher", "seeds": [1]},
                    "plain": {"role": "student", "teacher": "boss"},
                },
            },
            "plain: its teacher 'boss' has fewer folds or seeds",
        ),
        ({"variants": {"plain": {"role": "student", "seeds": [2]}}}, "seed 2 is none"),
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
    (tmp_path / "file").touch()
    study = write_study(tmp_path / "study.yaml")
    assert command("study", study, "--data", images, "--out", tmp_path / "file/out") == 2
    assert "cannot be used as --out (Not a directory)" in capsys.readouterr().err
