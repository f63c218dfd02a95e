"""The block's words as nodes of a PLC's server: their ids, their types, and what does not fit."""

from collections.abc import Mapping
from typing import NamedTuple

from asyncua import ua

from edge.config import OpcUaPlc
from edge.deliver.plc_words import ACKNOWLEDGE, HEAD, RING, Value, Word, slot_path
from edge.errors import ConfigError

_TOLD = 3
_NEEDED = ("Ring.Seq", "LastSeq", "Acknowledge")
"""Without them a PLC cannot tell what it has taken."""


class PlcNode(NamedTuple):
    """One word at its place in the PLC."""

    path: str
    """As the block names it: `Heartbeat`, `Ring[3].Seq`."""
    id: ua.NodeId
    type: ua.VariantType

    def variant(self, value: Value) -> ua.Variant:
        """A value as the PLC wants it."""
        return ua.Variant(value, self.type)


def plc_nodes(where: str, config: OpcUaPlc, ring: int) -> dict[str, PlcNode]:
    """The nodes by path, `Acknowledge` among them; those that the PLC lacks left out.

    Raises:
        ConfigError: a node id that is none or of two words, a word that does not exist or is
            needed.
    """
    known = {*(word.name for word in (*HEAD, ACKNOWLEDGE)), *(f"Ring.{word.name}" for word in RING)}
    if strange := next((name for name in config.nodes if name not in known), None):
        raise ConfigError(
            f"{where}.nodes: there is no word {strange!r}; docs/plc-client.md has all"
        )
    if config.when_full == "wait":
        for name in _NEEDED:
            if config.nodes.get(name, "") is None:
                raise ConfigError(
                    f"{where}.nodes: {name} cannot be left out with when_full: wait, which relies"
                    " on the PLC's Acknowledge"
                )
    found = [
        _node(where, slot_path(slot, word.name), word, _ring_id(config, word.name, slot))
        for slot in range(1, ring + 1)
        for word in RING
    ]
    found += [
        _node(where, word.name, word, _head_id(config, word.name)) for word in (*HEAD, ACKNOWLEDGE)
    ]
    nodes = {node.path: node for node in found if node is not None}
    _check_apart(where, nodes)
    return nodes


def _check_apart(where: str, nodes: Mapping[str, PlcNode]) -> None:
    """Two words in one place: the PLC would lose what the first one said, and nobody would see."""
    owners = dict[ua.NodeId, str]()
    for path, node in nodes.items():
        if (other := owners.setdefault(node.id, path)) != path:
            raise ConfigError(
                f"{where}: {other} and {path} are the same node {node.id.to_string()}; ring_node"
                " needs {slot} and {name}, node needs {name}, and in nodes each word its own"
            )


def _head_id(config: OpcUaPlc, name: str) -> str | None:
    return config.nodes.get(name, config.node.replace("{name}", name))


def _ring_id(config: OpcUaPlc, name: str, slot: int) -> str | None:
    pattern = config.nodes.get(f"Ring.{name}", config.ring_node)
    return pattern and pattern.replace("{name}", name).replace("{slot}", str(slot))


def _node(where: str, path: str, word: Word, text: str | None) -> PlcNode | None:
    if text is None:
        return None
    if "{" in text or "}" in text:
        raise ConfigError(
            f"{where}: {path}: {text!r} has braces left; the placeholders are {{name}} and, in the"
            " ring, {slot}"
        )
    try:
        node = ua.NodeId.from_string(text)
    except (ua.UaError, ValueError) as error:
        raise ConfigError(
            f"{where}: {path}: {text!r} is no node id, as in ns=2;s=Name or ns=2;i=1"
        ) from error
    return PlcNode(path, node, ua.VariantType[word.type])


def misfits(refused: Mapping[PlcNode, ua.StatusCode], found: Mapping[PlcNode, str]) -> str:
    """What is wrong with nodes that the PLC did not accept, by their status and the type they have
    there.
    """
    told = [_misfit(node, status, found[node]) for node, status in list(refused.items())[:_TOLD]]
    more = len(refused) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _misfit(node: PlcNode, status: ua.StatusCode, found: str) -> str:
    name, wanted = f"{node.path} ({node.id.to_string()})", node.type.name
    if status.name in {"BadNodeIdUnknown", "BadNodeIdInvalid"}:
        return f"{name} is not there ({status.name}); the PLC needs it, as {wanted}"
    if status.name == "BadTypeMismatch" or found not in {wanted, ""}:
        return f"{name} is {found or 'of another type'} in the PLC and must be {wanted}"
    return f"{name} cannot be written ({status.name})"
