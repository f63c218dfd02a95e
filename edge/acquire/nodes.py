"""A camera's GenICam nodes, whoever's library holds them: what is asked of them, and the words of a
refusal, which name node, value and range.
"""

import difflib
from collections.abc import Iterable
from typing import NamedTuple, Protocol

Value = bool | int | float | str


class NodeMap(Protocol):
    """The nodes of an open camera."""

    def has(self, name: str) -> bool:
        """Whether there is such a node."""
        ...

    def read(self, name: str) -> str:
        """The node's value as text.

        Raises:
            SourceError: there is no such node, or it cannot be read now.
        """
        ...

    def write(self, name: str, value: Value) -> None:
        """Set a node, or run it if it is a command and the value true.

        YAML reads a bare `On` as true, so a boolean stands for On and Off of an enumeration.

        Raises:
            SourceError: there is no such node, or it refuses the value; the text tells its range.
        """
        ...

    def count(self, name: str) -> int | None:
        """An integer node's value; None where there is none or it cannot be read now."""
        ...

    def run(self, name: str) -> bool:
        """Run a command node; False where there is none or it fails."""
        ...


class Kind(NamedTuple):
    """What a node takes, in words and in YAML's types."""

    words: str
    types: tuple[type, ...]

    def check(self, value: Value) -> None:
        """Raise TypeError unless the value is of this kind; true is not 1."""
        if not isinstance(value, self.types) or (isinstance(value, bool) and self != BOOLEAN):
            raise TypeError(f"{type(value).__name__} is the wrong type")

    def between(self, least: float, most: float) -> str:
        """Its range in words."""
        return f"it takes {self.words} from {least} to {most}"


INTEGER = Kind("an integer", (int,))
NUMBER = Kind("a number", (int, float))
BOOLEAN = Kind("true or false", (bool,))
TEXT = Kind("a text", (str,))
NAME = Kind("a name", (str,))
COMMAND = Kind("true, which runs it", ())
NO_VALUE = Kind("no value", ())


def one_of(names: Iterable[str]) -> str:
    """The range of an enumeration in words."""
    return "it takes " + ", ".join(names)


def unknown(name: str, names: Iterable[str]) -> str:
    """Says that a camera has no such node, and which is spelt like it."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return "this camera has none of that name" + (f", did you mean {near[0]}?" if near else "")


def set_frame_rate(nodes: NodeMap, frames_per_s: float) -> None:
    """By the standard's name, or the one of older GigE cameras."""
    if nodes.has("AcquisitionFrameRateEnable"):
        nodes.write("AcquisitionFrameRateEnable", value=True)
    standard = nodes.has("AcquisitionFrameRate")
    nodes.write("AcquisitionFrameRate" if standard else "AcquisitionFrameRateAbs", frames_per_s)
