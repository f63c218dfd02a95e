"""Standard output that takes nothing, or a part: commands as they are typed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.unit.edge.console.strip_events import coil_report, coil_started, defect
from tests.unit.edge.report.ledger_of import COIL, config_of, record

FULL = "stripsight-edge: standard output: cannot be written (No space left on device)"
LIMITED = ("sh", "-c", 'ulimit -f 8 && exec "$@"', "sh")
BUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    defects = (defect(COIL, f"{COIL}/{n}", n / 10) for n in range(100))
    record(folder, [coil_started(COIL), *defects, coil_report(COIL, defects=100)])
    path = folder / "line.yaml"
    path.write_text(yaml.safe_dump(config_of(folder).model_dump(mode="json", exclude_unset=True)))
    return path


def _typed(
    words: Sequence[str], stdout: int, unbuffered: str, before: Sequence[str] = ()
) -> tuple[int, str]:
    command = [*before, sys.executable, "-m", "edge.cli", *words]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=100, check=False,
        env=environment | {"PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    return done.returncode, done.stderr.strip()


@BUFFERED
@pytest.mark.parametrize("words", ["coil list", "coil report --format json", "tail --after 0"])
def test_a_full_disk_behind_standard_output_is_one_line(
    config: Path, words: str, unbuffered: str
) -> None:
    typed = [*words.split(), "--config", str(config)]
    typed += ["--for", "0.1"] if words.startswith("tail") else []
    with Path("/dev/full").open("w") as full:
        assert _typed(typed, full.fileno(), unbuffered) == (2, FULL)


@BUFFERED
def test_a_report_of_which_the_disk_takes_a_part_is_not_called_written(
    config: Path, tmp_path: Path, unbuffered: str
) -> None:
    out = tmp_path / "report.json"
    typed = ["coil", "report", "--format", "json", "--config", str(config)]
    with out.open("w") as file:
        code, said = _typed(typed, file.fileno(), unbuffered, LIMITED)
    assert out.stat().st_size > 0
    assert (code, said) == (2, FULL.replace("No space left on device", "File too large"))


def test_a_report_to_a_closed_output_is_told_to_be_none(config: Path) -> None:
    typed = ["coil", "report", "--format", "json", "--config", str(config)]
    code, said = _typed(typed, subprocess.DEVNULL, "", ("sh", "-c", 'exec "$@" >&-', "sh"))
    assert (code, said) == (2, FULL.replace("No space left on device", "it is closed"))


@BUFFERED
@pytest.mark.parametrize("words", ["coil list", "coil report --format json"])
def test_a_reader_that_has_gone_is_no_error_to_speak_of(
    config: Path, words: str, unbuffered: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert _typed([*words.split(), "--config", str(config)], writing, unbuffered) == (1, "")
    finally:
        os.close(writing)
