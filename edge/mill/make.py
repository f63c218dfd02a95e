"""What the inspecting process needs to hear the mill, put together from its config."""

from collections.abc import Callable
from typing import NamedTuple

from edge.clock import Clock
from edge.config import Config
from edge.metrics import InspectMetrics
from edge.mill.listen import MillEar
from edge.mill.odometer import Odometer, WatchedPosition
from edge.mill.past import Past
from edge.mill.state import MillState
from edge.mill.tracker import MillCoils
from edge.mill.wire import SignalReceiver
from edge.ports import LinePosition
from edge.types import Start


class MillSide(NamedTuple):
    """The parts, each to be handed to whom it concerns."""

    coils: MillCoils
    ear: MillEar
    state: MillState
    position: LinePosition
    start: Start


def make_mill(
    config: Config,
    start: Start,
    position: LinePosition,
    tell_speed: Callable[[float, int], None],
    metrics: InspectMetrics,
    clock: Clock,
) -> MillSide | None:
    """None where the config has no `mill`. The event log must be there.

    Raises:
        ConfigError: the socket cannot be made.
        LedgerError: the log cannot be read.
    """
    if config.mill is None:
        return None
    mounting = config.mounting
    if start.untold != "restart":
        # The count begins at the reference, and the camera sees what passed that before.
        start = Start(start.line_m - mounting.offset_m)
    odometer = Odometer(start.line_m, mounting.offset_m)
    past = Past(config.ledger.path, before_m=start.line_m - 1)
    coils = MillCoils(config, start.line_m, past, odometer, tell_speed, metrics, clock)
    state = MillState(config.mill, metrics, clock)
    ear = MillEar(SignalReceiver(config.run_path), coils, state, metrics)
    watched = WatchedPosition(position, odometer, rows_backwards=mounting.rows_backwards)
    return MillSide(coils, ear, state, watched, start)
