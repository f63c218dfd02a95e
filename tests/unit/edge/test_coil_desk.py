import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue
from typer.main import get_command

import edge.coil_desk
from edge.cli import app
from edge.coil_desk import Form, _record, grade, last_seq, report, save_newest, write_report
from edge.control import SOCKET_NAME, ControlServer, Request
from edge.errors import ConfigError, ReceiverError
from edge.grading.recording import NOT_KNOWN
from tests.unit.edge.console.strip_events import coil_report, coil_started, corrected
from tests.unit.edge.report.ledger_of import config_of, record


def test_a_run_leaves_the_report_of_its_own_coil_also_where_an_older_one_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = config_of(tmp_path), tmp_path / "report.html"
    assert last_seq(config) == 0
    record(tmp_path, [coil_started("of-before"), coil_report("of-before")])
    before = last_seq(config)
    save_newest(config, out, before)
    assert "no coil report: no coil has begun in this run" in capsys.readouterr().err
    cut_off = coil_report("of-now", 2.0)
    broken = cut_off.body.model_copy(update={"interrupted": True})
    record(tmp_path, [coil_started("of-now"), cut_off._replace(body=broken)])
    save_newest(config, out, before)
    assert "The report of coil of-now (2.00 m" in capsys.readouterr().out
    assert "of-now" in out.read_text()


@pytest.mark.parametrize("form", Form)
def test_a_report_goes_to_standard_output_by_a_dash(
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    form: Form,
) -> None:
    record(tmp_path, [coil_started("A"), coil_report("A")])
    monkeypatch.setattr(edge.coil_desk, "load_config", lambda _: config_of(tmp_path))
    monkeypatch.chdir(tmp_path)
    report(tmp_path, form=form, out=Path("-"))
    starts = {"json": b'{"schema_version"', "csv": b"coil_id,", "html": b"<!doctype html>"}
    assert capsysbinary.readouterr().out.startswith(starts[form])
    assert [path.name for path in tmp_path.iterdir()] == ["ledger"]


def test_a_coil_that_finished_is_reported_rather_than_a_newer_one_that_broke_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_off = coil_report("of-its-end", 2.0)
    broken = cut_off._replace(body=cut_off.body.model_copy(update={"interrupted": True}))
    before = [coil_started("whole"), coil_report("whole")]
    record(tmp_path, [*before, coil_started("of-its-end"), broken])
    save_newest(config_of(tmp_path), tmp_path / "report.html", 0)
    assert "The report of coil whole" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["run", "coil report"])
def test_the_help_says_which_coil_is_reported(words: str) -> None:
    command: Any = get_command(app)
    for word in words.split():
        command = command.commands[word]
    told = " ".join(parameter.help or "" for parameter in command.params)
    assert re.search("newest (coil )?that finished, else (of )?(the|its) newest interrupted", told)


def test_a_daemon_that_goes_away_leaves_it_told_which_grades_it_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config_of(tmp_path)

    def grade(request: Request) -> dict[str, JsonValue]:
        if request.arguments["grade"] == "C":
            raise ConfigError("there is no grade C")
        if request.arguments["grade"] == "last":
            (settings.run_path / SOCKET_NAME).unlink()
        return {}

    server = ControlServer(settings.run_path, {"grade": grade})
    server.start()
    asked = {"one": "A", "two": "C", "three": "last", "four": "A", "five": "A"}
    told = "2 of 5 grades may not be recorded, that of four first: no daemon answers at"
    try:
        with pytest.raises(ReceiverError, match=told):
            _record(settings, {coil: {"grade": grade} for coil, grade in asked.items()})
    finally:
        server.stop()
    said = capsys.readouterr().err.splitlines()
    assert said == ["one: recorded as A", "two: there is no grade C", "three: recorded as last"]


def test_a_grade_that_was_refused_is_not_called_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config_of(tmp_path)

    def grade(request: Request) -> dict[str, JsonValue]:
        if error := request.arguments["error"]:
            raise ConfigError(error)
        return {}

    server = ControlServer(settings.run_path, {"grade": grade})
    server.start()
    errors = {"one": "", "two": "unknown grade", "three": "needs a comment", "four": ""}
    try:
        refused = _record(settings, {c: {"grade": "A", "error": e} for c, e in errors.items()})
        slow = {"one": "needs a comment", "two": f"{NOT_KNOWN}: the disk is slow"}
        unknown = _record(settings, {c: {"grade": "A", "error": e} for c, e in slow.items()})
    finally:
        server.stop()
    assert refused == "2 of 4 grades were not recorded"
    assert unknown == "1 of 2 grades were not recorded; 1 of 2 grades are not known to be recorded"
    assert "two: unknown grade" in capsys.readouterr().err


def test_an_inspectors_grade_goes_to_the_part_that_was_chosen_and_the_others_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart cut the coil: its rest was told under an id of ours, and then named like it."""
    settings = config_of(tmp_path)
    record(tmp_path, [coil_started("A"), coil_report("A")])
    rest = [coil_started("unnamed~1"), coil_report("unnamed~1"), corrected("unnamed~1", "A")]
    record(tmp_path, rest)
    monkeypatch.setattr(edge.coil_desk, "load_config", lambda _: settings)
    asked: list[dict[str, str]] = []

    def take(request: Request) -> dict[str, JsonValue]:
        asked.append(request.arguments)
        return {}

    server = ControlServer(settings.run_path, {"grade": take})
    server.start()
    try:
        for from_seq in (None, 1):
            grade(["A"], tmp_path, by_hand="second", comment="seen", from_seq=from_seq)
    finally:
        server.stop()
    assert [(a["subject"], a["from_seq"]) for a in asked] == [("unnamed~1", "3"), ("A", "1")]
    assert len({a["digest"] for a in asked}) == 2
    others = "A was inspected more than once; the others: --from-seq 1"
    assert capsys.readouterr().err.splitlines() == [others] + ["A: recorded as second"] * 2
    write_report(settings, "A", Form.json)
    assert capsys.readouterr().err.splitlines() == [others]
    with pytest.raises(ConfigError, match="--from-seq is of one coil"):
        grade(["A", "unnamed~1"], tmp_path, by_hand="second", comment="seen", from_seq=1)
