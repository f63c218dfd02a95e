"""A training that is killed or interrupted goes on as if nothing had been."""

import csv
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from lightning import LightningModule, Trainer

from tests.integration.training.test_train_commands import COMMAND, command
from training.chosen import Chosen
from training.run import open_run

pytestmark = pytest.mark.integration


def wait_for_epochs(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline_s = time.monotonic() + 200
    curves = out / "curves.csv"
    while not curves.is_file() or len(curves.read_text().splitlines()) < 1 + count:
        assert process.poll() is None, "the training ended before it could be broken off"
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_broken_off_training_goes_on(
    images: Path, quick: Path, tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "run"
    options = ["teacher", "--data", str(images), "--out", str(out)]
    chosen = ["--config", str(quick), "--epochs", "4"]
    begin = [*COMMAND, *options, *chosen]
    with subprocess.Popen(begin, text=True, stderr=subprocess.PIPE) as process:
        wait_for_epochs(out, 2, process)
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said.strip().splitlines()[-1] == "stripsight-train: stopped; go on with --resume"
    begun = (out / "curves.csv").read_text().splitlines()[:2]
    assert command(*options, "--resume") == 0
    curves = (out / "curves.csv").read_text().splitlines()
    assert curves[:2] == begun, "not trained again: the time it took is in there"
    rows = [*csv.DictReader(curves)]
    if how == signal.SIGKILL:
        unbroken = tmp_path / "unbroken"
        again = ("teacher", "--data", images, "--out", unbroken, *chosen)
        assert command(*again) == 0
        assert open_run(out).record.weights_digest == open_run(unbroken).record.weights_digest
    assert [row["epoch"] for row in rows] == list("0123")
    best = min(rows, key=lambda row: float(row["validation_loss"]))
    assert open_run(out).record.best_epoch == int(best["epoch"])
    assert open_run(out).input_px == 48
    assert open_run(out).record.command_line[1:] == (*options, *chosen)
    assert command(*options, "--resume") == 2


def test_ctrl_c_in_the_last_epoch_s_validation_is_heard(
    images: Path, quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Chosen.on_validation_end

    def interrupted(chosen: Chosen, trainer: Trainer, module: LightningModule) -> None:
        keep(chosen, trainer, module)
        if trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    out = tmp_path / "run"
    options = ("teacher", "--data", images, "--out", out)
    with monkeypatch.context() as patched:
        patched.setattr(Chosen, "on_validation_end", interrupted)
        assert command(*options, "--config", quick, "--epochs", 2) == 130
    assert not (out / "run.json").exists()
    curves = (out / "curves.csv").read_text()
    assert command(*options, "--resume") == 0
    assert (out / "curves.csv").read_text() == curves, "both epochs were there"
    assert open_run(out).record.best_epoch in {0, 1}
