"""Which of the cameras that can be seen is meant."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from edge.errors import SourceError


class Found(NamedTuple):
    """A camera on the network or the bus, with what its library opens it by."""

    model: str
    serial: str
    device: Any


def the_one(found: Sequence[Found], serial: str | None) -> Found:
    """The camera of that serial number, or the only one.

    Raises:
        SourceError: none, or several; the text lists what is there.
    """
    chosen = [camera for camera in found if serial in {None, camera.serial}]
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(f"{camera.model} {camera.serial}" for camera in found) or "none"
    if chosen:
        raise SourceError(f"several cameras ({there}); name one in source.serial")
    wanted = "no camera" if serial is None else f"no camera with serial {serial!r}"
    raise SourceError(f"{wanted} (found: {there}); check power, cable and network")
