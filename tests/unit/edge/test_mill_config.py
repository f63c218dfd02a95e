"""The config's `mill` section, and what may stand beside it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge.config import Config
from edge.config.mill import Mill
from tests.unit.edge.mill.passage import mill_config

SOURCE = {"name": "level2", "host": "127.0.0.1", "topics": ["mill/#"]}


def changed(**sections: Any) -> Config:  # noqa: ANN401 - whatever a file may hold
    settings = mill_config(Path("/nowhere")).model_dump(mode="json")
    return Config.model_validate({**settings, **sections})


@pytest.mark.parametrize("topic", ["mill/line-1/#", "#", "+/coil", "a/+/b", "/a", "a b/\u00fc"])
def test_topics(topic: str) -> None:
    assert Mill.model_validate({"mqtt": [SOURCE | {"topics": [topic]}]}).mqtt[0].topics == (topic,)


@pytest.mark.parametrize("topics", [[], [""], ["a#"], ["a/#/b"], ["a+/b"], ["a\0"], ["x" * 2000]])
def test_topics_that_no_broker_takes(topics: list[str]) -> None:
    with pytest.raises(ValidationError, match="topics"):
        Mill.model_validate({"mqtt": [SOURCE | {"topics": topics}]})


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"mill": {}}, "name a source"),
        ({"mill": {"mqtt": [SOURCE, SOURCE]}}, "two sources are named 'level2'"),
        ({"coils": {"width_mm": 900, "length_m": 500}}, "coils.length_m"),
        ({"mounting": {"offset_m": -1}}, "mounting.offset_m"),
        ({"mill": {"mqtt": [SOURCE], "max_age_s": {"head": 2}}}, "max_age_s"),
        ({"mill": {"mqtt": [SOURCE], "bounce_m": 0}}, "bounce_m"),
    ],
)
def test_what_contradicts_itself_is_refused(sections: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        changed(**sections)


def test_the_mills_speed_places_the_strip() -> None:
    position = {"kind": "speed_signal", "pitch_at_m_per_s": 5.0}
    assert changed(position=position).mill is not None
    with pytest.raises(ValidationError, match="nobody tells a speed"):
        changed(position=position, mill=None)


def test_the_mills_count_places_the_strip() -> None:
    position = {"kind": "speed_signal", "signal": "position", "pitch_at_m_per_s": 5.0}
    assert changed(position=position).mill is not None
    ride = {"kind": "simulated", "speed": [[0, 5]]}
    with pytest.raises(ValidationError, match="nobody tells a count"):
        changed(position=position, mill=None, source=ride)
