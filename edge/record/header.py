"""What stands at the beginning of every segment: the run, and all that decides what it said."""

from importlib import metadata
from os import sched_getaffinity
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from contract.bodies import ModelReference
from edge.config import Config
from edge.errors import ConfigError
from edge.grading.rules_file import grading_of
from edge.inspect.light import LightFile, read_light
from edge.lifecycle.model import Model
from edge.record.segment import DamagedError
from runtime.engine import BATCH_SIZES

CPU_BACKENDS = ("openvino", "onnxruntime")
"""These give the same bits again on the same machine with the same number of threads."""
ELSEWHERE = {
    "bundle", "source", "position", "mill", "grading", "ledger", "deliver", "console", "metrics",
    "record",
    "run_path",
}  # fmt: skip
"""Sections of the config that a replay has no use for: paths, addresses and passwords, and where
strip was and what the mill said of it, since each frame and its answers say it.
"""
LIGHT = "light.json"
RULES = "grading.yaml"
_CPU_INFO = Path("/proc/cpuinfo")
_ISA = (
    "avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8",
    "asimd", "asimddp", "sve",
)  # fmt: skip
_PACKAGES = (
    "stripsight", "numpy", "opencv-python-headless", "openvino", "onnxruntime", "onnxruntime-gpu",
)  # fmt: skip


class Machine(BaseModel):
    """Where the same arithmetic can come out differently in its last bits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: str
    threads: int
    """As configured; 0 leaves it to the engine, which then counts `cores`."""
    cores: int
    batch_sizes: tuple[int, ...]
    cpu: str
    isa: tuple[str, ...]
    packages: dict[str, str]

    def differences(self, here: "Machine") -> list[str]:
        """How another machine differs from this one, in words."""
        fields = type(self).model_fields
        pairs = ((n, getattr(self, n), getattr(here, n)) for n in fields)
        return [f"{n} was {then}, here it is {now}" for n, then, now in pairs if then != now]


class Header(BaseModel):
    """One run of the daemon, and which part of its recording this file is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: int = 0
    """The number of the run's first segment."""
    part: int = 0
    """Counts the run's segments from 0."""
    started_utc_ns: int
    after_seq: int
    """The last event of the ledger before this run."""
    config: dict[str, JsonValue]
    model: ModelReference
    classes: str
    """Digest of the class list."""
    light: LightFile | None
    """What `optics.flat_field` named."""
    rules: str | None = None
    """The text of the file that `grading` named."""
    machine: Machine

    def unpack(self, folder: Path) -> None:
        """Write what `config_for` names in a replay's folder."""
        if self.light is not None:
            (folder / LIGHT).write_text(self.light.model_dump_json(), "utf-8")
        if self.rules is not None:
            (folder / RULES).write_bytes(self.rules.encode())

    def config_for(self, bundle: Path, folder: Path) -> Config:
        """The run's config, with everything that a replay writes in `folder`.

        Raises:
            ConfigError: this version of the program has other keys.
        """
        elsewhere = {
            "bundle": bundle,
            "source": {"kind": "folder", "path": folder},
            "position": {"kind": "lines"},
            "optics": self._optics(folder),
            "grading": None if self.rules is None else folder / RULES,
            "ledger": {"path": folder},
            "run_path": folder,
        }
        try:
            return Config.model_validate({**self.config, **elsewhere})
        except ValidationError as error:
            version = self.machine.packages.get("stripsight")
            raise ConfigError(
                f"the recording's config is not one of this version ({error}); replay it with"
                f" stripsight {version}"
            ) from error

    def _optics(self, folder: Path) -> JsonValue:
        optics = self.config.get("optics")
        if isinstance(optics, dict) and self.light is not None:
            return optics | {"flat_field": str(folder / LIGHT)}
        return optics


def make_header(config: Config, model: Model, after_seq: int, started_utc_ns: int) -> Header:
    """The header of a run that begins."""
    light = config.optics.flat_field
    rules = grading_of(config, model.bundle.card.classes.defects)
    return Header(
        started_utc_ns=started_utc_ns,
        after_seq=after_seq,
        config=config.model_dump(mode="json", exclude=ELSEWHERE),
        model=model.reference,
        classes=model.bundle.card.classes.digest,
        light=read_light(light, config) if light else None,
        rules=rules.text.decode() if rules else None,
        machine=this_machine(model, config.inspect.threads),
    )


def read_header(words: object) -> Header:
    """The header that a file holds.

    Raises:
        DamagedError: it is none that this version knows.
    """
    try:
        return Header.model_validate(words)
    except ValidationError as error:
        raise DamagedError(f"its header is not one of this version ({error})") from error


def this_machine(model: Model, threads: int) -> Machine:
    """This machine, with the model that is loaded on it."""
    cpu, flags = _cpu()
    return Machine(
        backend=model.engine.backend,
        threads=threads,
        cores=len(sched_getaffinity(0)),
        batch_sizes=BATCH_SIZES,
        cpu=cpu,
        isa=tuple(flag for flag in _ISA if flag in flags),
        packages={name: v for name in _PACKAGES if (v := _version(name)) is not None},
    )


def _cpu() -> tuple[str, set[str]]:
    """The processor's name and its flags; empty where the kernel does not tell."""
    try:
        text = _CPU_INFO.read_text("utf-8")
    except OSError:
        return "", set()
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    facts = {name.strip(): value.strip() for name, _, value in lines}
    flags = facts.get("flags") or facts.get("Features", "")  # the latter on ARM
    return facts.get("model name", ""), set(flags.split())


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
