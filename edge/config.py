"""The daemon's config: one YAML, read once, checked strictly, its sections passed on.

Relative paths are relative to the YAML's own folder. `stripsight-edge check-config FILE` does what
`run` does first.
"""

import difflib
import os
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from contract.settings_file import read_settings
from edge.errors import ConfigError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FolderSource(Section):
    """Pictures of a folder in name order, each a block of lines."""

    kind: Literal["folder"]
    path: Path
    frames_per_s: Positive | None = None
    """Open loop on a clock: a frame that finds no room is lost, as with a camera. Null: as fast as
    they are taken.
    """
    repeat: bool = False


class SimulatedSource(Section):
    """The simulated mill, drawn in this process beforehand and offered on a clock."""

    kind: Literal["simulated"]
    seed: Annotated[int, Field(ge=0)] = 0
    frames: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Frames drawn before the start; they repeat."""
    width_px: Annotated[int, Field(ge=128, le=16384)] = 2048
    rows: Annotated[int, Field(ge=128, le=8192)] = 1024
    frames_per_s: Positive | None = 5.0


class PylonSource(Section):
    """A Basler camera through the vendor's SDK, or its emulation."""

    kind: Literal["pylon"]
    serial: str | None = None
    """Serial number; null takes the only camera there is."""
    emulation: Path | None = None
    """Folder of .bmp, .png or .tiff that the SDK's camera emulation plays; null for a real camera.
    """
    parameters: dict[str, bool | int | float | str] = {}
    """GenICam node -> value, set in this order before the grab starts."""
    frames_per_s: Positive | None = None
    """Frame rate asked of the camera (AcquisitionFrameRate); null leaves the camera's own trigger.
    """
    grab_timeout_s: Positive = 2.0
    reconnect_s: Positive = 0.5
    """First pause before the device is opened again; it doubles up to ten seconds."""


Source = Annotated[FolderSource | SimulatedSource | PylonSource, Field(discriminator="kind")]


class Optics(Section):
    """What a pixel is on the strip."""

    mm_per_px_along: Positive
    mm_per_px_across: Positive
    assume_bundle_scale: bool = False
    """Accept a bundle whose card does not know its mm per pixel, taking its tiles at the camera's
    own scale.
    """


class LinesPosition(Section):
    """An encoder triggers each line: position is the number of lines times their pitch."""

    kind: Literal["lines"]


class SpeedPosition(Section):
    """No encoder: position is constant speed times time."""

    kind: Literal["speed"]
    m_per_s: Positive


Position = Annotated[LinesPosition | SpeedPosition, Field(discriminator="kind")]


class Coils(Section):
    """Coils of constant length one after the other, for lines that do not report them."""

    first_id: Name = "coil-0001"
    """Id of the first coil; its trailing number counts on."""
    length_m: Positive | None = None
    """Null: one coil without end."""
    width_mm: Positive


class Strip(Section):
    """Where the strip lies in the picture."""

    edges: Literal["detect", "fixed"] = "detect"
    left_px: Annotated[int, Field(ge=0)] = 0
    """First column of the strip when fixed (operator side)."""
    margin_px: Annotated[int, Field(ge=0)] = 6
    """Columns beside a detected edge that no tile shows: a wandering edge looks like a scratch."""


class Inspect(Section):
    """How tiles become defects."""

    backends: tuple[Literal["openvino", "onnxruntime", "cuda"], ...] = ("openvino", "onnxruntime")
    """Tried in this order; one that is not the first shows as `degraded`."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Inference threads; 0 leaves it to the engine."""
    deadline_s: Positive = 0.05
    """From the grab of a frame's last line to its result; later results count as `late`."""
    confirm_tiles: Annotated[int, Field(ge=1)] = 1
    """Tiles of one class that touch before a defect is announced."""
    close_after_m: Positive = 0.1
    """A defect is closed when this much strip has passed without more of it."""
    evidence_per_frame: Annotated[int, Field(ge=0)] = 4
    """Pictures of new defects kept per frame."""
    tile_log: bool = False
    """Write the label of every tile into the ledger: for commissioning; about 100 bytes a tile."""
    frame_buffer: Annotated[int, Field(ge=1, le=1024)] = 8
    dark_below: Fraction = 0.04
    """A frame whose strip's 99th percentile of grey lies below this share of white is
    `unusable(dark)`.
    """
    saturated_above: Fraction = 0.5
    """A frame of whose strip more than this share is white is `unusable(saturated)`."""


