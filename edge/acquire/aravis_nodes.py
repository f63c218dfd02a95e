"""GenICam nodes and stream properties through Aravis.

Knows the library's objects but imports none of its packages, which only `aravis.py` does.
"""

from collections.abc import Callable, Iterator
from typing import Any

from edge.acquire import nodes
from edge.acquire.nodes import Kind, Value, one_of, unknown
from edge.errors import SourceError


class AravisNodes:
    """The nodes of an open camera; see `NodeMap`.

    Args:
        device: the library's, with its range and access checks enabled.
        aravis: the library's module.
        error: root of the library's exceptions.
    """

    def __init__(self, device: Any, aravis: Any, error: type[Exception]) -> None:  # noqa: ANN401 - the library's
        self._device = device
        self._aravis = aravis
        self._error = error

    def has(self, name: str) -> bool:
        """Whether there is such a node."""
        return self._device.get_feature(name) is not None

    def read(self, name: str) -> str:
        """The node's value as text."""
        self._node(name)
        try:
            return str(self._device.get_string_feature_value(name))
        except self._error as error:
            raise SourceError(f"camera node {name}: cannot be read: {_reason(error)}") from error

    def write(self, name: str, value: Value) -> None:
        """Set a node, or run a command."""
        kind = self._kind(self._node(name))
        if kind is nodes.NAME and isinstance(value, bool):
            value = "On" if value else "Off"
        try:
            self._set(kind, name, value)
        except (self._error, TypeError, OverflowError) as error:
            raise SourceError(
                f"camera node {name}: refuses {value!r} ({_reason(error)});"
                f" {self._range(kind, name)}"
            ) from error

    def count(self, name: str) -> int | None:
        """An integer node's value; None where there is none or it cannot be read now."""
        try:
            return int(self._device.get_integer_feature_value(name)) if self.has(name) else None
        except self._error:
            return None

    def run(self, name: str) -> bool:
        """Run a command node; False where there is none or it fails."""
        try:
            self._device.execute_command(name)
        except self._error:
            return False
        return True

    def _set(self, kind: Kind, name: str, value: Value) -> None:
        device = self._device
        if kind is nodes.COMMAND and value is True:
            device.execute_command(name)
            return
        kind.check(value)
        setters: dict[Kind, Callable[[str, Value], None]] = {
            nodes.INTEGER: device.set_integer_feature_value,
            nodes.NUMBER: device.set_float_feature_value,
            nodes.BOOLEAN: device.set_boolean_feature_value,
            nodes.TEXT: device.set_string_feature_value,
            nodes.NAME: device.set_string_feature_value,
        }
        setters[kind](name, value)

    def _node(self, name: str) -> Any:  # noqa: ANN401 - the library's
        if (node := self._device.get_feature(name)) is None:
            raise SourceError(f"camera node {name}: {unknown(name, self._names('Root'))}")
        return node

    def _names(self, category: str) -> Iterator[str]:
        """Below a category; nodes in none of them can be set, but not be guessed."""
        node = self._device.get_feature(category)
        if isinstance(node, self._aravis.GcCategory):
            for name in node.get_features():
                yield from self._names(name)
        else:
            yield category

    def _kind(self, node: Any) -> Kind:  # noqa: ANN401 - the library's
        """An enumeration is an integer and a string as well, so it comes first."""
        aravis = self._aravis
        kinds = (
            (aravis.GcCommand, nodes.COMMAND),
            (aravis.GcEnumeration, nodes.NAME),
            (aravis.GcBoolean, nodes.BOOLEAN),
            (aravis.GcFloat, nodes.NUMBER),
            (aravis.GcInteger, nodes.INTEGER),
            (aravis.GcString, nodes.TEXT),
        )
        return next((kind for type_, kind in kinds if isinstance(node, type_)), nodes.NO_VALUE)

    def _range(self, kind: Kind, name: str) -> str:
        device = self._device
        try:
            if kind is nodes.NAME:
                return one_of(device.dup_available_enumeration_feature_values_as_strings(name))
            if kind is nodes.INTEGER:
                return kind.between(*device.get_integer_feature_bounds(name))
            if kind is nodes.NUMBER:
                return kind.between(*device.get_float_feature_bounds(name))
        except self._error as error:
            return f"its range is unknown: {_reason(error)}"
        return f"it takes {kind.words}"


def set_property(stream: Any, name: str, value: Value) -> None:  # noqa: ANN401 - the library's
    """Set a property of the library's stream; one of a few words takes the word.

    Raises:
        SourceError: there is no such property, or it refuses the value; the text tells its range.
    """
    known = {p.name: p for p in stream.list_properties()}
    if name not in known:
        raise SourceError(f"stream property {name}: {unknown(name, known)}")
    words = _words(known[name])
    try:
        stream.set_property(name, words[str(value)] if words else _bounded(known[name], value))
    except (TypeError, ValueError, KeyError) as error:
        range_ = one_of(words) if words else _bounds(known[name])
        raise SourceError(f"stream property {name}: refuses {value!r}; {range_}") from error


def _words(property_: Any) -> dict[str, Any]:  # noqa: ANN401 - the library's
    """What an enumerated property takes; empty for any other."""
    values = getattr(getattr(property_, "enum_class", None), "__enum_values__", {})
    return {value.value_nick: value for value in values.values()}


def _bounded(property_: Any, value: Any) -> Any:  # noqa: ANN401 - the library's
    """The value itself; ValueError where the library would only warn and go on without it."""
    if hasattr(property_, "minimum") and not property_.minimum <= value <= property_.maximum:
        raise ValueError(f"{value} is out of range")
    return value


def _bounds(property_: Any) -> str:  # noqa: ANN401 - the library's
    if not hasattr(property_, "minimum"):
        return "it takes something else"
    kind = nodes.NUMBER if isinstance(property_.minimum, float) else nodes.INTEGER
    return kind.between(property_.minimum, property_.maximum)


def _reason(error: Exception) -> str:
    """What went wrong, without the library's own numbers."""
    return str(getattr(error, "message", error)).rstrip(".")
