import pytest
from pydantic import ValidationError

from edge.console.status import STALE_S, Cell, News, Status, age, state_cells

RUNNING = Status.model_validate({
    "state": "running", "degraded": [], "inspection_valid": True, "coil": "c1", "coil_m": 12.34,
    "line_m": 99.0, "speed_m_per_s": 2.0, "width_mm": 1200.0, "backend": "openvino",
    "model": {"name": "demo", "version": "1.0", "digest": "0"}, "frames": 3, "source_up": True,
    "uptime_s": 4.0,
})  # fmt: skip


def _cells(status: Status | None, age_s: float = 0.1) -> dict[str, Cell]:
    return {cell.key: cell for cell in state_cells(News(status, age_s))}


def test_a_normal_line_has_no_colour() -> None:
    cells = _cells(RUNNING)
    assert {cell.level for cell in cells.values()} == {"normal"}
    assert cells["state"].value == "Running"
    assert cells["valid"].value == "Valid"
    assert cells["position"].value == "12.3 m"
    assert cells["speed"][3:5] == ("2.00 m/s", "120 m/min")
    assert cells["model"][3:5] == ("demo 1.0", "on openvino")


def test_a_coil_is_called_by_the_mills_id_beside_its_subject() -> None:
    for coil_id, shown in ((None, ("c1", "")), ("c1", ("c1", "")), ("4711/02", ("4711/02", "c1"))):
        cell = _cells(RUNNING.model_copy(update={"coil_id": coil_id}))["coil"]
        assert (cell.value, cell.detail) == shown


@pytest.mark.parametrize(
    ("state", "word", "level"),
    [
        ("degraded", "Degraded", "warning"),
        ("stopping", "Stopping", "warning"),
        ("no_source", "No camera", "alarm"),
    ],
)
def test_each_state_has_word_symbol_and_level(state: str, word: str, level: str) -> None:
    cell = _cells(RUNNING.model_copy(update={"state": state, "degraded": ("fallback",)}))["state"]
    assert (cell.value, cell.level, cell.detail) == (word, level, "fallback")
    assert cell.symbol


def test_invalid_inspection_is_an_alarm_in_words() -> None:
    cell = _cells(RUNNING.model_copy(update={"inspection_valid": False}))["valid"]
    assert (cell.symbol, cell.value, cell.level) == ("✕", "Not valid", "alarm")


def test_old_news_never_looks_live() -> None:
    cells = _cells(RUNNING, STALE_S + 9.5)
    assert cells["state"].value == "No news for 12 s"
    assert cells["state"].detail == "last known: running"
    assert cells["valid"].value == "Unknown"
    assert cells["position"].label == "Last position"
    assert cells["state"].level == cells["valid"].level == "alarm"


def test_no_answer_ever_is_said_so() -> None:
    cells = _cells(None, 5.0)
    assert cells["state"].value == "No news for 5 s"
    assert cells["position"].value == "unknown"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7500, "2 h 05 min"),
        (200_000, "2 days"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    "answer", [{}, {"state": "asleep"}, {"state": "running", "inspection_valid": "perhaps"}]
)
def test_a_strange_answer_is_refused(answer: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Status.model_validate(answer)
