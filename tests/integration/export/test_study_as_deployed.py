"""A study's runs become bundles and are judged by the line's engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from export import parity
from export.cli import main as export_main
from tests.integration.training.test_study import command, write_study
from training.job import held
from training.pooled import read_predictions
from training.study_table import read_rows

pytestmark = pytest.mark.integration


def test_int8_stands_beside_fp32(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def export(*words: object) -> int:
        monkeypatch.setattr("sys.argv", ["stripsight-export", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            export_main()
        return int(ended.value.code or 0)

    out = tmp_path / "out"
    variants = {"plain": {"role": "student"}, "teacher": {"role": "teacher"}}
    file = write_study(tmp_path / "study.yaml", variants=variants)
    assert command("study", file, "--data", images, "--out", out, "--fold", 1) == 0
    assert {row["fold"] for row in read_rows(out / "study.csv")} == {"1"}

    words = ("study", out, "--data", images, "--corrupt", "jpeg:1", "--variant")
    _leave_alone(lambda: export(*words, "plain"), out / "runs/plain/fold1-seed0", capsys)
    rows = [row for row in read_rows(out / "study.csv") if row["variant"] == "plain-int8"]
    assert [row["condition"] for row in rows] == ["clean", "jpeg-1"]
    assert rows[0]["device"] == "openvino"
    names, exact = read_predictions(out / "predictions/plain-fold1-seed0.csv")
    same, reduced = read_predictions(out / "predictions/plain-int8-fold1-seed0.csv")
    assert names == same
    assert [row[:3] for row in exact] == [row[:3] for row in reduced]
    assert exact != reduced

    (out / "runs/plain/fold1-seed0/bundle-int8-views-2").mkdir()  # of who knows what training
    assert export(*words[:4], "--variant", "plain", "--views", 2) == 0
    (averaged,) = [r for r in read_rows(out / "study.csv") if r["variant"] == "plain-int8-views-2"]
    assert read_predictions(out / averaged["predictions"]) != (same, reduced)

    before = (out / "study.csv").read_bytes()
    assert export(*words, "plain") == 0
    assert (out / "study.csv").read_bytes() == before

    text = before.decode()
    trained = next(line for line in text.splitlines() if ",plain,student," in line)
    (out / "study.csv").write_text(
        text.replace(trained, trained.replace(rows[0]["variant_digest"], "0"))
    )
    capsys.readouterr()
    assert export(*words, "plain") == 2
    assert "plain-int8, fold 1 has a row of an earlier training" in capsys.readouterr().err
    (out / "study.csv").write_text(text)

    _refuse(lambda: export(*words, "plain", "--views", 4), capsys, monkeypatch)
    assert export(*words, "nobody") == 2
    assert "no finished run of nobody" in capsys.readouterr().err
    assert export(*words, "teacher") == 2
    assert "is a teacher; give a student's run" in capsys.readouterr().err
    elsewhere = trained.replace(",student,1,0,", ",student,0,0,")
    _pass_over(
        lambda *more: export(*words[:4], "--variant", "plain", *more), out, elsewhere, capsys
    )


def _leave_alone(export: Callable[[], int], run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that another command has is passed over."""
    with held(run):
        assert export() == 0
    assert "plain fold 1 seed 0: another command is at it" in capsys.readouterr().out
    assert not (run / "bundle-int8").exists()
    assert export() == 0


def _pass_over(
    export: Callable[..., int], out: Path, row: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row whose run is not there is named, and the others are judged."""
    with (out / "study.csv").open("a") as table:
        table.write(f"{row}\n")
    assert export("--precision", "fp32") == 0
    assert "plain fold 0 seed 0: its run is not in" in capsys.readouterr().out
    rows = read_rows(out / "study.csv")
    assert [row["fold"] for row in rows if row["variant"] == "plain-fp32"] == ["1"]
    assert export("--corrupt", "jpeg:1") == 2
    assert "plain/fold0-seed0: no finished run there" in capsys.readouterr().err


def _refuse(
    export: Callable[[], int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that breaks a limit is named, and the command goes on to the next."""
    with monkeypatch.context() as strict:
        strict.setitem(parity.LOSS_LIMITS, "int8", parity.LossLimits(0, 1, 0))
        assert export() == 3
    said = capsys.readouterr()
    assert "plain fold 1 seed 0: " in said.out
    assert "no bundle of plain fold 1 seed 0" in said.err
