"""A mill's nodes become its messages: whatever they hold, and in whatever order."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import MillOpcUa
from edge.mill.node_words import AGAIN_S, SETTLE_S, NodeWords
from edge.mill.signals import CoilSignal, CorrectionSignal, HeadSignal, RefusedSignalError, Signal

ALL = (
    "coil", "order", "steel_grade", "width", "thickness", "reversed", "head", "tail", "speed",
    "position", "wrong_id", "right_id",
)  # fmt: skip


def words(*names: str, **settings: object) -> NodeWords:
    nodes = {name: f"ns=2;s={name}" for name in names or ALL}
    return NodeWords(
        MillOpcUa.model_validate(
            {"endpoint": "opc.tcp://plc", "security_policy": "None", "nodes": nodes, **settings}
        )
    )


def hear(
    heard: NodeWords, now_s: float = 0.0, *, anew: bool = False, **values: object
) -> list[Signal]:
    return [
        signal
        for word, value in values.items()
        for signal, _ in heard.hear(word, value, None, now_s, anew=anew)  # type: ignore[arg-type]
    ]


def due(heard: NodeWords, now_s: float) -> list[Signal]:
    return [signal for signal, _ in heard.due(now_s)]


def test_a_coil_is_announced_when_its_description_has_settled() -> None:
    heard = words(scale={"width": 1000.0})
    hear(heard, 0.0, coil="C-1")
    hear(heard, 0.1, width=1.25, order="o")
    assert due(heard, 0.1 + SETTLE_S / 2) == []
    assert due(heard, 0.1 + SETTLE_S) == [CoilSignal(id="C-1", width_mm=1250.0, order="o")]
    assert due(heard, 99.0) == []
    hear(heard, 100.0, coil="C-1", width=1.25)
    assert due(heard, 101.0) == []


def test_a_head_sends_the_announcement_before_it() -> None:
    heard = words()
    hear(heard, head=7)
    assert hear(heard, coil="C-1", head=8) == [CoilSignal(id="C-1"), HeadSignal()]
    assert hear(heard, head=8) == []


@pytest.mark.parametrize(
    ("values", "heads"),
    [([False, True, True, False, True], 2), ([True, False, True], 1), ([3, 3, 4, 6, 0], 3)],
)
def test_pulses_are_rising_edges_or_changed_counts(values: list[Any], heads: int) -> None:
    heard = words("head")
    assert sum(len(hear(heard, head=value)) for value in values) == heads


def test_what_passed_while_nobody_listened_is_a_head_of_now_where_it_was_counted() -> None:
    heard = words("coil", "head", "tail")
    hear(heard, coil="C-1", head=1, tail=False)
    due(heard, SETTLE_S)
    assert hear(heard, 9.0, anew=True, coil="C-2", head=2, tail=True) == [
        CoilSignal(id="C-2"),
        HeadSignal(),
    ]


def test_without_a_head_node_another_id_is_the_head() -> None:
    heard = words("coil", "width")
    hear(heard, coil="C-1")
    assert due(heard, 1.0) == [HeadSignal(id="C-1")]
    hear(heard, 2.0, width=900.0)
    assert due(heard, 3.0) == [CoilSignal(id="C-1", width_mm=900.0)]


def test_a_head_is_told_even_where_its_coil_has_an_impossible_id() -> None:
    with_pulse, by_id = words("coil", "head"), words("coil")
    hear(with_pulse, coil="x" * 10_000, head=1)
    hear(by_id, coil="x" * 10_000)
    for told in (with_pulse.hear("head", 2, None, 0.0), by_id.due(9.0)):
        assert next(told)[0] == HeadSignal()
        with pytest.raises(RefusedSignalError, match="id: "):
            next(told)


def test_a_correction_settles_too_and_one_of_before_we_came_is_passed_over() -> None:
    heard = words()
    hear(heard, anew=True, wrong_id="C-1", right_id="C-9")
    assert due(heard, 9.0) == []
    hear(heard, 10.0, right_id="C-3", wrong_id="C-2")
    assert due(heard, 11.0) == [CorrectionSignal(before="C-2", id="C-3")]


def test_speed_is_said_again_until_it_is_not_valid() -> None:
    heard = words("speed")
    assert [s.signal for s in hear(heard, 0.0, speed=2)] == ["speed"]
    assert len(due(heard, AGAIN_S["speed"])) == 1
    assert hear(heard, 1.0, speed=None) == []
    assert due(heard, 9.0) == []
    with pytest.raises(RefusedSignalError, match="m_per_s"):
        hear(heard, 10.0, speed=1e9)
    assert due(heard, 20.0) == []


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=100), st.binary(),
    st.lists(st.integers(), max_size=3), st.datetimes(),
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(ALL), VALUES, st.booleans()), max_size=20))
def test_whatever_nodes_hold_is_a_message_or_refused(told: list[tuple[str, Any, bool]]) -> None:
    heard = words()
    for now_s, (word, value, anew) in enumerate(told):
        for messages in (
            heard.hear(word, value, None, now_s, anew=anew),  # type: ignore[arg-type]
            heard.due(now_s + 0.5),
        ):
            with contextlib.suppress(RefusedSignalError):
                assert all(message.signal for message, _ in messages)
