"""Every setting of a training, read from `defaults.yaml` and the user's file over it.

No field has a default here: `defaults.yaml` is the one place for them.
"""

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract.card import TilePx
from contract.errors import ConfigError
from contract.settings_file import read_settings
from training.networks.deployed import Views
from training.networks.resnet import StemStride
from training.networks.sarsn import Depth, Gate, Thresholds

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=1e-9, le=1e9)]
Count = Annotated[int, Field(ge=1)]
Quality = Annotated[int, Field(ge=1, le=100)]
InputPx = Annotated[int, Field(ge=32, le=1024)]
FREE = {"data.keep", "operating.line_frequencies", "operating.missed_cost"}
"""Mappings with keys of the user's own; they are replaced whole."""
EXAMPLE = "training/defaults.yaml shows all keys"


class Section(BaseModel):
    """Frozen, no unknown keys. Numbers may be quoted: YAML 1.1 reads `1e-3` as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Section):
    """How a folder of images is read and split."""

    folds: Annotated[int, Field(ge=2, le=100)]
    fold: Annotated[int, Field(ge=0)]
    validation_folds: Annotated[int, Field(ge=2, le=100)]
    large_groups: Literal["test", "train"]
    clean: tuple[str, ...]
    mm_per_px: Annotated[float, Field(gt=0, le=100)] | None
    tile_px: TilePx | None
    near_duplicate_correlation: Fraction
    shots: Count | None
    keep: dict[str, Annotated[int, Field(ge=1, strict=True)]]

    @model_validator(mode="after")
    def _fold_exists(self) -> Self:
        if self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} does not exist: folds count from 0")
        return self


class Augment(Section):
    """Random changes that keep the label."""

    at_px: InputPx | None
    flip_across: bool
    flip_along: bool
    shift: Annotated[float, Field(ge=0, le=0.5)]
    scale: Annotated[float, Field(ge=0, le=1)]
    rotation_deg: Annotated[float, Field(ge=0, le=180)]
    gain: NotNegative
    gamma: NotNegative
    noise_grey: NotNegative
    blur_share: Fraction
    motion_share: Fraction
    motion_px: Annotated[int, Field(ge=1, le=255)]
    jpeg_share: Fraction
    jpeg_quality_min: Quality
    jpeg_quality_max: Quality

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.jpeg_quality_min > self.jpeg_quality_max:
            raise ValueError("jpeg_quality_min is above jpeg_quality_max")
        return self

    def shows(self, views: Views) -> bool:
        """Whether training shows the mirror images that so many views average."""
        return all((self.flip_across, self.flip_along)[: views // 2])


class Mosaic(Section):
    """Mosaic fusion of train images of one class."""

    share: Fraction
    feather: Annotated[float, Field(ge=0, le=0.4)]
    edge: Annotated[float, Field(ge=0.05, le=0.45)]
    kept: Annotated[float, Field(ge=0, le=2)]
    grey_change: Fraction


class Optimise(Section):
    """AdamW with a one-cycle schedule."""

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch_size: Annotated[int, Field(ge=2, le=4096)]
    max_learning_rate: Positive
    weight_decay: NotNegative
    warm_up_share: Annotated[float, Field(gt=0, lt=1)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    sampler_exponent: Fraction
    ema_decay: Annotated[float, Field(ge=0, lt=1)]


class Teacher(Section):
    """The SARSN, or its plain control."""

    input_px: InputPx
    depth: Depth
    reduction: Annotated[int, Field(ge=1, le=64)]
    gate: Gate
    thresholds: Thresholds
    stem_stride: StemStride
    views: Views
    optimise: Optimise


class Student(Section):
    """The ResNet34 that is deployed."""

    input_px: InputPx
    stem_stride: StemStride
    views: Views
    optimise: Optimise


class Adaptive(Section):
    """The adaptive accuracy-Gmean loss."""

    strength: NotNegative
    gain: NotNegative
    momentum: Annotated[float, Field(ge=0, lt=1)]
    epoch_momentum: Annotated[float, Field(ge=0, lt=1)]


class Loss(Section):
    """The objective on labelled tiles, of teacher and student alike."""

    kind: Literal["cross_entropy", "class_balanced", "focal", "logit_adjusted", "adaptive"]
    balanced_beta: Annotated[float, Field(ge=0, lt=1)]
    focal_gamma: NotNegative
    logit_tau: NotNegative
    adaptive: Adaptive


class Distill(Section):
    """Weights of the losses of a distilled student."""

    label_weight: NotNegative
    kd_weight: NotNegative
    kd_temperature: Positive
    distance_weight: NotNegative
    angle_weight: NotNegative
    angle_batch: Annotated[int, Field(ge=3, le=256)]


class Migrate(Section):
    """The CycleGAN of `stripsight-train migrate`."""

    size_px: Annotated[int, Field(ge=32, le=512, multiple_of=4)]
    filters: Annotated[int, Field(ge=4, le=256)]
    blocks: Annotated[int, Field(ge=1, le=32)] | None
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    decay_epochs: Annotated[int, Field(ge=0)]
    batch_size: Annotated[int, Field(ge=1, le=256)]
    learning_rate: Positive
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    cycle_weight: NotNegative
    identity_weight: NotNegative
    pool_size: Annotated[int, Field(ge=0, le=10_000)]
    crop_margin: Fraction

    @model_validator(mode="after")
    def _decays_within(self) -> Self:
        if self.decay_epochs > self.epochs:
            raise ValueError(f"decay_epochs is {self.decay_epochs}, of {self.epochs} epochs")
        return self


class Operating(Section):
    """What the line is like; empty mappings ask for nothing."""

    line_frequencies: dict[str, Weight]
    missed_cost: dict[str, Weight]
    false_alarm_cost: Weight


class Evaluate(Section):
    """How figures get their intervals."""

    resamples: Annotated[int, Field(ge=100, le=100_000)]


class Settings(Section):
    """The whole file."""

    seed: Annotated[int, Field(ge=0, lt=2**32 - 1)]
    precision: Literal["auto", "bf16", "fp32"]
    threads: Annotated[int, Field(ge=0, le=1024)]
    devices: Literal["auto"] | Count
    accelerator: Literal["auto", "cpu", "gpu"]
    data: Data
    augment: Augment
    mosaic: Mosaic
    teacher: Teacher
    student: Student
    loss: Loss
    distill: Distill
    migrate: Migrate
    operating: Operating
    evaluate: Evaluate

    @model_validator(mode="after")
    def _views_are_tiles_of_the_class(self) -> Self:
        for name, views in (("teacher", self.teacher.views), ("student", self.student.views)):
            if not self.augment.shows(views):
                raise ValueError(f"{name}.views {views} needs augment.flip_across (4: and along)")
        return self


Tree = dict[str, object]


def load_settings(
    path: Path | None = None, changes: Mapping[str, object] | None = None
) -> Settings:
    """The defaults, the user's file over them, and single changes over both.

    Args:
        path: YAML with only the settings that differ.
        changes: by dotted name, e.g. `student.optimise.epochs`; None values are left out.

    Raises:
        ConfigError: no YAML, an unknown key (the nearest known one is named) or a wrong value.
    """
    tree = _defaults()
    if path is not None:
        _overlay(tree, read_settings(path, EXAMPLE), (), str(path))
    for name, value in (changes or {}).items():
        if value is not None:
            _set(tree, name.split("."), value)
    return _validated(tree, str(path) if path else "settings")


def settings_from(layers: Sequence[Tree], source: str) -> Settings:
    """The defaults with each layer of changes over them, later ones over earlier ones.

    Raises:
        ConfigError: an unknown key or a wrong value; `source` says whose.
    """
    tree = _defaults()
    for layer in layers:
        _overlay(tree, layer, (), source)
    return _validated(tree, source)


def dump_settings(settings: Settings) -> str:
    """YAML that `load_settings` reads back to the same settings."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)


