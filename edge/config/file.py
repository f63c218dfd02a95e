"""The whole file: read once, checked strictly, errors that name the key."""

import difflib
import os
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import ErrorDetails

from contract.settings_file import read_settings
from edge.config.acquire import (
    Coils,
    EncoderPosition,
    Mounting,
    Optics,
    Position,
    PylonSource,
    SimulatedSource,
    Source,
    SpeedSignalPosition,
)
from edge.config.deliver import NAMESPACE, Console, Deliver, Ledger, Metrics, Record
from edge.config.explain import said, true_errors
from edge.config.inspect import Inspect, Strip
from edge.config.mill import TOPIC, Mill
from edge.config.opcua import ENDPOINT
from edge.config.rolls import Rolls
from edge.config.section import NAME, Name, Section
from edge.errors import ConfigError

EXAMPLES = "deploy/config/ has examples"
_PATTERNS = {
    NAME: "letters, digits, `_`, `.` and `-`, 63 at most, the first a letter or a digit",
    TOPIC: "`+` and `#` stand for whole levels of a topic, and `#` is the last of them",
    ENDPOINT: "write opc.tcp://host:4840, without a user, with a path where the server has one",
    NAMESPACE: "a URI without blanks, of 255 characters at most",
}


class Config(Section):
    """The whole file."""

    site: Name
    line: Name
    camera: Name
    bundle: Path
    allow_no_clean_class: bool = False
    """Run a bundle without a clean class: it reports a defect on every tile."""
    source: Source
    optics: Optics
    mounting: Mounting = Mounting()
    position: Position
    coils: Coils
    mill: Mill | None = None
    """Null: the mill tells nothing, and coils have constant lengths."""
    strip: Strip = Strip()
    inspect: Inspect = Inspect()
    rolls: Rolls = Rolls()
    grading: Path | None = None
    """Rules for severity and grade (docs/grading.md); null: defects have none, coils neither."""
    ledger: Ledger
    record: Record | None = None
    """Null: nothing is recorded."""
    deliver: Deliver = Deliver()
    console: Console = Console()
    metrics: Metrics = Metrics()
    run_path: Path
    """Folder of the sockets between the processes; its owner may command the daemon."""

    @model_validator(mode="after")
    def _signals(self) -> Self:
        """A position that needs a signal has somebody who gives it."""
        counted = isinstance(self.source, SimulatedSource) or (
            isinstance(self.source, PylonSource) and self.source.counter_node is not None
        )
        if isinstance(self.position, EncoderPosition) and not counted:
            raise ValueError(
                "position.kind encoder: this source gives no counts; name a camera's chunk in"
                " source.counter_node, or choose another kind"
            )
        if isinstance(self.position, SpeedSignalPosition) and not self.mill:
            rides = isinstance(self.source, SimulatedSource) and self.source.speed is not None
            if not rides:
                raise ValueError(
                    "position.kind speed_signal: nobody tells a speed; set up mill, or source.speed"
                    " of source.kind simulated"
                )
            if self.position.signal == "position":
                raise ValueError("position.signal position: nobody tells a count; set up mill")
        return self

    @model_validator(mode="after")
    def _coils_of_the_mill(self) -> Self:
        """What the mill tells is not stated beside it, and can be told in time."""
        if self.mill is None:
            return self
        if self.coils.length_m is not None:
            raise ValueError("coils.length_m: the mill tells where coils begin; leave one out")
        if self.mounting.offset_m < 0:
            raise ValueError(
                "mounting.offset_m: before the reference nobody knows yet whose strip it is; with"
                " mill the camera hangs at the reference or behind it"
            )
        return self

    @property
    def event_source(self) -> str:
        """`/<site>/<line>/<camera>`, the CloudEvents source."""
        return f"/{self.site}/{self.line}/{self.camera}"

    @property
    def topic(self) -> str:
        """MQTT topic root of this camera."""
        return f"stripsight/{self.site}/{self.line}/{self.camera}"


S = TypeVar("S", bound=Section)


def load_config(path: Path) -> Config:
    """Read, check and resolve a config file.

    Raises:
        ConfigError: missing, no YAML, or a key or value that is wrong; the text names it and the
        nearest known key.
    """
    raw = read_settings(path, EXAMPLES)
    if not raw:
        raise ConfigError(f"{path}: empty; {EXAMPLES}")
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: " + "; ".join(map(_explain, true_errors(error)))) from error
    return _resolved(config, path.resolve().parent)


def _explain(error: ErrorDetails) -> str:
    where = [str(part) for part in error["loc"]]
    name = ".".join(where)
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where[-1], _known_keys(where[:-1]), n=1)
        return f"unknown key {name!r}" + (f", did you mean {near[0]!r}?" if near else "")
    if error["type"] == "missing":
        return f"{name!r} is missing"
    return f"{name}: {said(error, _PATTERNS)}".removeprefix(": ")


def _known_keys(where: list[str]) -> list[str]:
    keys: list[str] = []
    _collect(Config, where, keys)
    return keys


def _collect(model: type[BaseModel], where: list[str], keys: list[str]) -> None:
    if not where:
        keys.extend(model.model_fields)
        return
    field = model.model_fields.get(where[0])
    rest = [w for w in where[1:] if not w.isdigit()]
    for candidate in _models_in(field.annotation if field else None):
        kind = candidate.model_fields.get("kind")
        if kind is not None and rest:
            if rest[0] in str(kind.annotation):
                _collect(candidate, rest[1:], keys)
        else:
            _collect(candidate, rest, keys)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    parts = getattr(annotation, "__args__", ())
    return [model for part in parts for model in _models_in(part)]


def _resolved(section: S, base: Path) -> S:
    """The same section with every relative path made absolute."""
    changed = {name: _absolute(getattr(section, name), base) for name in type(section).model_fields}
    return section.model_copy(update=changed)


def _absolute(value: object, base: Path) -> object:
    if isinstance(value, Path):
        return Path(os.path.normpath(base / value))
    if isinstance(value, tuple):
        return tuple(_absolute(part, base) for part in value)
    return _resolved(value, base) if isinstance(value, Section) else value
