"""GenICam nodes through pypylon.

Knows the vendor's node objects but imports none of its packages, which only `pylon.py` does.
"""

import re
from typing import Any

from edge.acquire import nodes
from edge.acquire.nodes import Kind, Value, one_of, unknown
from edge.errors import SourceError

_THROWN = re.compile(r" : \w+Exception thrown")
_KINDS = {
    "IntegerParameter": nodes.INTEGER,
    "FloatParameter": nodes.NUMBER,
    "BooleanParameter": nodes.BOOLEAN,
    "StringParameter": nodes.TEXT,
    "EnumParameter": nodes.NAME,
    "CommandParameter": nodes.COMMAND,
}


class PylonNodes:
    """One node map of an open camera; see `NodeMap`.

    Args:
        node_map: the vendor's.
        error: root of the vendor's exceptions.
        what: what its nodes are called in errors.
    """

    def __init__(
        self,
        node_map: Any,  # noqa: ANN401 - vendor's
        error: type[Exception],
        what: str = "camera node",
    ) -> None:
        self._map = node_map
        self._error = error
        self._what = what

    def has(self, name: str) -> bool:
        """Whether there is such a node."""
        return bool(self._map.GetNode(name).IsValid())

    def read(self, name: str) -> str:
        """The node's value as text."""
        node = self._node(name)
        try:
            return str(node.ToString())
        except self._error as error:
            raise SourceError(f"{self._what} {name}: cannot be read: {reason(error)}") from error

    def write(self, name: str, value: Value) -> None:
        """Set a node, or run a command."""
        node = self._node(name)
        try:
            _write(node, value)
        except (self._error, TypeError, ValueError) as error:
            raise SourceError(
                f"{self._what} {name}: refuses {value!r} ({reason(error)}); {self._range(node)}"
            ) from error

    def count(self, name: str) -> int | None:
        """An integer node's value; None where there is none or it cannot be read now."""
        try:
            return int(self._map.GetNode(name).GetValue())
        except (self._error, AttributeError):
            return None

    def run(self, name: str) -> bool:
        """Run a command node; False where there is none or it fails."""
        try:
            self._map.GetNode(name).Execute()
        except (self._error, AttributeError):
            return False
        return True

    def _node(self, name: str) -> Any:  # noqa: ANN401 - vendor's
        node = self._map.GetNode(name)
        if not node.IsValid():
            names = [n.GetNode().GetName() for n in self._map.GetNodes()]
            raise SourceError(f"{self._what} {name}: {unknown(name, names)}")
        return node

    def _range(self, node: Any) -> str:  # noqa: ANN401 - vendor's
        try:
            if hasattr(node, "SetValue") and not node.IsWritable():
                return "it is not writable in the camera's present state"
            if hasattr(node, "GetSettableValues"):
                return one_of(node.GetSettableValues())
            if hasattr(node, "GetMin"):
                return _kind(node).between(node.GetMin(), node.GetMax())
        except self._error as error:
            return f"its range is unknown: {reason(error)}"
        return f"it takes {_kind(node).words}"


def reason(error: Exception) -> str:
    """What a vendor's exception says, without the place in the vendor's source."""
    return _THROWN.split(str(error))[0].split("\n")[0].strip().rstrip(".")


def _write(node: Any, value: Value) -> None:  # noqa: ANN401 - vendor's
    if isinstance(value, bool) and hasattr(node, "GetSymbolics"):
        value = "On" if value else "Off"
    if hasattr(node, "Execute") and value is True:
        node.Execute()
        return
    _kind(node).check(value)
    node.SetValue(value)


def _kind(node: Any) -> Kind:  # noqa: ANN401 - vendor's
    return _KINDS.get(type(node).__name__, nodes.NO_VALUE)
