"""Writes GenICam nodes through pypylon so that a refusal tells node, value and range.

Knows the vendor's node objects but imports none of its packages, which only `pylon.py` does.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from edge.errors import SourceError

Value = bool | int | float | str
_THROWN = re.compile(r" : \w+Exception thrown")


class _Kind(NamedTuple):
    words: str
    types: tuple[type, ...]


_NO_VALUE = _Kind("no value", ())
_KINDS = {
    "IntegerParameter": _Kind("an integer", (int,)),
    "FloatParameter": _Kind("a number", (int, float)),
    "BooleanParameter": _Kind("true or false", (bool,)),
    "StringParameter": _Kind("a text", (str,)),
    "EnumParameter": _Kind("a name", (str,)),
    "CommandParameter": _Kind("true, which runs it", ()),
}


class Nodes:
    """One node map of an open camera.

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
        """Whether the camera has this node."""
        return bool(self._map.GetNode(name).IsValid())

    def read(self, name: str) -> str:
        """The node's value as text.

        Raises:
            SourceError: there is no such node, or it cannot be read now.
        """
        node = self._node(name)
        try:
            return str(node.ToString())
        except self._error as error:
            raise SourceError(f"{self._what} {name}: cannot be read: {reason(error)}") from error

    def write(self, name: str, value: Value) -> None:
        """Set a node, or run it if it is a command and the value true.

        YAML reads a bare `On` as true, so a boolean stands for On and Off of an enumeration.

        Raises:
            SourceError: there is no such node, or it refuses the value; the text tells its range.
        """
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
                return "it takes " + ", ".join(node.GetSettableValues())
            if hasattr(node, "GetMin"):
                return f"it takes {_kind(node).words} from {node.GetMin()} to {node.GetMax()}"
        except self._error as error:
            return f"its range is unknown: {reason(error)}"
        return f"it takes {_kind(node).words}"


def unknown(name: str, names: Iterable[str]) -> str:
    """Says that a camera has no such node, and which is spelt like it."""
    near = difflib.get_close_matches(name, names, n=1)
    return "this camera has none of that name" + (f", did you mean {near[0]}?" if near else "")


def reason(error: Exception) -> str:
    """What a vendor's exception says, without the place in the vendor's source."""
    return _THROWN.split(str(error))[0].split("\n")[0].strip().rstrip(".")


def _write(node: Any, value: Value) -> None:  # noqa: ANN401 - vendor's
    if isinstance(value, bool) and hasattr(node, "GetSymbolics"):
        value = "On" if value else "Off"
    if hasattr(node, "Execute") and value is True:
        node.Execute()
        return
    if not isinstance(value, _kind(node).types) or (
        isinstance(value, bool) and hasattr(node, "GetMin")
    ):
        raise TypeError(f"{type(value).__name__} is the wrong type")
    node.SetValue(value)


def _kind(node: Any) -> _Kind:  # noqa: ANN401 - vendor's
    return _KINDS.get(type(node).__name__, _NO_VALUE)
