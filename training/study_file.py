"""What a study is: a YAML with folds, seeds and a table of variants."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract.errors import ConfigError
from contract.settings_file import read_settings
from training.corruptions import read_conditions
from training.job import Role

EXAMPLE = "deploy/training/study-xsdd.yaml is an example"
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_+-]{0,40}$")]


class Variant(BaseModel):
    """One row of the study: what differs from the study's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    teacher: Name | None = None
    """The variant whose run of the same fold and seed is distilled."""
    settings: dict[str, object] = {}
    folds: tuple[int, ...] | None = None
    """Only these folds; None: all of the study's."""
    seeds: tuple[int, ...] | None = None
    """Only these seeds; None: all of the study's."""
    extra: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Folders of migrated images to learn from, below the study's `--out`; `FOLD` and `SEED` in a
    name stand for their numbers: each split needs a migration that never saw its test images."""
    compared: bool = True
    """Whether the report compares it with the baseline. One of another question, such as fewer
    images, is compared with its partner by `comparisons`."""
    corrupted: bool = False
    """Judged under the study's conditions too."""


class Study(BaseModel):
    """The study's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    folds: Annotated[int, Field(ge=2, le=100)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    baseline: Name
    """The variant that the others are compared with."""
    settings: dict[str, object] = {}
    conditions: tuple[str, ...] = ()
    """Corruptions, as `evaluate --corrupt` names them."""
    comparisons: tuple[tuple[Name, Name], ...] = ()
    """Pairs that the report compares beside, such as a teacher and its control; a bundle's name,
    such as `distilled-int8`, may stand in them too."""
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if self.baseline not in self.variants:
            raise ValueError(f"baseline {self.baseline!r} is no variant")
        seen: set[str] = set()
        for name, variant in self.variants.items():
            if variant.teacher is not None and variant.teacher not in seen:
                raise ValueError(f"{name}: teacher {variant.teacher!r} must be a variant above it")
            self._check_places(name, variant)
            seen.add(name)
        return self

    def _check_places(self, name: str, variant: Variant) -> None:
        for fold in variant.folds or ():
            if not 0 <= fold < self.folds:
                raise ValueError(f"{name}: fold {fold} does not exist: folds count from 0")
        for seed in variant.seeds or ():
            if seed not in self.seeds:
                raise ValueError(f"{name}: seed {seed} is none of the study's")
        places = self.places(name)
        if variant.teacher and not places <= self.places(variant.teacher):
            raise ValueError(f"{name}: its teacher {variant.teacher!r} has fewer folds or seeds")
        numbers = {"FOLD": {fold for fold, _ in places}, "SEED": {seed for _, seed in places}}
        for word, own in numbers.items():
            if len(own) > 1 and any(word not in folder for folder in variant.extra):
                raise ValueError(f"{name}: each has its own split, so say {word} in extra's names")

    def places(self, name: str) -> set[tuple[int, int]]:
        """Folds and seeds of a variant."""
        own = self.variants[name]
        folds = range(self.folds) if own.folds is None else own.folds
        seeds = self.seeds if own.seeds is None else own.seeds
        return {(fold, seed) for fold in folds for seed in seeds}


def read_study(path: Path) -> Study:
    """Read a study's file.

    Raises:
        ConfigError: what is wrong with it, by name.
    """
    try:
        study = Study.model_validate(read_settings(path, EXAMPLE))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where + ': ' if where else ''}{first['msg']}") from error
    read_conditions(study.conditions)
    return study
