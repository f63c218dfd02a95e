"""Tables from raw figures."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench.contract_rows import Row, rows
from tests.bench.memory import risen
from tests.bench.report import BUSY_NOTE, CAP_NOTE, QUICK_NOTE, markdown, published
from tests.bench.result import (
    DENSITY,
    Camera,
    Conditions,
    Cost,
    Isa,
    Latency,
    Ratio,
    Result,
    Scenario,
    read_result,
)
from tests.bench.step import Step, run_steps


def result(*, quick: bool = False, anyway: bool = False) -> Result:
    conditions = Conditions(
        machine="A processor, 2 cores", versions={"openvino": "1"},
        begun=datetime(2026, 11, 27, tzinfo=UTC), quick=quick, anyway=anyway,
        load_before=(0.1, 0.1, 0.1),
    )  # fmt: skip
    return Result(conditions=conditions)


def ratio(daemon: float, number: int = 1, isa: Isa = "all", input_px: int = 128) -> Ratio:
    loops = {"loop_fp32": 80.0, "loop_int8": 250.0} if isa == "all" else {}
    return Ratio(
        shape="a shape", tiles_per_frame=256, frame_m=0.5, input_px=input_px, wide_stem=False,
        isa=isa, round=1, turn=number, bare=1000, offered=1250, daemon=daemon, **loops,
    )  # fmt: skip


def camera(committed_s: float, late: int = 0, lost: int = 0, scenario: Scenario = "a") -> Camera:
    latency = Latency.of([0.002])
    return Camera(
        scenario=scenario, isa="all", round=1, frame_bytes=4 << 20, tiles_per_frame=64, seconds=100,
        offered_per_s=27.4, inspected_per_s=27.4, frames=3000,
        lost={"buffer_overflow": lost} if lost else {}, cells={"on_time": 100, "late": late},
        events=9, gaps=0, batch=0.021, committed=Latency.of([committed_s]), acknowledged=latency,
        outside=latency, stages={"classify": latency, "frame": latency},
    )  # fmt: skip


def by_name(result: Result) -> dict[str, Row]:
    return {row.what: row for row in rows(result)}


def test_the_median_round_is_held_against_the_designs_target() -> None:
    found = result()
    found.ratios = [ratio(daemon, n) for n, daemon in enumerate([900.0, 949.0, 990.0], 1)]

    table = by_name(found)

    assert table["daemon / bare engine, a shape"].measured == "0.95 (0.90 to 0.99)"
    assert table["daemon / bare engine, a shape"].verdict == "missed"
    assert table["daemon / loop fp32, a shape"].verdict == "met"
    assert table["daemon / loop fp32, a shape"].target == ">= 10.00"


@pytest.mark.parametrize(("input_px", "verdict"), [(64, "met"), (128, "missed")])
def test_a_small_network_has_the_lower_target(input_px: int, verdict: str) -> None:
    found = result()
    found.ratios = [ratio(920.0, input_px=input_px)]

    assert by_name(found)["daemon / bare engine, a shape"].verdict == verdict


def test_a_capped_daemon_meets_only_the_capped_engine() -> None:
    found = result()
    found.ratios = [ratio(960.0, isa="AVX2")]

    assert list(by_name(found)) == ["daemon / bare engine, a shape, capped at AVX2"]
    assert CAP_NOTE in markdown(found)
    assert "1.88 / 1.88 / 1.88" in markdown(found), "960 of 256 tiles a frame of 0.5 m"


def test_one_late_cell_or_lost_frame_misses_the_camera_row() -> None:
    verdicts = []
    for late, lost in ((0, 0), (1, 0), (0, 1)):
        found = result()
        found.camera = [camera(0.03, late, lost)]
        verdicts.append(by_name(found)["115 MB/s, 64 tiles a frame (a)"].verdict)

    assert verdicts == ["met", "missed", "missed"]


def test_the_scenario_with_the_screen_has_rows_and_words_of_its_own() -> None:
    found = result()
    found.camera = [camera(0.03), camera(0.04, late=7, scenario="b")]

    table = by_name(found)
    assert table["115 MB/s, 64 tiles a frame (b), with the screen"].verdict == "missed"
    assert table["115 MB/s, 64 tiles a frame (a)"].verdict == "met"
    assert "(a) A full GigE camera" in markdown(found)
    assert "a tenth past the screen" in markdown(found)


def test_a_commit_may_take_fifteen_milliseconds_beyond_the_network() -> None:
    for committed_s, verdict in ((0.0359, "met"), (0.0361, "missed")):
        found = result()
        found.camera = [camera(committed_s)]
        row = by_name(found)["grabbed -> committed, p99 (a)"]
        assert (row.target, row.verdict) == ("<= 21.0 + 15 ms", verdict)


@pytest.mark.parametrize(
    ("mb_per_h", "noise_mb", "verdict"),
    [(0.1, 0.05, "met"), (3.0, 0.05, "missed"), (1.0, 2.0, "open")],
)
def test_memory_is_judged_by_its_interval(mb_per_h: float, noise_mb: float, verdict: str) -> None:
    series = [
        (second / 60, 200 + mb_per_h * second / 3600 + noise_mb * (-1) ** (second // 60))
        for second in range(3600)
    ]
    found = result()
    found.memory = [risen("inspect", series)]

    assert found.memory[0].slope_mb_per_h == pytest.approx(mb_per_h, abs=1.5)
    assert found.memory[0].discarded_minutes == pytest.approx(600 / 60, abs=0.01)
    assert [row.verdict for row in rows(found)] == [verdict]


def test_the_first_minutes_of_memory_do_not_count() -> None:
    series = [(second / 60, 300.0 if second > 590 else second / 2) for second in range(3600)]

    assert risen("inspect", series).slope_mb_per_h == pytest.approx(0.0, abs=1e-9)


def test_a_quick_run_and_a_busy_machine_are_said() -> None:
    assert QUICK_NOTE in markdown(result(quick=True))
    assert BUSY_NOTE in markdown(result(anyway=True))
    assert QUICK_NOTE not in markdown(result())
    assert BUSY_NOTE not in markdown(result())


def test_tables_of_growth_and_latency() -> None:
    found = result()
    found.growth = [Cost(series=DENSITY, value=v, figures={"outside ms": 2 * v}) for v in (0, 1024)]
    found.camera = [camera(0.030)]
    text = markdown(found)

    assert "| 1024 | 2048 |" in text
    assert "| outside the network | 2.00 | 2.00 | 2.00 |" in text
    assert "| all | 3000 | 27.4 | 0 | 0 | 9 | 0 | 30.0 |" in text


def test_a_finished_step_is_on_disk_before_the_next_one_is_interrupted(tmp_path: Path) -> None:
    def measure(found: Result) -> str:
        found.ratios.append(ratio(900.0))
        return "done"

    def interrupt(_: Result) -> str:
        raise KeyboardInterrupt

    said: list[str] = []
    times = iter([0.0, 20.0])
    steps = [Step("one", 10, measure), Step("two", 60, interrupt)]
    with pytest.raises(KeyboardInterrupt):
        run_steps(steps, result(), tmp_path, said.append, lambda: next(times))

    assert len(read_result(tmp_path).ratios) == 1
    assert said[0].endswith("one  (1:10 left)")
    assert said[2].endswith("two  (2:00 left)")  # the first took twice what was planned


def test_published_runs_with_their_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    (folder / "xeon").mkdir(parents=True)
    result().write(folder / "xeon")
    (folder / "xeon" / "growth.png").touch()

    text = published(folder)

    assert "### xeon" in text
    assert text.endswith("\n![growth](bench/xeon/growth.png)\n")
    assert not published(tmp_path / "none")
