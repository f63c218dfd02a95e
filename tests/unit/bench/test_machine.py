from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.machine import Busy, parse_busy, refusal, stolen_share

STAT = "cpu  100 20 30 800 5 1 4 40 7 3\ncpu0 50 10 15 400 2 0 2 20 3 1\nintr 5\n"
IDLE = (0.1, 0.2, 0.3)


def test_all_ticks_and_the_stolen_ones_but_guests_not_twice() -> None:
    assert parse_busy(IDLE, STAT) == Busy(IDLE, 1000, 40)


def test_share_of_the_time_that_was_stolen() -> None:
    assert stolen_share(Busy(IDLE, 1000, 40), Busy(IDLE, 1200, 50)) == pytest.approx(0.05)
    assert stolen_share(Busy(IDLE, 1000, 40), Busy(IDLE, 1000, 40)) == 0.0


def test_only_the_last_minute_decides_whether_the_machine_is_idle() -> None:
    assert refusal(Busy((0.3, 5.0, 5.0), 0, 0)) is None
    assert "0.31" in (refusal(Busy((0.31, 0.0, 0.0), 0, 0)) or "")


def test_a_busy_machine_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "busy", lambda: Busy((2.0, 0.0, 0.0), 0, 0))

    assert bench.main(["--out", str(tmp_path / "out")]) == 2
    assert "--anyway" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
