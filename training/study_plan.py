"""Which trainings a study consists of, in which order, and where they lie."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from contract.errors import ConfigError
from training.config import Settings, settings_from
from training.corruptions import CLEAN, Condition, read_conditions
from training.study_file import Study

RUNS = "runs"
DIGITS = 16
"""Of a digest, in a row."""


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
    """A study to be run; `file` is what `study` was read from, `folds`, `seeds` and `variants` what
    to run of it now (None: all).

    Raises:
        ConfigError: the study has no such fold, seed or variant.
    """

    file: Path
    study: Study
    data: Path
    out: Path
    command_line: tuple[str, ...]
    git_revision: str | None
    """Of the code at the start, which trains all runs, whatever is committed meanwhile."""
    say: Callable[[str], None]
    folds: frozenset[int] | None = None
    seeds: frozenset[int] | None = None
    variants: frozenset[str] | None = None

    def __post_init__(self) -> None:
        known = self.study.variants
        for fold in self.folds or ():
            if not 0 <= fold < self.study.folds:
                raise ConfigError(
                    f"--fold {fold}: {self.file} has the folds 0 to {self.study.folds - 1}"
                )
        for seed in self.seeds or ():
            if seed not in self.study.seeds:
                had = ", ".join(map(str, self.study.seeds))
                raise ConfigError(f"--seed {seed}: {self.file} has the seeds {had}")
        for name in self.variants or ():
            if name not in known:
                raise ConfigError(f"--variant {name}: {self.file} has {', '.join(known)}")

    def names(self) -> list[str]:
        """The variants to run now, and the teachers that they need, in the file's order."""
        variants = self.study.variants
        wanted = set(variants if self.variants is None else self.variants)
        for name in reversed(variants):  # a teacher stands above its student
            teacher = variants[name].teacher
            if teacher and name in wanted:
                wanted.add(teacher)
        return [name for name in variants if name in wanted]

    def cells(self) -> Iterator[Cell]:
        """Fold by fold, so that a study broken off has whole comparisons."""
        for seed in self.study.seeds:
            for fold in range(self.study.folds):
                if not (_wanted(fold, self.folds) and _wanted(seed, self.seeds)):
                    continue
                for name in self.names():
                    if (fold, seed) in self.study.places(name):
                        yield Cell(name, fold, seed)

    def conditions(self, cell: Cell) -> tuple[Condition, ...]:
        """What the run is judged under, clean tiles first."""
        corrupted = self.study.variants[cell.variant].corrupted
        return (CLEAN, *(read_conditions(self.study.conditions) if corrupted else ()))

    def wanted_rows(self, cell: Cell) -> set[tuple[str, ...]]:
        """Keys of the rows of one training."""
        place = cell.variant, str(cell.fold), str(cell.seed)
        return {(*place, condition.name) for condition in self.conditions(cell)}

    def run_path(self, cell: Cell) -> Path:
        """The run of one training."""
        return self.out / RUNS / cell.folder

    def teacher(self, cell: Cell) -> Cell | None:
        """The training that this one is distilled from."""
        name = self.study.variants[cell.variant].teacher
        return cell._replace(variant=name) if name else None

    def teacher_path(self, cell: Cell) -> Path | None:
        """Its run."""
        teacher = self.teacher(cell)
        return self.run_path(teacher) if teacher else None

    def migrated(self, cell: Cell) -> tuple[Path, ...]:
        """Folders of migrated images that this one learns from."""
        fold, seed = str(cell.fold), str(cell.seed)
        names = self.study.variants[cell.variant].extra
        return tuple(self.out / name.replace("FOLD", fold).replace("SEED", seed) for name in names)

    def settings(self, cell: Cell) -> Settings:
        """Defaults, then the study's settings, then the variant's, then fold and seed."""
        own = self.study.variants[cell.variant].settings
        place = {
            "seed": cell.seed, "data": {"folds": self.study.folds, "fold": cell.fold},
            "devices": 1,  # runs go side by side, each in one process
        }  # fmt: skip
        return settings_from([self.study.settings, own, place], f"variant {cell.variant}")

    def settings_of(self, variant: str) -> Settings:
        """The same of all folds and seeds."""
        return settings_from(
            [
                self.study.settings,
                self.study.variants[variant].settings,
                {"data": {"folds": self.study.folds}},
            ],
            f"variant {variant}",
        )

    def variant_digest(self, cell: Cell) -> str:
        """Tells whether a row was made with what the study's file says now, its teacher's too."""
        teacher, variant = self.teacher(cell), self.study.variants[cell.variant]
        asked = [
            variant.role, self.study.settings, variant.settings, variant.extra,
            self.variant_digest(teacher) if teacher else None,
        ]  # fmt: skip
        text = json.dumps(asked, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _wanted(number: int, only: frozenset[int] | None) -> bool:
    return only is None or number in only
