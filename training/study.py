"""A table of variants over folds and seeds: each run trained once, its figures in one tidy CSV.

    OUT/runs/<variant>/fold<k>-seed<s>/   the run
    OUT/study.yaml                        what was asked for
    OUT/settings/<variant>.yaml           every setting behind its rows
    OUT/study.csv                         one row per finished run and condition, appended
    OUT/predictions/<...>.csv             the row's predictions, file by file

The same command goes on where it was broken off: a run is made again only if it is not finished.
Processes share OUT: each takes the first run that no other one makes, and waits only where all that
is left is being made. Under torchrun, too, each process trains runs of its own.
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
from training.config import Settings
from training.corruptions import CLEAN
from training.curves import CURVES, read_curves
from training.fit import StoppedError, train
from training.job import PLAN, HeldError, Job, held, make_folder, take_up, wait_for
from training.robustness import judge_corrupted
from training.run import RUN, Run, open_run
from training.study_check import check_study
from training.study_plan import DIGITS, RUNS, Cell, Plan
from training.study_settings import keep_settings
from training.study_table import TABLE, Row, keep_rows, key, read_rows
from training.trainer import lightning_precision

STUDY = "study.yaml"
CORRUPTED = "corrupted"


class _FailedError(ConfigError):
    """One training failed; the study goes on with the others."""


def run_study(plan: Plan) -> None:
    """Train whatever is not finished, and keep its row; what lacks its migrated images waits.

    Raises:
        ConfigError: a setting of any variant is wrong (before the first training), or a run that
            lies there already was made with other settings; or some runs failed, and the others
            were made.
        StoppedError: broken off; the same command goes on.
    """
    cells = list(plan.cells())
    rows = read_rows(plan.out / TABLE)
    check_study(plan, cells, rows)
    missing = missing_runs(plan, cells, rows)
    waiting = [cell for cell in missing if _lacks(plan, cell)]
    missing = [cell for cell in missing if cell not in waiting]
    make_folder(plan.out)
    if plan.file.resolve() != (plan.out / STUDY).resolve():
        shutil.copyfile(plan.file, plan.out / STUDY)
    plan.say(f"study {plan.study.name}: {len(cells)} runs, {len(missing)} of them to do")
    try:
        failed = _make_all(plan, missing)
    except (StoppedError, KeyboardInterrupt) as stopped:
        raise StoppedError("stopped; the same command goes on") from stopped
    for cell in waiting:
        plan.say(
            f"\n{cell.folder} waits for migrated images in {_lacks(plan, cell)[0]}: make them by"
            " `stripsight-train migrate --out` with the --split of a run of this fold, then give"
            " this command again"
        )
    if failed:
        raise ConfigError(
            f"{', '.join(cell.folder for cell in failed)} in {plan.out / RUNS}: failed, the reasons"
            " stand above; all others went on. To train one again remove its folder"
        )
    plan.say(f"\n{plan.out / TABLE}; tables and plots: stripsight-train report {plan.out}")


def missing_runs(plan: Plan, cells: Sequence[Cell], rows: Sequence[Row]) -> list[Cell]:
    """Those without all their rows, and their teachers (and theirs) whose runs are gone."""
    known = {key(row) for row in rows}
    todo = {cell for cell in cells if not plan.wanted_rows(cell) <= known}
    for cell in reversed(cells):  # a teacher stands above its student
        teacher = plan.teacher(cell)
        if cell in todo and teacher and not (_is_trained(plan, cell) or _is_trained(plan, teacher)):
            todo.add(teacher)
    return [cell for cell in cells if cell in todo]


def _is_trained(plan: Plan, cell: Cell) -> bool:
    return (plan.run_path(cell) / RUN).exists()


def _lacks(plan: Plan, cell: Cell) -> list[Path]:
    """Folders of migrated images that a training needs, or its teacher, and that are not there."""
    if _is_trained(plan, cell):
        return []
    teacher = plan.teacher(cell)
    lacking = _lacks(plan, teacher) if teacher else []
    return lacking + [folder for folder in plan.migrated(cell) if not folder.is_dir()]


def _make_all(plan: Plan, missing: Sequence[Cell]) -> list[Cell]:
    """Make the runs, but for those that other processes make meanwhile; ends when all are made.
    Returns those that failed, with the students of teachers that did.
    """
    left, failed, begun_s = list(missing), list[Cell](), time.monotonic()
    while left:
        before = len(left)
        for cell in tuple(left):
            made = len(missing) - len(left)
            left_s = (time.monotonic() - begun_s) / max(made, 1) * len(left)
            when = f", about {timedelta(seconds=round(left_s))} left" if made else ""
            title = f"\n[{made + 1}/{len(missing)}] {cell.folder}{when}"
            if _is_over(plan, cell, title, failed):
                left.remove(cell)
        if len(left) == before:
            plan.say(f"\n{left[0].folder} is being trained by another command; waiting for it")
            wait_for(plan.run_path(left[0]))
    return failed


def _is_over(plan: Plan, cell: Cell, title: str, failed: list[Cell]) -> bool:
    """Make one cell; also over are those whose training fails, or their teacher's did."""
    try:
        if plan.teacher(cell) not in failed or _is_trained(plan, cell):
            return _make(plan, cell, title)
        reason = "its teacher did"
    except _FailedError as error:
        reason = str(error)
    plan.say(f"{cell.folder} failed: {reason}")
    failed.append(cell)
    return True


def _make(plan: Plan, cell: Cell, title: str) -> bool:
    """Train one cell and keep its rows; False while another process does so, or its teacher's."""
    path, teacher = plan.run_path(cell), plan.teacher(cell)
    if teacher and not (_is_trained(plan, cell) or _is_trained(plan, teacher)):
        return False
    path.mkdir(parents=True, exist_ok=True)
    try:
        with held(path):
            if not _is_trained(plan, cell):
                plan.say(title)
                try:
                    _train(plan, cell)
                except ConfigError as error:
                    raise _FailedError(str(error)) from error
            if not plan.wanted_rows(cell) <= {key(row) for row in read_rows(plan.out / TABLE)}:
                _keep(plan, cell)
    except HeldError:
        return False
    return True


def _train(plan: Plan, cell: Cell) -> None:
    """Train one cell, or go on with it."""
    path, teacher = plan.run_path(cell), plan.teacher_path(cell)
    variant = plan.study.variants[cell.variant]
    if (path / PLAN).exists():  # its plan names folders where they lay then
        begun, resumed = take_up(variant.role, path, plan.data, plan.say)
        train(replace(begun, teacher=teacher, extra=plan.migrated(cell)), resumed)
        return
    settings = plan.settings(cell)
    split = teacher / "split.csv" if teacher else None
    job = Job(
        variant.role, plan.data, path, settings, plan.command_line, plan.git_revision, plan.say,
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
    if settings.accelerator != "cpu" and torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {precision}"
    count = settings.threads or torch.get_num_threads()
    threads = f"{count} thread{'s' if count > 1 else ''}"
    return f"{platform.machine()} CPU, {threads}, {precision}"
