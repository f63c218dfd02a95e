"""What the inspecting process says of itself, how old that is, and how it reads in words.

Colour never stands alone: each cell has a symbol and a word, and colour only where something is
not normal (the manner of ISA-101). What is older than `STALE_S` is never shown as the present.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

STALE_S = 3.0
Level = Literal["normal", "warning", "alarm"]


class ModelStatus(BaseModel):
    """The bundle that inspects."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: str


class Status(BaseModel):
    """The answer to `status` on the control socket; what the page does not use is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    state: Literal["running", "degraded", "stopping", "no_source"]
    degraded: tuple[str, ...] = ()
    inspection_valid: bool
    coil: str | None = None
    coil_id: str | None = None
    """The mill's own id of it, where it has told one."""
    coil_m: float | None = None
    speed_m_per_s: float | None = None
    width_mm: float | None = None
    model: ModelStatus | None = None
    backend: str | None = None
    source_up: bool


@dataclass(frozen=True, slots=True)
class News:
    """The newest status and its age; `age_s` counts from the page's start while none ever came."""

    status: Status | None
    age_s: float
    trouble: str | None = None
    """Why the event log cannot be read, where it cannot."""

    @property
    def stale(self) -> bool:
        """Whether the status is too old to be the present."""
        return self.status is None or self.age_s > STALE_S


class Cell(NamedTuple):
    """One field of the state line."""

    key: str
    label: str
    symbol: str
    value: str
    detail: str
    level: Level


_STATES: dict[str, tuple[str, str, Level]] = {
    "running": ("▶", "Running", "normal"),
    "degraded": ("▲", "Degraded", "warning"),
    "stopping": ("■", "Stopping", "warning"),
    "no_source": ("✕", "No camera", "alarm"),
}


def state_cells(news: News) -> tuple[Cell, ...]:
    """The state line, from left to right."""
    status = news.status
    values: tuple[Cell, ...] = (
        _coil(status),
        _measure("position", "Position", status.coil_m if status else None, "m", ".1f"),
        _speed(status),
        _model(status),
    )
    if news.stale:
        values = tuple(cell._replace(label=f"Last {cell.label.lower()}") for cell in values)
    return (_state(news), _validity(news), *values)


def _coil(status: Status | None) -> Cell:
    """By the mill's id; beside it the subject of its events where that is another."""
    if status is None or status.coil is None:
        return Cell("coil", "Coil", "", "none", "", "normal")
    name = status.coil_id or status.coil
    return Cell("coil", "Coil", "", name, "" if name == status.coil else status.coil, "normal")


def _state(news: News) -> Cell:
    if news.status is None:
        detail = "the inspecting process has not answered yet"
        return Cell("state", "State", "?", f"No news for {age(news.age_s)}", detail, "alarm")
    if news.stale:
        word = _STATES[news.status.state][1].lower()
        return Cell(
            "state", "State", "?", f"No news for {age(news.age_s)}", f"last known: {word}", "alarm"
        )
    symbol, word, level = _STATES[news.status.state]
    detail = "; ".join(news.status.degraded)
    if detail and level == "normal":
        level = "warning"
    return Cell("state", "State", symbol, word, detail, level)


def _validity(news: News) -> Cell:
    if news.status is None or news.stale:
        return Cell("valid", "Inspection", "?", "Unknown", "nothing is known", "alarm")
    if news.status.inspection_valid:
        return Cell("valid", "Inspection", "✓", "Valid", "", "normal")
    return Cell("valid", "Inspection", "✕", "Not valid", "clean is not proven", "alarm")


def _measure(key: str, label: str, value: float | None, unit: str, form: str) -> Cell:
    text = "unknown" if value is None else f"{value:{form}} {unit}"
    return Cell(key, label, "", text, "", "normal")


def _speed(status: Status | None) -> Cell:
    speed = status.speed_m_per_s if status else None
    cell = _measure("speed", "Speed", speed, "m/s", ".2f")
    return cell._replace(detail="" if speed is None else f"{speed * 60:.0f} m/min")


def _model(status: Status | None) -> Cell:
    if status is None or status.model is None:
        return Cell("model", "Model", "", "unknown", "", "normal")
    backend = f"on {status.backend}" if status.backend else ""
    name = f"{status.model.name} {status.model.version}"
    return Cell("model", "Model", "", name, backend, "normal")


def age(seconds: float) -> str:
    """An age in the unit that a person would use: `12 s`, `3 min`, `2 h 05 min`."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole >= 172_800:
        return f"{whole // 86_400} days"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
