"""The daemon's config: one YAML, read once, checked strictly, its sections passed on.

Relative paths are relative to the YAML's own folder. `stripsight-edge check-config FILE` does what
`run` does first.
"""

from edge.config.acquire import (
    AravisSource,
    Coils,
    EncoderPosition,
    FolderSource,
    LinesPosition,
    Mounting,
    Optics,
    Position,
    PylonSource,
    SimulatedSource,
    Source,
    SpeedPosition,
    SpeedSignalPosition,
    emulate_camera,
)
from edge.config.deliver import (
    Console,
    Deliver,
    Ledger,
    Metrics,
    Mqtt,
    OpcUaServer,
    PlcBlock,
    Record,
)
from edge.config.file import Config, load_config
from edge.config.inspect import Inspect, Strip
from edge.config.mill import Mill, MillMqtt, MillOpcUa, MillWord
from edge.config.opcua import OpcUaConnection, OpcUaPlc
from edge.config.rolls import PeriodRange, Roll, Rolls
from edge.config.section import Fraction, Name, Port, Positive, Section

__all__ = [
    "AravisSource",
    "Coils",
    "Config",
    "Console",
    "Deliver",
    "EncoderPosition",
    "FolderSource",
    "Fraction",
    "Inspect",
    "Ledger",
    "LinesPosition",
    "Metrics",
    "Mill",
    "MillMqtt",
    "MillOpcUa",
    "MillWord",
    "Mounting",
    "Mqtt",
    "Name",
    "OpcUaConnection",
    "OpcUaPlc",
    "OpcUaServer",
    "Optics",
    "PeriodRange",
    "PlcBlock",
    "Port",
    "Position",
    "Positive",
    "PylonSource",
    "Record",
    "Roll",
    "Rolls",
    "Section",
    "SimulatedSource",
    "Source",
    "SpeedPosition",
    "SpeedSignalPosition",
    "Strip",
    "emulate_camera",
    "load_config",
]
