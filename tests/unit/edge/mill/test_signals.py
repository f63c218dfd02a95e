"""Whatever comes as a message: a signal, or a refusal with its reason; never anything else."""

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.mill.signals import (
    FASTEST_M_PER_S,
    LONGEST_ID,
    NAMES,
    REASONS,
    CoilSignal,
    RefusedSignalError,
    SpeedSignal,
    json_schema,
    parse,
)

EXAMPLES: list[dict[str, Any]] = [
    {"signal": "coil", "id": "4711/02 A", "width_mm": 1250, "reversed": True, "order": "Ü-1"},
    {"signal": "coil", "id": "4711", "place": "running", "steel_grade": "DX51D"},
    {"signal": "head"},
    {"signal": "head", "id": "4711", "time": "2026-11-27T11:00:00.5Z", "position_m": 12.5},
    {"signal": "tail", "time": "2026-11-27T12:00:00+01:00"},
    {"signal": "correction", "before": "4711", "id": "4712", "thickness_mm": 0.8},
    {"signal": "speed", "m_per_s": -0.5},
    {"signal": "position", "position_m": 1234.5},
]
KEYS = ["signal", "id", "before", "time", "m_per_s", "position_m", "width_mm", "place", "reversed"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from([*NAMES, "a/b", "\0"]),
    lambda inner: st.dictionaries(st.sampled_from(KEYS) | st.text(), inner),
    max_leaves=8,
)


def refusal(body: bytes | str) -> str:
    with pytest.raises(RefusedSignalError) as refused:
        parse(body if isinstance(body, bytes) else body.encode())
    assert len(str(refused.value)) < 2000
    assert str(refused.value).isprintable()
    return refused.value.reason


@pytest.mark.parametrize("words", EXAMPLES)
def test_what_is_said_is_understood_and_is_of_the_schema(words: dict[str, Any]) -> None:
    signal = parse(json.dumps(words).encode())
    assert signal.signal == words["signal"]
    jsonschema.validate(words, json_schema())
    assert parse(signal.model_dump_json().encode()) == signal


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed"),
        (b'{"signal": "coil", "id":', "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 5000, "malformed"),
        (b'{"signal": "coil"}', "bad_id"),
        (b'{"signal": "weld"}', "malformed"),
        (b'{"signal": "' + b"w" * 8000 + b'"}', "malformed"),
        (b'{"id": "4711"}', "malformed"),
        (b'{"signal": "tail", "coil": "4711"}', "malformed"),
        (b'{"signal": "head", "time": "2026-11-27T11:00:00"}', "malformed"),
        (b'{"signal": "head", "time": 5}', "malformed"),
        (b'{"signal": "head", "position_m": 1e9}', "malformed"),
        (b'{"signal": "coil", "id": "4711", "width_mm": "1250"}', "malformed"),
        (b'{"signal": "coil", "id": "4711", "width_mm": 0}', "malformed"),
        (b'{"signal": "coil", "id": "47\\u000011"}', "bad_id"),
        (b'{"signal": "coil", "id": "   "}', "bad_id"),
        (b'{"signal": "coil", "id": 4711}', "bad_id"),
        (b'{"signal": "correction", "id": "4711", "before": "\\n"}', "bad_id"),
        (b'{"signal": "coil", "id": "' + b"x" * (LONGEST_ID + 1) + b'"}', "bad_id"),
        (b'{"signal": "coil", "id": "' + b"x" * 10_000 + b'"}', "too_long"),
        (b'{"signal": "speed", "m_per_s": 500}', "impossible_speed"),
        (b'{"signal": "speed", "m_per_s": -40}', "impossible_speed"),
        (b'{"signal": "speed", "m_per_s": NaN}', "impossible_speed"),
        (b'{"signal": "speed", "m_per_s": Infinity}', "impossible_speed"),
        (b'{"signal": "speed", "m_per_s": 1e999}', "impossible_speed"),
        (b'{"signal": "speed", "m_per_s": true}', "impossible_speed"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    assert refusal(body) == reason


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            '{"signal": "sped", "m_per_s": 1}',
            "unknown signal 'sped', did you mean 'speed'? there are coil, head, tail, co",
        ),
        ('{"signal": "Gewicht"}', "unknown signal 'Gewicht'; there are coil, head, tail, corr"),
        ('{"signal": 5}', "unknown signal 5; there are coil"),
        ('{"signal": "tail", "coil": "4711"}', "tail.coil: Extra inputs are not permitted (found"),
        ("{", "Invalid JSON: EOF while parsing"),
    ],
)
def test_a_refusal_says_what_helps(body: str, text: str) -> None:
    with pytest.raises(RefusedSignalError) as refused:
        parse(body.encode())
    assert str(refused.value).startswith(text)


def test_an_id_may_hold_what_mills_write_into_it() -> None:
    signal = parse('{"signal": "coil", "id": " 12/345 Ü#é "}'.encode())
    assert isinstance(signal, CoilSignal)
    assert signal.id == "12/345 Ü#é"


@given(body=st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
def test_any_bytes_are_a_signal_or_a_refusal(body: bytes) -> None:
    try:
        signal = parse(body)
    except RefusedSignalError:
        assert refusal(body) in REASONS
        return
    jsonschema.validate(json.loads(body), json_schema())
    if isinstance(signal, SpeedSignal):
        assert math.isfinite(signal.m_per_s)
        assert signal.m_per_s <= FASTEST_M_PER_S


@given(words=st.sampled_from(EXAMPLES), cut=st.integers(1, 60))
def test_a_message_that_was_cut_off_is_refused(words: dict[str, Any], cut: int) -> None:
    body = json.dumps(words).encode()
    assert refusal(body[:-cut]) == "malformed"
