"""Follows the ledger and the inspecting process, and draws the page's parts once for everybody.

One thread does all the reading and drawing; pages only copy the finished strings. `Drawn.beat`
counts its rounds: a browser that sees it stand still knows that what it shows is old.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from contract.bodies import CoilStarted
from contract.events import Event
from edge.clock import Clock, SystemClock
from edge.config import Config
from edge.console.panels import coil_panel, last_defects, news_of_events, state_line
from edge.console.status import News, Status, state_cells
from edge.console.strip_map import StripMap
from edge.console.view import LineView
from edge.control import Request, ask
from edge.errors import LedgerError, ReceiverError
from edge.ledger.reader import EventReader
from edge.palette import Palette

log = logging.getLogger(__name__)

PERIOD_S = 1.0
_ANSWER_S = 1.0
_PAGE_EVENTS = 2000
_NEW_COIL = (CoilStarted.kind,)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The page's parts, ready to be shown."""

    beat: int = 0
    stale: bool = True
    state: str = ""
    strip: str = ""
    defects: str = ""
    coil: str = ""
    foot: str = ""


class Watcher:
    """Runs between `start` and `stop`; `drawn` may be read from any thread."""

    def __init__(
        self, config: Config, when_over: Callable[[], None], clock: Clock | None = None
    ) -> None:
        self.drawn = Drawn()
        self._config = config
        self._when_over = when_over
        self._clock = clock or SystemClock()
        self._palette = Palette.of_bundle(config.bundle)
        self._map = StripMap(self._palette)
        self._line = LineView()
        self._reader: EventReader | None = None
        self._heard_ns = self._clock.now().monotonic_ns
        self._status: Status | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the round in hand, then end."""
        self._stopping.set()
        self._thread.join()

    def round(self) -> None:
        """Read what is new and draw it."""
        trouble = self._read_events()
        self._ask_status()
        news = News(self._status, self._age_s(), trouble)
        self._draw(news)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.round()
                self._stopping.wait(PERIOD_S)
        finally:
            if self._reader is not None:
                self._reader.close()
            self._when_over()

    def _age_s(self) -> float:
        return (self._clock.now().monotonic_ns - self._heard_ns) / 1e9

    def _ask_status(self) -> None:
        request = Request(action="status", by="console")
        try:
            reply = ask(self._config.run_path, request, timeout_s=_ANSWER_S)
            status = Status.model_validate(reply.result)
        except (ReceiverError, ValidationError) as error:
            log.debug("no status: %s", error)
            return
        self._status, self._heard_ns = status, self._clock.now().monotonic_ns
        coil = self._line.coil
        if coil is not None and coil.id == status.coil and status.coil_m is not None:
            coil.reached(status.coil_m)

    def _read_events(self) -> str | None:
        """Take in new events; the first time from the start of the coil before on."""
        try:
            if self._reader is None:
                self._reader = EventReader(self._config.ledger.path)
                newest = self._reader.latest(_NEW_COIL, 2)
                self._line.seq = newest[-1].event.seq - 1 if newest else 0
            while found := self._reader.after(self._line.seq, _PAGE_EVENTS):
                for recorded in found:
                    self._take(recorded.event)
        except LedgerError as error:
            return f"the event log cannot be read: {error}"
        return None

    def _take(self, event: Event) -> None:
        try:
            body = event.body()
        except ValueError as error:
            log.warning("event %d is not of this version and is left out: %s", event.seq, error)
            self._line.seq = event.seq
            return
        self._line.apply(event, body)

    def _draw(self, news: News) -> None:
        now = datetime.fromtimestamp(self._clock.now().utc_ns / 1e9).astimezone()
        line, palette = self._line, self._palette
        self.drawn = Drawn(
            beat=self.drawn.beat + 1,
            stale=news.stale,
            state=state_line(state_cells(news), news),
            strip=self._map.draw(line.coil),
            defects=last_defects(line, palette, now),
            coil=coil_panel(line, palette),
            foot=news_of_events(line, news, now),
        )