class Ledger(Section):
    """The event log."""

    path: Path
    event_buffer_s: Positive = 10.0
    """How long the writer may fall behind before inspection waits."""
    keep_days: Annotated[int, Field(ge=1)] = 30
    max_evidence_mb: Annotated[int, Field(ge=1)] = 2000


class Mqtt(Section):
    """A broker to deliver to."""

    name: Name = "mqtt"
    """Names the delivery cursor: a renamed receiver starts from the oldest event."""
    host: str
    """A host name, or `embedded` for a broker in Python that the supervisor starts (demonstration
    only).
    """
    port: Port = 1883
    protocol: Annotated[Literal["5", "3.1.1"], BeforeValidator(str)] = "5"
    """MQTT version. 3.1.1 cannot tell that nobody has subscribed or that the broker's rules refused
    an event. The embedded broker knows 3.1.1 only and is always spoken to in it.
    """
    client_id: str | None = None
    """Null: made from site, line, camera and the receiver's name."""
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    """Certificate authority: turns TLS on."""
    cert_file: Path | None = None
    key_file: Path | None = None
    in_flight: Annotated[int, Field(ge=1, le=65535)] = 64
    """Events sent and not yet acknowledged, at most."""
    timeout_s: Positive = 5.0
    """How long the broker may take to connect or to acknowledge before it counts as away."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.password_file and self.username is None:
            raise ValueError("password_file needs username")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if self.cert_file and self.ca_file is None:
            raise ValueError("cert_file needs ca_file, which turns TLS on")
        return self


class Deliver(Section):
    """Who gets the events."""

    mqtt: tuple[Mqtt, ...] = ()

    @model_validator(mode="after")
    def _one_cursor_each(self) -> Self:
        names = [receiver.name for receiver in self.mqtt]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(
                f"two receivers are named {twice!r} and would share one delivery cursor; give each"
                " its own name"
            )
        return self


class Console(Section):
    """The operator's page."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8080


class Metrics(Section):
    """Where Prometheus finds the two processes (`/metrics`, `/livez`, `/readyz`)."""

    host: str = "127.0.0.1"
    inspect_port: Port = 9464
    courier_port: Port = 9465


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
    position: Position
    coils: Coils
    strip: Strip = Strip()
    inspect: Inspect = Inspect()
    ledger: Ledger
    deliver: Deliver = Deliver()
    console: Console = Console()
    metrics: Metrics = Metrics()
    run_path: Path
    """Folder of the sockets between the processes; its owner may command the daemon."""

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
    raw = read_settings(path, "deploy/config/ has examples")
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(
            f"{path}: " + "; ".join(_explain(e) for e in error.errors()[:5])
        ) from error
    return _resolved(config, path.resolve().parent)


def emulate_camera() -> None:
    """Announce one emulated camera to the camera SDK, which reads its environment when it is
    loaded; the one place of the daemon that sets a variable, called before that.
    """
    os.environ.setdefault("PYLON_CAMEMU", "1")  # noqa: TID251 - the SDK knows no other way


def _explain(error: ErrorDetails) -> str:
    where = [str(part) for part in error["loc"]]
    name = ".".join(where)
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where[-1], _known_keys(where[:-1]), n=1)
        return f"unknown key {name!r}" + (f", did you mean {near[0]!r}?" if near else "")
    if error["type"] == "missing":
        return f"{name!r} is missing"
    return f"{name}: {error['msg']} (found {str(error['input'])[:60]!r})"


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
