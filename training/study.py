"""A table of variants over folds and seeds: each run trained once, its figures in one tidy CSV.

    OUT/runs/<variant>/fold<k>-seed<s>/   the run
    OUT/study.yaml                        what was asked for
    OUT/settings/<variant>.yaml           every setting behind its rows
    OUT/study.csv                         one row per finished run and condition, appended
    OUT/predictions/<...>.csv             the row's predictions, file by file

The same command goes on where it was broken off: a run is made again only if it is not finished.
Processes that run different folds, or variants with other teachers, may share OUT; two that would
train the same run do not both.
"""

import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import torch

from contract.errors import ConfigError
from training.config import Settings, load_settings
from training.corruptions import CLEAN
from training.curves import CURVES, read_curves
from training.fit import StoppedError, train
from training.folder import read_groups, scan
from training.job import PLAN, Job, read_plan, take_up
from training.pooled import read_predictions
from training.provenance import git_revision
from training.robustness import judge_corrupted
from training.run import CONFIG, RUN, Run, open_run
from training.study_plan import DIGITS, RUNS, Cell, Plan
from training.study_settings import SETTINGS, check_settings, keep_settings
from training.study_table import TABLE, Row, keep_rows, key, read_rows
from training.trainer import lightning_precision

STUDY = "study.yaml"
CORRUPTED = "corrupted"


def run_study(plan: Plan) -> None:
    """Train whatever is not finished, and keep its row; what lacks its migrated images waits.

    Raises:
        ConfigError: a setting of any variant is wrong (before the first training), or a run that
            lies there already was made with other settings.
        StoppedError: broken off; the same command goes on.
    """
    cells = list(plan.cells())
    rows = read_rows(plan.out / TABLE)
    _check_rows(plan, cells, rows)
    for cell in cells:
        _check(plan, cell)
    for name in dict.fromkeys(cell.variant for cell in cells):
        check_settings(plan.out, name, plan.settings_of(name))
    missing = _missing(plan, cells, rows)
    waiting = [cell for cell in missing if _lacks(plan, cell)]
    missing = [cell for cell in missing if cell not in waiting]
    plan.out.mkdir(parents=True, exist_ok=True)
    if plan.file.resolve() != (plan.out / STUDY).resolve():
        shutil.copyfile(plan.file, plan.out / STUDY)
    plan.say(f"study {plan.study.name}: {len(cells)} runs, {len(missing)} of them to do")
    begun, spent_s = time.monotonic(), 0.0
    for number, cell in enumerate(missing):
        left = timedelta(seconds=round(spent_s / max(number, 1) * (len(missing) - number)))
        when = f", about {left} left" if number else ""
        plan.say(f"\n[{number + 1}/{len(missing)}] {cell.folder}{when}")
        try:
            _train(plan, cell)
        except StoppedError as stopped:
            raise StoppedError("stopped; the same command goes on") from stopped
        _keep(plan, cell)
        spent_s = time.monotonic() - begun
    for cell in waiting:
        plan.say(
            f"\n{cell.folder} waits for migrated images in {_lacks(plan, cell)[0]}: make them by"
            " `stripsight-train migrate --out` with the --split of a run of this fold, then give"
            " this command again"
        )
    plan.say(f"\n{plan.out / TABLE}; tables and plots: stripsight-train report {plan.out}")


def _check_rows(plan: Plan, cells: Sequence[Cell], rows: Sequence[Row]) -> None:
    """Refuse to go on with rows of another question or of other images."""
    folder = scan(plan.data)
    data_digest = folder.digest()[:DIGITS] if rows else ""
    groups = dict(zip(folder.files, read_groups(folder) or (), strict=False))
    asked = {(c.variant, str(c.fold), str(c.seed)): plan.variant_digest(c) for c in cells}
    for row in rows:
        place = row["variant"], row["fold"], row["seed"]
        if place not in asked:
            continue
        what = ""
        if groups and _groups(plan.out, row).items() - groups.items():
            what = "groups"
        if row["variant_digest"] != asked[place]:
            what = "settings"
        if row["data_digest"] != data_digest:
            what = "images"
        if what:
            raise ConfigError(
                f"{plan.out / TABLE}: {row['variant']}, fold {row['fold']} has a row of other"
                f" {what} than this study has now; give --out a new folder, or remove the rows of"
                f" {row['variant']} and of its bundles, {plan.out / SETTINGS}/{row['variant']}.yaml"
                f" and {plan.out / RUNS / row['variant']} to train it again"
            )


def _groups(out: Path, row: Row) -> dict[str, str]:
    """Of the images that a row judged."""
    return {found.file: found.group for found in read_predictions(out / row["predictions"])[1]}


