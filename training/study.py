"""A table of variants over folds and seeds: each run trained once, its figures in one tidy CSV.

    OUT/runs/<variant>/fold<k>-seed<s>/   the run, without checkpoints once it is finished
    OUT/study.yaml                        what was asked for
    OUT/study.csv                         one row per finished run and condition, appended
    OUT/predictions/<...>.csv             the row's predictions, file by file

The same command goes on where it was broken off: a run is made again only if it is not finished.
"""

import csv
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract.errors import ConfigError
from contract.settings_file import read_settings
from training.config import Settings, load_settings, settings_from
from training.fit import train
from training.job import CHECKPOINTS, PLAN, Job, Role, read_plan, take_up
from training.provenance import git_revision
from training.report import JSON, PREDICTIONS
from training.run import CONFIG, RUN, open_run

TABLE, STUDY = "study.csv", "study.yaml"
RUNS = "runs"
EXAMPLE = "deploy/training/study-xsdd.yaml is an example"
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_+-]{0,40}$")]
FIGURES = ("accuracy", "macro_f1", "gmean", "ece")
COLUMNS = (
    "study", "variant", "role", "fold", "seed", "condition", "images", "groups", *FIGURES,
    "input_px", "epochs", "best_epoch", "minutes", "device", "git_revision", "data_digest",
    "finished", "predictions",
)  # fmt: skip


class Variant(BaseModel):
    """One row of the study: what differs from the study's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    teacher: Name | None = None
    """The variant whose run of the same fold and seed is distilled."""
    settings: dict[str, object] = {}
    folds: tuple[int, ...] | None = None
    """Only these folds; None: all of the study's."""


class Study(BaseModel):
    """The study's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    folds: Annotated[int, Field(ge=2, le=100)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    baseline: Name
    """The variant that the others are compared with."""
    settings: dict[str, object] = {}
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.baseline not in self.variants:
            raise ValueError(f"baseline {self.baseline!r} is no variant")
        seen: set[str] = set()
        for name, variant in self.variants.items():
            if variant.teacher is not None and variant.teacher not in seen:
                raise ValueError(f"{name}: teacher {variant.teacher!r} must be a variant above it")
            for fold in variant.folds or ():
                if not 0 <= fold < self.folds:
                    raise ValueError(f"{name}: fold {fold} does not exist: folds count from 0")
            seen.add(name)
        return self


class Cell(NamedTuple):
    """One training of the study."""

    variant: str
    fold: int
    seed: int

    @property
    def folder(self) -> str:
        """Where its run lies below `OUT/runs`."""
        return f"{self.variant}/fold{self.fold}-seed{self.seed}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A study to be run; `file` is what `study` was read from."""

    file: Path
    study: Study
    data: Path
    out: Path
    command_line: tuple[str, ...]
    say: Callable[[str], None]

    def cells(self) -> Iterator[Cell]:
        """Fold by fold, so that a study broken off has whole comparisons."""
        for seed in self.study.seeds:
            for fold in range(self.study.folds):
                for name, variant in self.study.variants.items():
                    if variant.folds is None or fold in variant.folds:
                        yield Cell(name, fold, seed)

    def run_path(self, cell: Cell) -> Path:
        """The run of one training."""
        return self.out / RUNS / cell.folder

    def teacher_path(self, cell: Cell) -> Path | None:
        """The run that this one is distilled from."""
        teacher = self.study.variants[cell.variant].teacher
        return self.run_path(cell._replace(variant=teacher)) if teacher else None

    def settings(self, cell: Cell) -> Settings:
        """Defaults, then the study's settings, then the variant's, then fold and seed."""
        own = self.study.variants[cell.variant].settings
        place = {"seed": cell.seed, "data": {"folds": self.study.folds, "fold": cell.fold}}
        return settings_from([self.study.settings, own, place], f"variant {cell.variant}")


def read_study(path: Path) -> Study:
    """Read a study's file.

    Raises:
        ConfigError: what is wrong with it, by name.
    """
    try:
        return Study.model_validate(read_settings(path, EXAMPLE))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where + ': ' if where else ''}{first['msg']}") from error


