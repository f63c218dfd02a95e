"""What a study refuses to go on with: rows and runs of another question, or of other images."""

from collections.abc import Sequence
from pathlib import Path

from contract.errors import ConfigError
from training.config import load_settings
from training.folder import read_groups, scan
from training.job import PLAN, read_plan
from training.pooled import read_predictions
from training.run import CONFIG, RUN
from training.study_plan import DIGITS, RUNS, Cell, Plan
from training.study_settings import SETTINGS, check_settings
from training.study_table import TABLE, Row, key


def check_study(plan: Plan, cells: Sequence[Cell], rows: Sequence[Row]) -> None:
    """Read every setting once, before the first training, and compare it with what is there.

    Raises:
        ConfigError: a variant's settings are wrong, or rows or runs were made with others.
    """
    _check_rows(plan, cells, rows)
    for cell in cells:
        _check_run(plan, cell)
        _check_whole(plan, cell, rows)
    for name in dict.fromkeys(cell.variant for cell in cells):
        check_settings(plan.out, name, plan.settings_of(name))


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


def _check_run(plan: Plan, cell: Cell) -> None:
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


def _check_whole(plan: Plan, cell: Cell, rows: Sequence[Row]) -> None:
    """Rows of one training are of one network: those that lack can only come from its run."""
    wanted = plan.wanted_rows(cell)
    missing = sorted(place[-1] for place in wanted - {key(row) for row in rows})
    if 0 < len(missing) < len(wanted) and not (plan.run_path(cell) / RUN).exists():
        raise ConfigError(
            f"{plan.out / TABLE}: {cell.variant}, fold {cell.fold} has no row of"
            f" {', '.join(missing)}, and its run, which could be judged so, is gone; remove its"
            " other rows to train it again"
        )
