"""The model card: what a bundle says of itself to the programs that use it (`card.json`)."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract.classes import ClassList
from contract.errors import BundleError

SCHEMA_VERSION = "2"

Fraction = Annotated[float, Field(ge=0, le=1)]
MIN_TILE_PX, MAX_TILE_PX = 8, 4096
TilePx = Annotated[int, Field(ge=MIN_TILE_PX, le=MAX_TILE_PX)]
CardName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
CardVersion = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$")]
MmPerPx = Annotated[float, Field(gt=0, le=100)]
Precision = Literal["int8", "fp16", "fp32"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(_Frozen):
    """A figure with its 95 % interval (null where none was computed) and the number of images
    behind it.
    """

    value: float
    low: float | None
    high: float | None
    images: int


class ParityLimits(_Frozen):
    """How far a runtime may differ from the reference outputs of the golden tiles; fixed before it
    is measured.
    """

    max_probability_difference: Fraction
    min_label_agreement: Fraction


class ParityResult(_Frozen):
    """What one runtime did when the bundle was made, on validation tiles or the golden ones."""

    backend: str
    max_probability_difference: Fraction
    label_agreement: Fraction
    limits: ParityLimits
    reference: str
    """With what, and what, e.g. `torch fp32, int8 graph` or `int8 on openvino, golden tiles`."""

    @property
    def passed(self) -> bool:
        """Whether both limits held."""
        return (
            self.max_probability_difference <= self.limits.max_probability_difference
            and self.label_agreement >= self.limits.min_label_agreement
        )


class EmbeddingStatistics(_Frozen):
    """Mean and variance of each embedding dimension over the training part, for novelty."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    images: int


class MissRate(_Frozen):
    """How many of so many independent defects the screen called clean, and the upper exact binomial
    (Clopper-Pearson) bound on the share that gives at the card's confidence.
    """

    missed: Annotated[int, Field(ge=0)]
    defects: Annotated[int, Field(ge=1)]
    bound: Fraction


class ScreenCard(_Frozen):
    """A screen that calls tiles clean without the network, calibrated on frames with marked
    defects.

    Of each class one defect per coil counts, since defects of one coil are not independent.
    """

    features: str
    """Which features of `runtime.screen`; a program that has others refuses the screen."""
    threshold: Annotated[float, Field(gt=0)]
    """A tile is screened below this suspicion."""
    wanted: Fraction
    """The miss rate that no class may exceed."""
    confidence: Fraction
    """Of each class's bound by itself."""
    calibration: dict[str, MissRate]
    """Per defect class, on the coils that the threshold was chosen on; each bound holds."""
    held_out: dict[str, MissRate]
    """The same on coils that had no part in it: a check, not what the bound rests on."""
    clean_screened: Metric
    """Share of the held-out coils' tiles without a defect that were screened; `images` are tiles.
    """
    data: str
    """Which frames, in words."""
    data_digest: str
    created: datetime

    @model_validator(mode="after")
    def _holds(self) -> Self:
        for name, rate in self.calibration.items():
            if rate.bound > self.wanted:
                raise ValueError(f"screen: the bound of {name} exceeds the wanted miss rate")
        return self


class ModelCard(_Frozen):
    """All that the line must know to use the network as it was trained. No defaults."""

    schema_version: Literal["2"]
    name: CardName
    version: CardVersion
    created: datetime
    classes: ClassList
    class_digest: str
    tile_px: TilePx
    """Side of a tile in pixels of the training pictures, before scaling."""
    input_px: Annotated[int, Field(ge=8, le=1024)]
    """Side of the network's input."""
    mm_per_px: MmPerPx | None
    """Scale of the training pictures; null where their maker did not state it."""
    scale_tolerance: Fraction
    """By how much the camera's scale may differ before the tiles are rescaled no more but refused.
    """
    precision: Precision
    thresholds: dict[str, Fraction]
    """Per defect class: a tile is a defect only from this probability on.

    Chosen on validation data.
    """
    embedding: EmbeddingStatistics
    training_data_digest: str
    metrics: dict[str, Metric]
    recall: dict[str, Metric]
    metrics_on: str
    """Which images and which artefact the metrics come from, in words."""
    golden_limits: ParityLimits
    """Limits of the golden check at load, on whatever backend the line uses."""
    parity: tuple[ParityResult, ...]
    tools: dict[str, str]
    """Versions of the tools that made it."""
    screen: ScreenCard | None
    """Null: none was calibrated, so the line cannot switch one on. Cards of version 1 knew none."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.class_digest != self.classes.digest:
            raise ValueError("class_digest does not belong to the class list")
        if set(self.thresholds) != set(self.classes.defects):
            raise ValueError("thresholds must name exactly the defect classes")
        if len(self.embedding.mean) != len(self.embedding.variance):
            raise ValueError("embedding mean and variance differ in length")
        if self.screen and set(self.screen.calibration) != set(self.classes.defects):
            raise ValueError("the screen must be bounded for exactly the defect classes")
        return self

    @property
    def label(self) -> str:
        """Name and version, as people write it."""
        return f"{self.name}-{self.version}"


def read_card(path: Path) -> ModelCard:
    """Read and check a card.

    Raises:
        BundleError: the file is missing, no JSON, of another schema version, or breaks a rule; the
        text says which.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{path}: cannot be read as JSON ({error}); export the bundle again"
        ) from error
    found = raw.get("schema_version") if isinstance(raw, dict) else None
    if found == "1" and "screen" not in raw:
        raw, found = {**raw, "schema_version": SCHEMA_VERSION, "screen": None}, SCHEMA_VERSION
    if found != SCHEMA_VERSION:
        raise BundleError(
            f"{path}: schema_version is {found!r}, this program reads {SCHEMA_VERSION!r};"
            " export the bundle again with this version of stripsight-export"
        )
    try:
        return ModelCard.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise BundleError(f"{path}: {where}: {first['msg']}; export the bundle again") from error
