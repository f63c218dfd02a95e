"""What is wrong with a user's file, in words of YAML and not of the checking library."""

import reprlib
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edge.text import printable

_MOST = 5
"""Errors told at once."""


class _Brief(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 - reprlib's own
        """Python refuses to write numbers of thousands of digits, which YAML reads in hex."""
        return repr(x) if x.bit_length() < 200 else f"{hex(x)[:20]}..."


_SHOWN = _Brief()
_SHOWN.maxlevel = 1
"""An alias within an alias can make a kilobyte of YAML a gigabyte of text."""
_SHOWN.maxstring = _SHOWN.maxother = 60


def true_errors(error: ValidationError) -> list[ErrorDetails]:
    """The first errors, without those that only follow: where items of a list are wrong, the
    library goes on without them and finds too few.
    """
    errors = error.errors(include_url=False)
    outer = {each["loc"][:depth] for each in errors for depth in range(len(each["loc"]))}
    return [e for e in errors if e["type"] != "too_short" or e["loc"] not in outer][:_MOST]


def said(error: ErrorDetails, patterns: Mapping[str, str]) -> str:
    """What is wrong with a value; `patterns` says in words what each pattern asks for."""
    given, known = error["input"], error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return error["msg"].removeprefix("Value error, ")
        case "tuple_type":
            return _as_list(given)
        case "too_short" | "too_long":
            most = "most" if error["type"] == "too_long" else "least"
            limit = known.get("max_length", known.get("min_length"))
            return f"write at {most} {limit}, found {known['actual_length']}"
        case "string_type" if isinstance(given, bool | int | float):
            return f"YAML reads {_SHOWN.repr(given)} here; put the word in quotes"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"write keys with values{_found(given)}"
        case _:
            words = patterns.get(str(known.get("pattern")), error["msg"])
            return f"{words}{_found(given)}"


def two(value: object) -> object:
    """Check that both ends of a range are there.

    Raises:
        ValueError: no list, or not of two.
    """
    if isinstance(value, list | tuple) and len(value) == 2:
        return value
    raise ValueError(f"write a list of two numbers, as [1, 2]{_found(value)}")


def _as_list(given: object) -> str:
    if isinstance(given, str):
        return f"write a list: [{printable(given[:60])}]"
    if isinstance(given, int | float):
        return f"write a list: [{_SHOWN.repr(given)}]"
    if isinstance(given, Mapping):
        return "write a list: a line for each, beginning with `- `"
    return f"write a list{_found(given)}"


def _found(given: object) -> str:
    """Nothing of a section, of which all would be printed."""
    return "" if isinstance(given, Mapping) else f" (found {_SHOWN.repr(given)})"
