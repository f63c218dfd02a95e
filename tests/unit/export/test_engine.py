"""`stripsight-export engine` where nothing can be built, and its child that crashes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import onnxruntime as ort
import pytest

from contract.errors import BundleError
from export.engine import watch
from tests.conftest import ROOT
from tests.unit.runtime.small_bundle import write_small_bundle


def child(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_progress_and_exit_code_of_the_child() -> None:
    told: list[str] = []
    assert watch(child("import time; time.sleep(0.5); raise SystemExit(3)"), told.append, 0.05) == 3
    assert told
    assert all(line.startswith("building for ") for line in told)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT"])
def test_a_crash_does_not_take_the_command(name: str) -> None:
    number = signal.Signals[name].value
    with pytest.raises(BundleError, match=f"TensorRT ended by {name} after .* left no engine"):
        watch(child(f"import os; os.kill(os.getpid(), {number})"), print)


def test_an_interrupted_command_leaves_no_child(tmp_path: Path) -> None:
    told = tmp_path / "pid"

    def interrupt(_: str) -> None:
        if told.exists() and told.read_text():
            raise KeyboardInterrupt

    code = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(KeyboardInterrupt):
        watch(child(code), interrupt, 0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


@pytest.mark.skipif(
    "TensorrtExecutionProvider" in ort.get_available_providers(), reason="it could be built here"
)
def test_without_tensorrt_it_is_refused_in_words(tmp_path: Path) -> None:
    write_small_bundle(tmp_path / "b")
    command = [sys.executable, "-m", "export.cli", "engine", str(tmp_path / "b")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "has no TensorrtExecutionProvider" in done.stderr
    assert not (tmp_path / "engines").exists()
