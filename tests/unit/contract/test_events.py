import json
from datetime import UTC, datetime

import jsonschema
import pytest
from pydantic import ValidationError

from contract.bodies import (
    KINDS,
    Action,
    CoilCorrected,
    CoilData,
    CoilGraded,
    CoilReport,
    CoilStarted,
    Defect,
    DefectDensity,
    EventBody,
    Extent,
    Grade,
    Measure,
    ModelChanged,
    ModelReference,
    NotInspected,
    RollRepeat,
)
from contract.events import Draft, Event, json_schema, number

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MODEL = ModelReference(name="m", version="1", digest="d")
EXTENT = Extent(from_m=1, to_m=2, from_mm=3, to_mm=4)
DATA = CoilData(order="4711", steel_grade="DC01", thickness_mm=0.8, side="top")
GRADE = Grade(name="B", reasons=("one major defect",), rules="1@abc")
BODIES: list[EventBody] = [
    Defect(
        defect_id="c/1", revision=1, phase="opened", class_name="scratch", extent=EXTENT,
        probability=0.9, tiles=2, merged_into=None, evidence=None, model=MODEL, first_frame=1,
        last_frame=2, grabbed=NOW, severity="major",
        measure=Measure(
            extent=EXTENT, area_mm2=12, length_mm=8, width_mm=2, orientation_deg=30, contrast=-0.2
        ),
    ),
    DefectDensity(class_name="pitted", from_m=10, to_m=20, count=400, told=200, per_10_m=400),
    RollRepeat(
        repeat_id="c/roll-1", revision=1, phase="opened", class_name="scratch", extent=EXTENT,
        period_m=1.9, period_error_m=0.001, repeats=3, confidence=0.99, rolls=("F7 top",),
        defects=("c/1", "c/2", "c/3"),
    ),
    NotInspected(extent=EXTENT, outcome="lost", reason="camera", cells=3),
    CoilStarted(width_mm=1200, cell_m=0.1, cell_mm=100, model=MODEL),
    CoilCorrected(coil_id="C2", width_mm=1210, data=DATA, by="mill"),
    CoilGraded(grade=GRADE, before=None, origin="inspector", by="uid 1", comment="seen again"),
    CoilReport(
        length_m=10, width_mm=1200, expected_cells=5, cells={"on_time": 4, "lost": 1},
        reasons={"lost(camera)": 1}, coverage=0.8, inspection_valid=True, defects={"scratch": 1},
        models=(MODEL,), interrupted=False, data=DATA, severities={"major": 1}, grade=GRADE,
    ),
    ModelChanged(before=None, after=MODEL, at_m=None, activation="start", backend="openvino"),
    Action(action="activate", by="me", arguments={"bundle": "b"}, result="done"),
]  # fmt: skip


def draft(body: EventBody, key: str = "k", coil: str | None = "C1") -> Draft:
    return Draft(body, coil, key, NOW)


def test_every_kind_is_exercised_here() -> None:
    assert {body.kind for body in BODIES} == set(KINDS)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_an_event_survives_json_and_obeys_the_published_schema(body: EventBody) -> None:
    event = number(draft(body), "/mill/line/camera", 7)
    text = event.model_dump_json()
    again = Event.model_validate_json(text)
    assert again == event
    assert again.body() == body
    assert again.kind == body.kind
    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(text))


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_the_schema_bears_what_a_later_version_adds(body: EventBody) -> None:
    event = json.loads(number(draft(body), "/s", 1).model_dump_json())
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(event | {"traceparent": "00-1"})
    validator.validate(event | {"data": event["data"] | {"colour": "red"}})
    validator.validate(
        event | {"type": "stripsight.later", "data": {"schema_version": "1", "colour": "red"}}
    )
    assert '"additionalProperties": false' not in json.dumps(json_schema())
    with pytest.raises(ValidationError, match="colour"):
        type(body).model_validate(event["data"] | {"colour": "red"})


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_what_a_later_version_added_can_be_read_past(body: EventBody) -> None:
    event = number(draft(body), "/s", 1)
    inner = {name: value for name, value in event.data.items() if isinstance(value, dict)}
    added = {name: value | {"colour": "red"} for name, value in inner.items() if "model" in name}
    later = event.model_copy(update={"data": event.data | added | {"colour": "red"}})
    with pytest.raises(ValidationError, match="colour"):
        later.body()
    assert later.known() == body


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_the_schema_refuses_a_body_of_another_kind(body: EventBody) -> None:
    event = json.loads(number(draft(body), "/s", 1).model_dump_json())
    validator = jsonschema.Draft202012Validator(json_schema())
    assert not validator.is_valid(event | {"type": "stripsight.unknown", "data": "red"})
    assert not validator.is_valid(event | {"data": event["data"] | {"schema_version": "2"}})
    assert not validator.is_valid(event | {"data": {}})
    assert not validator.is_valid(event | {"seq": 0})


def test_the_schema_is_a_valid_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_schema_says_what_a_field_means() -> None:
    schema = json_schema()
    assert "without gaps" in schema["properties"]["seq"]["description"]
    for name, field, words in (
        ("Defect", "merged_into", "older defect"),
        ("Measure", "length_mm", "Longer side"),
        ("Extent", "from_mm", "operator side"),
    ):
        assert words in schema["$defs"][name]["properties"][field]["description"]


def test_an_id_depends_on_what_happened_and_not_on_its_number() -> None:
    body = BODIES[0]
    first = number(draft(body), "/s", 1)
    assert number(draft(body), "/s", 2).id == first.id
    others = [
        number(draft(body), "/t", 1),
        number(draft(body, key="l"), "/s", 1),
        number(draft(body, coil=None), "/s", 1),
        number(draft(BODIES[1]), "/s", 1),
    ]
    assert len({first.id, *(event.id for event in others)}) == 5


def test_an_unknown_type_has_no_body() -> None:
    event = number(draft(BODIES[0]), "/s", 1).model_copy(update={"type": "stripsight.other"})
    with pytest.raises(ValueError, match=r"unknown event type 'stripsight\.other'"):
        event.body()
    with pytest.raises(ValueError, match="unknown event type"):
        event.known()


@pytest.mark.parametrize(
    "change", [{"revision": 0}, {"probability": 1.1}, {"tiles": 0}, {"phase": "gone"}, {"x": 1}]
)
def test_a_defect_that_cannot_be(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Defect.model_validate(BODIES[0].model_dump() | change)


def test_no_number_is_infinite() -> None:
    with pytest.raises(ValidationError):
        Extent(from_m=0, to_m=float("nan"), from_mm=0, to_mm=1)
