"""Rows are kept, whatever happened to the file before."""

import json
from pathlib import Path

from runtime.scores import TITLES
from training.corruptions import CLEAN
from training.pooled import Estimate, Result
from training.study_plots import names_of
from training.study_report import devices_of, seeds_of
from training.study_table import COLUMNS, keep_rows, read_alarms, read_rows
from training.study_text import alarm_table, figure_table


def report(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    figures = {name: {"value": 0.5} for name in TITLES}
    (folder / "metrics.json").write_text(json.dumps({"figures": figures, "images": 3, "groups": 2}))
    (folder / "predictions.csv").write_text("file,group,truth,predicted,a,b\n")
    return folder


def test_a_row_that_was_cut_off_is_passed_over_and_the_next_one_kept(tmp_path: Path) -> None:
    common = dict.fromkeys(COLUMNS, "0") | {"variant": "plain"}
    keep_rows(tmp_path, common, {CLEAN: report(tmp_path / "r")})
    table = tmp_path / "study.csv"
    whole = table.read_text()
    table.write_text(whole + "small,kd,student,0,0,cl")
    assert [row["variant"] for row in read_rows(table)] == ["plain"]
    keep_rows(tmp_path, common | {"variant": "kd"}, {CLEAN: tmp_path / "r"})
    rows = read_rows(table)
    assert [(row["variant"], row["condition"]) for row in rows] == [
        ("plain", "clean"),
        ("kd", "clean"),
    ]
    keep_rows(tmp_path, common, {CLEAN: tmp_path / "r"})
    assert read_rows(table) == rows


def test_what_the_line_would_report_is_counted_beside_the_rows(tmp_path: Path) -> None:
    common = dict.fromkeys(COLUMNS, "0") | {"variant": "plain"}
    folder = report(tmp_path / "r")
    judged = json.loads((folder / "metrics.json").read_text())
    alarms = {"clean": 40, "false_alarms": 3, "defective": 50, "reported": 48}
    (folder / "metrics.json").write_text(json.dumps(judged | {"alarms": alarms}))
    for fold in ("0", "0", "1"):
        keep_rows(tmp_path, common | {"fold": fold}, {CLEAN: folder})
    rows = read_alarms(tmp_path, read_rows(tmp_path / "study.csv"))
    assert [row["fold"] for row in rows] == ["0", "1"]
    assert alarm_table(rows).splitlines()[-1] == "| plain | 75.0 (6 of 80) | 96.00 % (96 of 100) |"
    (tmp_path / "study.csv").unlink()
    (folder / "metrics.json").write_text(json.dumps(judged | {"alarms": {**alarms, "clean": 4}}))
    keep_rows(tmp_path, common, {CLEAN: folder})
    (again,) = read_alarms(tmp_path, read_rows(tmp_path / "study.csv"))
    assert again["clean"] == "4", "trained again"


def test_runs_that_are_no_whole_table_are_counted() -> None:
    estimate = Estimate(0.5, 0.4, 0.6)
    figures = dict.fromkeys(TITLES, estimate)
    runs = {"whole": ((0, 0), (0, 1), (1, 0), (1, 1)), "part": ((0, 0), (0, 1), (1, 0))}
    results = [Result(name, own, 9, 9, figures, {}, None) for name, own in runs.items()]
    whole, part = figure_table(results).splitlines()[2:]
    assert whole.startswith("| whole | 2 x 2 | 9 |")
    assert part.startswith("| part | 3 runs | 9 |")


def test_several_devices_are_told_by_fold_where_folds_tell_them_apart() -> None:
    def rows(**devices: str) -> list[dict[str, str]]:
        return [
            {"device": device}
            | dict(zip(("variant", "fold", "seed"), f"{name}_0".split("_")[:3], strict=True))
            for name, device in devices.items()
        ]

    assert devices_of(rows(ce_0="CPU", kd_0="CPU")) == "CPU"
    by_fold = rows(ce_0="CPU, bf16", kd_0="CPU, bf16", ce_1="CPU, float32", kd_1="CPU, float32")
    assert devices_of(by_fold) == "CPU, bf16 (fold 0); CPU, float32 (fold 1)"
    assert devices_of(rows(ce_0="CPU", kd_0="GPU")) == "CPU (ce); GPU (kd)"
    mixed = rows(ce_0="CPU", ce_1="GPU", kd_0="CPU", kd_1="CPU")
    assert devices_of(mixed) == "CPU (ce 0, kd); GPU (ce 1)"
    seeds = rows(ce_0="CPU", kd_0="GPU", ce_0_1="GPU", kd_0_1="GPU", ce_0_2="GPU")
    assert devices_of(seeds) == "seed 0: CPU (ce); GPU (kd); seed 1, 2: GPU"


def test_the_report_says_how_many_seeds_there_are() -> None:
    def rows(**seeds: str) -> list[dict[str, str]]:
        return [{"variant": name, "seed": seed} for name, own in seeds.items() for seed in own]

    assert seeds_of(rows(ce="0", kd="0")).startswith("Each variant was trained\nonce per fold")
    assert "with 2 seeds" in seeds_of(rows(ce="01", kd="12"))
    assert "with 1 to 3 seeds" in seeds_of(rows(ce="012", kd="0", few="01"))


def test_a_row_of_fewer_folds_is_told_in_the_plots() -> None:
    runs = {"whole": ((0, 0), (1, 0)), "part": ((1, 0), (1, 1))}
    results = [Result(name, own, 9, 9, {}, {}, None) for name, own in runs.items()]
    assert names_of(results, results) == {"whole": True, "part (1 of 2 folds)": False}
    assert names_of(results[1:], results) == {"part (1 of 2 folds)": False}
