"""The generated documents are those that the code gives today."""

import json
import re
import runpy
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError

from contract.events import Event, json_schema, number
from edge.deliver import asyncapi
from edge.mill.signals import NAMES
from tests.conftest import ROOT
from tests.line.published import ASYNCAPI, payload_of
from tests.quantify import report as quantify
from tests.rolls import report as rolls
from tests.unit.edge.console.strip_events import SOURCE, coil_report, coil_started, defect, missed
from tests.unit.edge.mill.test_docs import EXAMPLES


def test_documents_equal_the_code() -> None:
    documents = runpy.run_path(str(ROOT / "docs" / "generate.py"))["documents"]()
    assert {path.name for path in documents} == {
        "metrics.md", "events.schema.json", "asyncapi.yaml", "benchmarks.md", "report.md",
        "positions.md", "coil-report.schema.json", "mill.schema.json", "opcua.md",
    }  # fmt: skip
    for path, text in documents.items():
        assert path.read_text("utf-8") == text, f"run `python docs/generate.py` for {path.name}"


def figures(path: str) -> Any:  # noqa: ANN401 - as JSON gives it
    return json.loads((ROOT / "docs" / path).read_text("utf-8"))


def test_the_tables_of_the_studies_are_their_figures() -> None:
    chosen = quantify.choices(figures("quantification/choices.json"))
    tables = {
        "rolls": rolls.tables(figures("rolls/study.json")).split("\n\n"),
        "quantification": [*quantify.tables(figures("quantification/study.json")), chosen],
    }
    for name, found in tables.items():
        text = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
        for table in found:
            assert table in text, f"docs/{name}.md has other figures than its study"


def test_asyncapi_is_what_its_own_schema_asks_for() -> None:
    specs = ROOT / "tests" / "node" / "node_modules" / "@asyncapi" / "specs" / "schemas"
    if not specs.is_dir():
        pytest.skip("AsyncAPI's schemas are not installed: deploy/setup/node.sh installs them")
    validator = Draft7Validator(json.loads((specs / "3.0.0.json").read_text("utf-8")))
    validator.validate(asyncapi.document())
    with pytest.raises(ValidationError):
        validator.validate(asyncapi.document() | {"channels": {"events": {"address": 1}}})


def test_asyncapi_has_each_message_of_the_mill() -> None:
    for example in EXAMPLES:
        message = json.loads(example)
        payload_of(message["signal"]).validate(message)
        with pytest.raises(ValidationError):
            payload_of(message["signal"]).validate(message | {"colour": "red"})
    assert set(ASYNCAPI["channels"]["mill"]["messages"]) == set(NAMES)


def test_the_examples_of_the_contract_are_events() -> None:
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "events.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        Draft202012Validator(json_schema()).validate(json.loads(block))
        Event.model_validate_json(block).body()


def test_the_schema_accepts_events_and_refuses_what_is_none() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    drafts = (coil_started("c1"), defect("c1", "d1"), missed("c1", 1, 2), coil_report("c1"))
    events = [
        number(draft, SOURCE, seq).model_dump(mode="json") for seq, draft in enumerate(drafts, 1)
    ]
    for event in events:
        validator.validate(event)
    wrong: tuple[dict[str, object], ...] = (
        {"seq": 0}, {"type": "stripsight.action"}, {"data": {}}, {"specversion": "0.3"},
    )  # fmt: skip
    for change in wrong:
        with pytest.raises(ValidationError):
            validator.validate(events[1] | change)
