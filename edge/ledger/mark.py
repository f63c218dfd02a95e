"""The watermark as the ledger holds it, also of another version of this program."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from edge.types import Watermark

_WATERMARK = TypeAdapter(Watermark)
_FIELDS = TypeAdapter(dict[str, Any])
_UNTOLD: dict[str, Any] = {"untold": (), "dense": ()}


def write_mark(mark: Watermark) -> bytes:
    """As JSON."""
    return _WATERMARK.dump_json(mark)


def read_mark(stored: bytes) -> Watermark:
    """What a later version added is left out.

    Raises:
        ValueError: it cannot be read nevertheless.
    """
    return _WATERMARK.validate_json(stored, extra="ignore")


def read_place(stored: bytes) -> Watermark | None:
    """Of one that `read_mark` cannot read how far the strip had been dealt with, without what was
    not told yet; None where that cannot be read either.
    """
    try:
        return _WATERMARK.validate_python(_FIELDS.validate_json(stored) | _UNTOLD, extra="ignore")
    except ValidationError:
        return None
