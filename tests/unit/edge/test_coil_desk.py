from pathlib import Path

import pytest

from edge.coil_desk import last_seq, save_newest
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