def _missing(plan: Plan, cells: Sequence[Cell], rows: Sequence[Row]) -> list[Cell]:
    """Those without all their rows, and their teachers where only the rows are left of them."""
    known = {key(row) for row in rows}
    rowless = {cell for cell in cells if not plan.wanted_rows(cell) <= known}
    needed = {teacher for cell in rowless if (teacher := plan.teacher(cell))}
    gone = {teacher for teacher in needed if not (plan.run_path(teacher) / RUN).exists()}
    return [cell for cell in cells if cell in rowless | gone]


def _lacks(plan: Plan, cell: Cell) -> list[Path]:
    """Folders of migrated images that a training needs, or its teacher, and that are not there."""
    if (plan.run_path(cell) / RUN).exists():
        return []
    teacher = plan.teacher(cell)
    lacking = _lacks(plan, teacher) if teacher else []
    return lacking + [folder for folder in plan.migrated(cell) if not folder.is_dir()]


def _check(plan: Plan, cell: Cell) -> None:
    path, wanted, teacher = plan.run_path(cell), plan.settings(cell), plan.teacher_path(cell)
    if not (path / PLAN).is_file():
        return
    begun = read_plan(path)
    same_teacher = _places(begun.teacher) == _places(teacher)
    same_role = begun.role == plan.study.variants[cell.variant].role
    same_extra = [*map(_places, begun.extra)] == [*map(_places, plan.migrated(cell))]
    same_source = same_role and same_teacher and same_extra
    if not (same_source and load_settings(path / CONFIG) == wanted):
        raise ConfigError(
            f"{path}: was made with another role, teacher, extra or settings than {cell.variant}"
            " has now; give the variant another name, or remove the folder and its rows"
        )


def _places(path: str | Path | None) -> tuple[str, ...]:
    """What identifies a folder below the study's, which may have been moved."""
    return Path(path).parts[-2:] if path else ()


def _train(plan: Plan, cell: Cell) -> None:
    """Train one cell, or go on with it."""
    path = plan.run_path(cell)
    if (path / RUN).exists():
        return
    variant, teacher = plan.study.variants[cell.variant], plan.teacher_path(cell)
    if (path / PLAN).exists():  # its plan names folders where they lay then
        begun, resumed = take_up(variant.role, path, plan.data, plan.say)
        train(replace(begun, teacher=teacher, extra=plan.migrated(cell)), resumed)
    else:
        path.mkdir(parents=True, exist_ok=True)
        settings = plan.settings(cell)
        split = teacher / "split.csv" if teacher else None
        job = Job(
            variant.role, plan.data, path, settings, plan.command_line, git_revision(), plan.say,
            split, None, teacher, plan.migrated(cell),
        )  # fmt: skip
        train(job)


def _keep(plan: Plan, cell: Cell) -> None:
    """Judge a finished run under its conditions, and append its rows."""
    run = open_run(plan.run_path(cell))
    conditions = plan.conditions(cell)
    reports = {CLEAN: run.path}
    if len(conditions) > 1:
        corrupted = run.path / CORRUPTED
        shutil.rmtree(corrupted, ignore_errors=True)
        judge_corrupted(run, plan.data, corrupted, conditions)
        reports |= {condition: corrupted / condition.name for condition in conditions[1:]}
    keep_settings(plan.out, cell.variant, plan.settings_of(cell.variant))
    keep_rows(plan.out, _common(plan, cell, run), reports)


def _common(plan: Plan, cell: Cell, run: Run) -> dict[str, str]:
    settings, record = plan.settings(cell), run.record
    optimise = settings.teacher.optimise if record.role == "teacher" else settings.student.optimise
    return {
        "study": plan.study.name, "variant": cell.variant, "role": record.role,
        "fold": str(cell.fold), "seed": str(cell.seed),
        "input_px": str(run.input_px), "epochs": str(optimise.epochs),
        "best_epoch": str(record.best_epoch), "minutes": f"{_minutes(run):.1f}",
        "device": _device(settings), "git_revision": record.git_revision or "",
        "data_digest": record.data_digest[:DIGITS],
        "variant_digest": plan.variant_digest(cell),
    }  # fmt: skip


def _minutes(run: Run) -> float:
    """Of all epochs, also of a training that was broken off in between."""
    rows = read_curves(run.path / CURVES)  # epochs of an earlier version did not say
    return sum(float(row.get("seconds") or 0) for row in rows) / 60


def _device(settings: Settings) -> str:
    precision = lightning_precision(settings)
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {precision}"
    count = settings.threads or torch.get_num_threads()
    threads = f"{count} thread{'s' if count > 1 else ''}"
    return f"{platform.machine()} CPU, {threads}, {precision}"
