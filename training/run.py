"""A run on disk: everything that one training left behind, and the way back to its network.

    run.json          what the network is and what it needs (schema below)
    weights.pt        the best epoch's weights, a plain state dict
    config.yaml       every setting, defaults included
    split.csv         file,part,group
    curves.csv/.png   losses and scores per epoch
    plan.json         what was asked for, of which `--resume` needs to know
    checkpoints/      until it is finished: `last.ckpt` to resume from
    metrics.json, metrics.txt, predictions.csv, confusion.png, mistakes.png   the test part

A run exists once `run.json` does; it is written last, beside the target and then renamed.
"""

import hashlib
import pickle
from pathlib import Path
from typing import Annotated, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor, nn

from contract.card import TilePx
from contract.classes import ClassList
from contract.errors import ConfigError
from training.config import Fraction, Positive
from training.networks.deployed import Deployed, Views
from training.networks.resnet import ResNet34, StemStride
from training.networks.sarsn import Depth, Gate, Sarsn, Thresholds
from training.operating import OperatingPoint, shift_logits
from training.split_file import Part, read_split

RUN, WEIGHTS, CONFIG, SPLIT = "run.json", "weights.pt", "config.yaml", "split.csv"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ResNet34Shape(_Frozen):
    """The deployed student."""

    kind: Literal["resnet34"] = "resnet34"
    stem_stride: StemStride = 2
    """What runs had before there was a choice."""

    def build(self, classes: int) -> ResNet34:
        """A network with fresh weights."""
        return ResNet34(classes, self.stem_stride)


class SarsnShape(_Frozen):
    """A SARSN, or with `gate: none` its plain control."""

    kind: Literal["sarsn"] = "sarsn"
    depth: Depth
    reduction: Annotated[int, Field(ge=1, le=64)]
    gate: Gate
    thresholds: Thresholds = "channel"
    stem_stride: StemStride = 2
    """Both are what runs had before there was a choice."""

    def build(self, classes: int) -> Sarsn:
        """A network with fresh weights."""
        return Sarsn(
            classes, depth=self.depth, reduction=self.reduction, gate=self.gate,
            thresholds=self.thresholds, stem_stride=self.stem_stride,
        )  # fmt: skip


Shape = Annotated[ResNet34Shape | SarsnShape, Field(discriminator="kind")]


class RunRecord(_Frozen):
    """`run.json`."""

    schema_version: Literal["1"]
    role: Literal["teacher", "student"]
    network: Shape
    classes: ClassList
    class_digest: str
    input_px: Annotated[int, Field(ge=8, le=1024)]
    tile_px: TilePx
    mm_per_px: Positive | None
    mean: float
    """Grey levels, as `std`: the normalisation is a layer of the deployed network."""
    std: Positive
    temperature: Positive
    thresholds: dict[str, Fraction]
    metrics: dict[str, float]
    """Figures on the test part, by name; `metrics.json` holds their intervals."""
    data_digest: str
    """Hex SHA-256 over names, labels and bytes of all files."""
    weights_digest: str
    seed: int
    best_epoch: int
    """From 0, as in `curves.csv`."""
    teacher: str | None
    """`weights_digest` of the teacher that a student was distilled from."""
    git_revision: str | None
    command_line: tuple[str, ...]
    versions: dict[str, str]
    operating: OperatingPoint | None = None
    views: Views = 1
    """Both are what runs had before there was a choice."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.class_digest != self.classes.digest:
            raise ValueError("class_digest does not belong to the class list")
        if set(self.thresholds) != set(self.classes.defects):
            raise ValueError("thresholds must name exactly the defect classes")
        return self


class Run:
    """A finished run, opened with `open_run`."""

    def __init__(self, path: Path, record: RunRecord) -> None:
        self.path = path
        self.record = record
        self.classes = record.classes
        self.input_px = record.input_px
        self.tile_px = record.tile_px
        self.mm_per_px = record.mm_per_px
        self.thresholds = dict(record.thresholds)
        self.metrics = dict(record.metrics)
        self.data_digest = record.data_digest

    @property
    def split(self) -> dict[str, Part]:
        """Part of each file, by its path relative to the data folder."""
        return {row.file: row.part for row in read_split(self.path / SPLIT)}

    def load_network(self) -> nn.Module:
        """The bare network with its weights, in eval mode on the CPU.

        Raises:
            ConfigError: the weights are missing, changed or of another network.
        """
        path = self.path / WEIGHTS
        if not path.is_file() or file_digest(path) != self.record.weights_digest:
            raise ConfigError(f"{path}: missing or changed since training; train again")
        network = self.record.network.build(len(self.classes))
        try:
            network.load_state_dict(load_state_dict(path))
        except RuntimeError as error:
            raise ConfigError(f"{path}: not the weights of this run's network") from error
        return network.eval()

    def load_deployed(self) -> Deployed:
        """The network as it is exported, in eval mode on the CPU.

        Raises:
            ConfigError: as `load_network`.
        """
        record, network = self.record, self.load_network()
        if record.operating:
            shift_logits(network, self.classes, record.operating, record.temperature)
        deployed = Deployed(network, record.mean, record.std, record.temperature, record.views)
        return deployed.eval()


def open_run(path: Path) -> Run:
    """Open what `stripsight-train` wrote.

    Raises:
        ConfigError: no finished run lies there, or its record is damaged or of another version.
    """
    file = path / RUN
    if not file.is_file():
        raise ConfigError(
            f"{path}: no finished run there (it has no {RUN}); give the --out of stripsight-train,"
            " or finish it with --resume"
        )
    try:
        return Run(path, RunRecord.model_validate_json(file.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigError(f"{file}: {where}: {first['msg']}; train again") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read ({error})") from error


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a local file, without running any code in it.

    Raises:
        ConfigError: the file is missing or holds anything but tensors by name.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise ConfigError(
            f"{path}: not a PyTorch state dict that loads without running code"
        ) from error
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in loaded.items()
    ):
        raise ConfigError(f"{path}: holds something else than tensors by name")
    return loaded


def file_digest(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_record(path: Path, record: RunRecord) -> None:
    """Write `run.json`, whole or not at all."""
    draft = path / (RUN + ".partial")
    draft.write_text(record.model_dump_json(indent=1) + "\n", "utf-8")
    draft.rename(path / RUN)