def run_study(plan: Plan) -> None:
    """Train whatever is not finished, and keep its row.

    Raises:
        ConfigError: a setting of any variant is wrong (before the first training), or a run that
            lies there already was made with other settings.
        StoppedError: broken off; the same command goes on.
    """
    cells = list(plan.cells())
    for cell in cells:
        _check(plan, cell)
    known = {(r["variant"], r["fold"], r["seed"]) for r in read_rows(plan.out / TABLE)}
    missing = [c for c in cells if (c.variant, str(c.fold), str(c.seed)) not in known]
    plan.out.mkdir(parents=True, exist_ok=True)
    if plan.file.resolve() != (plan.out / STUDY).resolve():
        shutil.copyfile(plan.file, plan.out / STUDY)
    plan.say(f"study {plan.study.name}: {len(cells)} runs, {len(missing)} of them to do")
    begun, spent_s = time.monotonic(), 0.0
    for number, cell in enumerate(missing):
        left = timedelta(seconds=round(spent_s / max(number, 1) * (len(missing) - number)))
        when = f", about {left} left" if number else ""
        plan.say(f"\n[{number + 1}/{len(missing)}] {cell.folder}{when}")
        minutes = _train(plan, cell) / 60
        _keep(plan, cell, minutes)
        spent_s = time.monotonic() - begun
    plan.say(f"\n{plan.out / TABLE}; tables and plots: stripsight-train report {plan.out}")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a study's CSV; none where there is no file yet.

    Raises:
        ConfigError: other columns.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ConfigError(f"{path}: has other columns than this version writes; move it away")
    return [row for row in rows if None not in row.values()]


def _check(plan: Plan, cell: Cell) -> None:
    path, wanted, teacher = plan.run_path(cell), plan.settings(cell), plan.teacher_path(cell)
    if not (path / PLAN).is_file():
        return
    begun = read_plan(path)
    same_teacher = begun.teacher == (str(teacher.resolve()) if teacher else None)
    same_role = begun.role == plan.study.variants[cell.variant].role
    if not (same_role and same_teacher and load_settings(path / CONFIG) == wanted):
        raise ConfigError(
            f"{path}: was made with another role, teacher or settings than {cell.variant} has now;"
            " give the variant another name, or remove the folder and its rows"
        )


def _train(plan: Plan, cell: Cell) -> float:
    """Train one cell, or go on with it; returns the seconds it took now."""
    path = plan.run_path(cell)
    if (path / RUN).exists():
        return 0.0
    variant, begun_s = plan.study.variants[cell.variant], time.monotonic()
    if (path / PLAN).exists():
        train(*take_up(variant.role, path, plan.data, plan.command_line, plan.say))
    else:
        teacher = plan.teacher_path(cell)
        shutil.rmtree(path, ignore_errors=True)  # one that was broken off before its first word
        path.mkdir(parents=True)
        settings = plan.settings(cell)
        split = teacher / "split.csv" if teacher else None
        job = Job(
            variant.role, plan.data, path, settings, plan.command_line, git_revision(), plan.say,
            split, None, teacher,
        )  # fmt: skip
        train(job)
    shutil.rmtree(path / CHECKPOINTS, ignore_errors=True)
    return time.monotonic() - begun_s


def _keep(plan: Plan, cell: Cell, minutes: float) -> None:
    """Append the run's row and keep its predictions."""
    run = open_run(plan.run_path(cell))
    settings, record = plan.settings(cell), run.record
    optimise = settings.teacher.optimise if record.role == "teacher" else settings.student.optimise
    judged = json.loads((run.path / JSON).read_text("utf-8"))
    kept = Path("predictions") / f"{cell.variant}-fold{cell.fold}-seed{cell.seed}.csv"
    (plan.out / kept.parent).mkdir(exist_ok=True)
    shutil.copyfile(run.path / PREDICTIONS, plan.out / kept)
    row: Mapping[str, object] = {
        "study": plan.study.name, "variant": cell.variant, "role": record.role,
        "fold": cell.fold, "seed": cell.seed, "condition": "clean",
        "images": judged["images"], "groups": judged["groups"],
        **{name: f"{judged['figures'][name]['value']:.6f}" for name in FIGURES},
        "input_px": run.input_px, "epochs": optimise.epochs, "best_epoch": record.best_epoch,
        "minutes": f"{minutes:.1f}", "device": _device(), "git_revision": record.git_revision,
        "data_digest": record.data_digest[:16],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"), "predictions": str(kept),
    }  # fmt: skip
    table = plan.out / TABLE
    is_new = not table.exists()
    with table.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
