"""The one place that knows which frame sources there are; each is imported only when it is used,
so that a line PC needs only its own source's packages.
"""

from importlib import import_module
from typing import Any

from edge.acquire.by_speed import SpeedFeed
from edge.clock import Clock
from edge.config import Config
from edge.config import SimulatedSource as SimulatedSection
from edge.ports import FrameSource, LinePosition

_ADAPTERS = {
    "aravis": "edge.acquire.aravis:AravisSource",
    "folder": "edge.acquire.folder:FolderSource",
    "pylon": "edge.acquire.pylon:PylonSource",
    "simulated": "edge.acquire.simulated:SimulatedSource",
}


def make_source(
    config: Config, position: LinePosition, clock: Clock, speed: SpeedFeed | None = None
) -> FrameSource:
    """The source that the config asks for, not yet opened; the simulated one tells `speed`."""
    adapter = _adapter(config.source.kind)
    source: FrameSource
    if isinstance(config.source, SimulatedSection):
        source = adapter(config.source, config, position, clock, speed or SpeedFeed())
    else:
        source = adapter(config.source, position, clock)
    return source


def _adapter(kind: str) -> Any:  # noqa: ANN401 - a class found by its name
    module, _, name = _ADAPTERS[kind].partition(":")
    return getattr(import_module(module), name)
