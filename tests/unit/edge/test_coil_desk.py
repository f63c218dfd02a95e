from pathlib import Path

import pytest
from pydantic import JsonValue

from edge.coil_desk import _record, last_seq, save_newest
from edge.control import SOCKET_NAME, ControlServer, Request
from edge.errors import ConfigError, ReceiverError
from tests.unit.edge.console.strip_events import coil_report, coil_started
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
