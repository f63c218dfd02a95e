"""The block's words as nodes of a PLC, as its config names them."""

import re

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from edge.config import OpcUaPlc
from edge.deliver.plc_nodes import PlcNode, misfits, plc_nodes
from edge.deliver.plc_words import ACKNOWLEDGE, HEAD, RING
from edge.errors import ConfigError

WHERE = "deliver.opcua_client 'plc'"


def plc(**settings: object) -> OpcUaPlc:
    return OpcUaPlc.model_validate(
        {"endpoint": "opc.tcp://plc:4840", "security_policy": "None", **settings}
    )


def test_every_word_has_a_node_of_its_type() -> None:
    nodes = plc_nodes(WHERE, plc(), 3)
    assert len(nodes) == len(HEAD) + 1 + 3 * len(RING)
    assert nodes["Ring[3].Seq"].id == ua.NodeId.from_string("ns=2;s=StripSight.Ring[3].Seq")
    assert {word.name: nodes[word.name].type.name for word in (*HEAD, ACKNOWLEDGE)} == {
        word.name: word.type for word in (*HEAD, ACKNOWLEDGE)
    }


def test_patterns_and_single_nodes_of_an_s7() -> None:
    nodes = plc_nodes(
        WHERE,
        plc(
            node='ns=3;s="Strip"."{name}"',
            ring_node='ns=3;s="Strip"."Ring"[{slot}]."{name}"',
            nodes={"Heartbeat": "ns=3;i=4711", "Ring.ToM": "ns=3;s=to{slot}", "Ring.Coil": None},
        ),
        2,
    )
    assert nodes["Ring[2].Seq"].id.Identifier == '"Strip"."Ring"[2]."Seq"'
    assert nodes["State"].id.Identifier == '"Strip"."State"'
    assert nodes["Heartbeat"].id.Identifier == 4711
    assert nodes["Ring[1].ToM"].id.Identifier == "to1"
    assert "Ring[1].Coil" not in nodes


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"nodes": {"Heartbeet": "i=1"}}, "there is no word 'Heartbeet'"),
        ({"nodes": {"Acknowledge": None}}, "Acknowledge cannot be left out with when_full: wait"),
        ({"nodes": {"Ring.Seq": None}}, "Ring.Seq cannot be left out"),
        ({"node": "Strip.{name}"}, "'Strip.Heartbeat' is no node id"),
    ],
)
def test_wrong_names_are_config_errors(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        plc_nodes(WHERE, plc(**settings), 1)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ring_node": "ns=3;s=R.{name}"}, "Ring[1].Seq and Ring[2].Seq are the same node ns=3;s="),
        ({"ring_node": "ns=3;s=R{slot}"}, "Ring[1].Seq and Ring[1].Defect are the same node"),
        ({"node": "ns=3;s=Word"}, "Heartbeat and State are the same node ns=3;s=Word; ring_node"),
        (
            {"nodes": {"Ring.ToM": "ns=3;s=to"}},
            "Ring[1].ToM and Ring[2].ToM are the same node ns=3;s=to; ring_node needs {slot} and {",
        ),
        ({"nodes": {"Speed": "i=7", "State": "ns=0;i=7"}}, "State and Speed are the same node i=7"),
        ({"nodes": {"Speed": "ns=2;s=StripSight.Ring[2].Seq"}}, "Ring[2].Seq and Speed are the sa"),
    ],
)
def test_two_words_in_one_place_are_a_config_error(settings: dict[str, object], told: str) -> None:
    """The PLC would lose defects while every figure of ours is green."""
    with pytest.raises(ConfigError, match=re.escape(f"{WHERE}: {told}")):
        plc_nodes(WHERE, plc(**settings), 2)


def test_a_ring_of_one_slot_needs_no_number() -> None:
    plc_nodes(WHERE, plc(ring_node="ns=3;s=Ring.{name}"), 1)


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"ring_node": "ns=3;s={foo}{slot}{name}"}, "Ring[1].Seq: 'ns=3;s={foo}1Seq'"),
        ({"ring_node": "ns=3;s={slot}{name"}, "Ring[1].Seq: 'ns=3;s=1{name'"),
        ({"node": "ns=3;s=x}{name}"}, "Heartbeat: 'ns=3;s=x}Heartbeat'"),
        ({"node": "ns=3;s={name}{slot}"}, "Heartbeat: 'ns=3;s=Heartbeat{slot}'"),
    ],
)
def test_strange_placeholders_are_config_errors(settings: dict[str, object], path: str) -> None:
    told = f"{path} has braces left; the placeholders are {{name}} and, in the ring, {{slot}}"
    with pytest.raises(ConfigError, match=re.escape(told)):
        plc_nodes(WHERE, plc(**settings), 2)


@given(st.text(min_size=3, max_size=40))
def test_any_pattern_is_node_ids_or_a_config_error(pattern: str) -> None:
    try:
        nodes = plc_nodes(WHERE, plc(node=pattern), 1)
    except ConfigError:
        return
    assert len(nodes) == len(HEAD) + 1 + len(RING)


def test_misfits_name_node_and_types() -> None:
    def node(path: str) -> PlcNode:
        return PlcNode(path, ua.NodeId.from_string(f"ns=2;s={path}"), ua.VariantType.Float)

    def status(code: int) -> ua.StatusCode:
        return ua.StatusCode(ua.UInt32(code))

    speed, gone = node("Speed"), node("Ring[1].ToM")
    refused = {
        speed: status(ua.StatusCodes.BadTypeMismatch),
        gone: status(ua.StatusCodes.BadNodeIdUnknown),
        node("a"): status(ua.StatusCodes.BadNotWritable),
        node("b"): status(ua.StatusCodes.BadNotWritable),
    }
    told = misfits(refused, dict.fromkeys(refused, "Float") | {speed: "Double"})
    assert told == (
        "Speed (ns=2;s=Speed) is Double in the PLC and must be Float;"
        " Ring[1].ToM (ns=2;s=Ring[1].ToM) is not there (BadNodeIdUnknown); the PLC needs it, as"
        " Float; a (ns=2;s=a) cannot be written (BadNotWritable); and 1 more"
    )
