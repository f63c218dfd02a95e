"""`stripsight-edge coil` on the ledger that a real daemon wrote."""

import csv
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.conftest import ROOT
from tests.integration.line.test_grading import RULES
from tests.line.daemon import Daemon, write_config
from tests.line.strip import FRAME_M, WIDTH_MM, sections, write_line_bundle, write_strip

pytestmark = pytest.mark.integration
DEFECTS = [(0, 0, 3), (2, 7, 5), (3, 0, 5), (3, 1, 6), (9, 7, 0)]
"""Three defects a coil of ten frames."""
FRAMES = 24
DARK = (21, 22)
"""Frames of the third coil in which the lamp is out."""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config of a line over whose 24 frames a daemon ran to the end: two coils and a piece."""
    folder = tmp_path_factory.mktemp("line")
    write_line_bundle(folder / "bundle")
    again = [(frame + 10 * coil, row, column) for coil in (0, 1) for frame, row, column in DEFECTS]
    frames = write_strip(folder / "frames", FRAMES, again)
    for number in DARK:
        path = str(frames / f"frame_{number:04d}.bmp")
        cv2.imwrite(path, np.zeros_like(cv2.imread(path, cv2.IMREAD_GRAYSCALE)))
    (folder / "grading.yaml").write_text(yaml.safe_dump(RULES))
    source = {"kind": "folder", "path": str(frames), "frames_per_s": 50, "repeat": False}
    # Room for every frame: how busy the machine is must not decide what is in the ledger.
    patient = {"deadline_s": 60.0, "frame_buffer": FRAMES, "quantified_px": 0}
    whole = sections(folder, frames, source=source, inspect=patient, grading="grading.yaml")
    config = write_config(folder, whole)
    with Daemon(config, "inspect") as daemon:
        assert daemon.wait() == 0
    return config


def coil(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge.cli", "coil", *map(str, words)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=200, check=False, cwd=folder or ROOT,
        env=environment,
    )  # fmt: skip


def test_the_list_names_every_coil_newest_first(line: Path) -> None:
    listed = coil("list", "--config", line)
    assert listed.returncode == 0, listed.stderr
    head, *rows = listed.stdout.splitlines()
    assert head.startswith("coil")
    assert [row.split()[0] for row in rows] == ["coil-0003", "coil-0002", "coil-0001"]
    assert rows[0].endswith("interrupted")
    assert f"{10 * FRAME_M:.2f} m     100 %  yes          3" in rows[1]
    told = [json.loads(text) for text in coil("list", "-c", line, "--json").stdout.splitlines()]
    assert [c["defects"] for c in told] == [0, 3, 3]
    one = coil("list", "-c", line, "--last", 1).stdout
    assert "coil-0001" not in one
    assert "2 older ones: --last 3" in one


def test_json_holds_what_was_planted_and_its_certificate_is_verified(
    line: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.json"
    done = coil("report", "coil-0001", "-c", line, "--format", "json", "--out", out)
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text())
    schema = json.loads((ROOT / "docs" / "coil-report.schema.json").read_text())
    Draft202012Validator(schema).validate(report)
    tile_m = 16 * 0.0005
    places = [
        (round(d["extent"]["from_m"], 6), d["extent"]["from_mm"], d["tiles"])
        for d in report["defects"]
    ]
    assert places == [
        (0.0, 24.0, 1), (round(23 * tile_m, 6), 40.0, 3), (round(79 * tile_m, 6), 0.0, 1),
    ]  # fmt: skip
    assert report["coil"]["state"] == "finished"
    assert report["coil"]["width_mm"] == WIDTH_MM
    certificate = report["certificate"]
    assert certificate["cells"] == {"on_time": certificate["expected_cells"]}
    assert (certificate["coverage"], certificate["inspection_valid"]) == (1.0, True)
    verified = coil("verify", out, "-c", line)
    assert verified.returncode == 0, verified.stderr
    assert certificate["ledger"]["sha256"] in verified.stdout
    out.write_text(json.dumps(report | {"defects": report["defects"][1:]}))
    changed = coil("verify", out, "-c", line)
    assert changed.returncode == 5
    assert "defects is a list of 2, by the ledger's events" in changed.stderr
    out.write_text(json.dumps(report).replace(certificate["ledger"]["sha256"], "0" * 64))
    assert coil("verify", out, "-c", line).returncode == 5


@pytest.mark.parametrize("name", ["coil-0002", "coil-0003"])
def test_every_coil_of_a_daemon_is_whole_in_its_ledger(
    line: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "report.json"
    coil("report", name, "-c", line, "--format", "json", "--out", out)
    assert json.loads(out.read_text())["events_missing"] is False
    verified = coil("verify", out, "-c", line)
    assert verified.returncode == 0, verified.stderr
    assert "not compared" not in verified.stdout


def test_csv_goes_to_the_terminal_with_its_own_line_ends(line: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "coil", "report", "-c", str(line), "--format",
               "csv"]  # fmt: skip
    raw = subprocess.run(command, capture_output=True, timeout=200, check=True, cwd=ROOT).stdout
    assert raw.count(b"\r\n") == raw.count(b"\n") == 4
    rows = list(csv.DictReader(io.StringIO(raw.decode(), newline="")))
    assert {row["coil_id"] for row in rows} == {"coil-0002"}, "the newest that finished"
    assert {row["class"] for row in rows} == {"right"}


def test_html_is_written_beside_where_one_stands_and_says_where(line: Path, tmp_path: Path) -> None:
    done = coil("report", "-c", line, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.iterdir()
    assert path.name == "coil-coil-0002.html"
    assert done.stdout.strip() == str(path)
    assert "coil-0002" in path.read_text()


def test_an_interrupted_coil_is_called_so_and_names_what_was_not_seen(line: Path) -> None:
    report = json.loads(coil("report", "coil-0003", "-c", line, "--format", "json").stdout)
    assert report["coil"]["state"] == "interrupted"
    assert report["remarks"][0].startswith("Interrupted: the daemon stopped at")
    certificate = report["certificate"]
    (gap,) = certificate["missing"]
    at = gap["extent"]
    assert (round(at["from_m"], 6), round(at["to_m"], 6)) == (
        round(FRAME_M, 6), round((1 + len(DARK)) * FRAME_M, 6),
    )  # fmt: skip
    assert (at["from_mm"], at["to_mm"]) == (0.0, WIDTH_MM)
    assert (gap["outcome"], gap["reason"]) == ("unusable", "dark")
    quarter = certificate["expected_cells"] // 4
    assert certificate["cells"] == {"on_time": 2 * quarter, "unusable": 2 * quarter}
    assert gap["cells"] == 2 * quarter
    assert (certificate["coverage"], certificate["inspection_valid"]) == (0.5, False)


def test_the_grade_and_the_severities_name_the_rules_by_their_digest(line: Path) -> None:
    report = json.loads(coil("report", "coil-0001", "-c", line, "--format", "json").stdout)
    digest = hashlib.sha256((line.parent / "grading.yaml").read_bytes()).hexdigest()
    certificate = report["certificate"]
    assert certificate["rules"] == certificate["severity_rules"] == f"1@{digest}"
    assert report["grade"]["name"] == "second"
    assert report["grade"]["rules"] == certificate["rules"]
    assert report["severities"] == {"minor": 2, "major": 1}


def test_what_is_not_there_is_one_line_and_an_exit_code(line: Path, tmp_path: Path) -> None:
    unknown = coil("report", "coil-0009", "-c", line)
    assert unknown.returncode == 2
    assert "the nearest ids: coil-000" in unknown.stderr
    unwritten = coil("report", "-c", line, "--out", tmp_path / "absent" / "x.html")
    assert unwritten.returncode == 2
    assert "cannot be written" in unwritten.stderr
    empty = write_config(tmp_path, sections(tmp_path, tmp_path))
    absent = coil("list", "-c", empty)
    assert absent.returncode == 5
    assert "no event log there" in absent.stderr
    for done in (unknown, unwritten, absent):
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
