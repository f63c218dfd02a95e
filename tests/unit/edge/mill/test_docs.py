"""docs/coils.md says what the program does."""

import json
import re
from typing import get_args

import jsonschema

from edge.mill.doubts import Doubt
from edge.mill.signals import NAMES, REASONS, json_schema, parse
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "coils.md").read_text("utf-8")
EXAMPLES = re.findall(r'^\{"signal".*\}$', PAGE, re.MULTILINE)


def test_every_example_is_a_message_and_every_message_has_one() -> None:
    for example in EXAMPLES:
        jsonschema.validate(json.loads(example), json_schema())
    assert {parse(example.encode()).signal for example in EXAMPLES} == set(NAMES)


def test_every_reason_and_doubt_is_explained() -> None:
    counted = set(re.findall(r"`(\w+)` \|$", PAGE, re.MULTILINE))
    counted |= set(re.findall(r'(?:reason|doubt)="(\w+)"', PAGE))
    assert counted == {*REASONS, "no_room", *get_args(Doubt)}