def _defaults() -> Tree:
    text = resources.files("training").joinpath("defaults.yaml").read_text("utf-8")
    tree: Tree = yaml.safe_load(text)
    return tree


def _overlay(tree: Tree, changes: Tree, where: tuple[str, ...], source: str) -> None:
    for key, value in changes.items():
        name = ".".join((*where, str(key)))
        if key not in tree:
            near = difflib.get_close_matches(str(key), tree, n=1)
            hint = f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(tree)}"
            raise ConfigError(f"{source}: unknown key {name!r}{hint}")
        below = tree[key]
        if isinstance(below, dict) and name not in FREE:
            if not isinstance(value, dict):
                raise ConfigError(f"{source}: {name} must be a mapping of {', '.join(below)}")
            _overlay(below, value, (*where, key), source)
        elif isinstance(value, bool) is not isinstance(below, bool):
            wanted = "true or false" if isinstance(below, bool) else "neither true nor false"
            raise ConfigError(f"{source}: {name} must be {wanted} (found {value!r})")
        else:
            tree[key] = value


def _set(tree: Tree, names: list[str], value: object) -> None:
    for name in names[:-1]:
        below = tree[name]
        if not isinstance(below, dict):
            raise KeyError(name)
        tree = below
    tree[names[-1]] = value


def _validated(tree: Tree, source: str) -> Settings:
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        found = str(first["input"])[:60]
        raise ConfigError(f"{source}: {name}: {first['msg']} (found {found!r})") from error
