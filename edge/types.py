"""The line's words on one page: frozen values that the rooms pass to each other."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from contract.bodies import CoilData, DefectDensity, NotInspected
from contract.events import Draft, Event
from edge.clock import Stamp

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


class RowMap(NamedTuple):
    """Where a block of lines lies: row `r` starts at `first_m + r * m_per_row` metres of the line's
    own count.
    """

    first_m: float
    m_per_row: float
    rows: int

    @property
    def end_m(self) -> float:
        """Position after the last row."""
        return self.first_m + self.rows * self.m_per_row

    def row_at(self, line_m: float) -> int:
        """The row in which a position lies, clipped to `0..rows`."""
        return min(self.rows, max(0, round((line_m - self.first_m) / self.m_per_row)))


class Counts(NamedTuple):
    """An encoder's counter as a block's first and last line were exposed; as the device gives it,
    so it wraps. A source that knows one value a block has the last one only.
    """

    first: int | None
    last: int


class Block(NamedTuple):
    """What a source knows of a block of lines before it has a place."""

    rows: int
    lost: int
    """Blocks of the same height that were lost since the one before."""
    grabbed: Stamp
    exposed: Stamp | None = None
    """The exposure of its last line: free of the host's jitter, as `grabbed` is not."""
    counts: Counts | None = None
    away: bool = False
    """The source was opened again: strip passed that it never saw."""


class Placed(NamedTuple):
    """Where a block lies, and what makes its picture one of strip that runs forward."""

    rows: RowMap
    """Of the rows kept, by rising metres."""
    keep: slice = slice(None)
    """The rows to keep, as they came."""
    backwards: bool = False
    """The last of them comes first."""
    mirrored: bool = False
    """The last column comes first."""
    known: bool = True
    """False: guessed, since the signal that should place it is missing or stale."""


class Loss(NamedTuple):
    """A stretch of strip whose picture never reached the network, and why (`buffer_overflow`,
    `camera`, ...).
    """

    first_m: float
    end_m: float
    reason: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A block of lines. `pixels` is read-only and the frame's own; copy what must outlive it."""

    seq: int
    """Counts the frames that the source produced, the lost ones included."""
    pixels: U8
    rows: RowMap
    exposed: Stamp | None
    """When its last line was exposed, where the source knows."""
    grabbed: Stamp
    """When its last line had reached this host."""
    losses: tuple[Loss, ...] = ()
    """Strip that went missing between the frame before and this one."""
    count: int | None = None
    """The encoder's counter at its last line, where there is one."""
    place_known: bool = True
    """False: `rows` is a guess, since the signal that should place it is missing or stale."""


class Start(NamedTuple):
    """Where an inspection begins on the line's count: what lies before `line_m` is not its to tell;
    what lies between there and its first frame was lost, and why.
    """

    line_m: float = 0.0
    untold: str = "camera"


Epoch = Literal["utc", "tai", "free_running"]


class CameraTime(NamedTuple):
    """How a camera's clock stands to the host's."""

    offset_s: float
    """Camera's minus host's UTC, with TAI's lead taken off; a clock that nobody set is decades off.
    """
    drift: float
    """Seconds that it gains in a second of the host's monotonic clock."""
    uncertainty_s: float
    """Spread of the quickest stamps about the line through them."""
    epoch: Epoch
    resets: int
    """Times that it jumped since this process began."""


class SourceReport(NamedTuple):
    """What a device tells of itself."""

    counts: Mapping[str, int] = MappingProxyType({})
    """Its statistics since it was opened, in the words of `edge/acquire/statistics.py`; what it
    does not count is not there.
    """
    clock: CameraTime | None = None


@dataclass(frozen=True, slots=True)
class Coil:
    """A coil as the mill describes it; head and tail are positions of the line's own count."""

    id: str
    head_m: float
    tail_m: float | None
    width_mm: float
    provisional: bool = False
    """Its id is ours: the mill has not named it yet."""
    data: CoilData = field(default_factory=CoilData)
    named: str | None = None
    """The mill's own id where ours differs: it is told again, or holds what an id of ours cannot.
    """
    late_m: float = 0.0
    """Metres of it that went by as the coil before, since its head was told too late."""
    head_seen: bool = True
    """False where inspection began within it."""


class Correction(NamedTuple):
    """The mill says otherwise of a coil that has begun or has left."""

    coil: Coil
    """As it should have been told; its id and head are those that it has."""
    by: str
    told: Stamp


@dataclass(frozen=True, slots=True)
class Section:
    """The part of a frame that belongs to one coil: rows `row_from <= r < row_to`."""

    frame: Frame
    coil: Coil
    row_from: int
    row_to: int

    @property
    def from_m(self) -> float:
        """Start of the section in metres from the coil's head."""
        return (
            self.frame.rows.first_m + self.row_from * self.frame.rows.m_per_row - self.coil.head_m
        )

    @property
    def to_m(self) -> float:
        """End of the section in metres from the coil's head."""
        return self.frame.rows.first_m + self.row_to * self.frame.rows.m_per_row - self.coil.head_m


@dataclass(frozen=True, slots=True)
class Picture:
    """Evidence: a JPEG under a name that is unique in the ledger."""

    name: str
    jpeg: bytes


class TileRecord(NamedTuple):
    """One line of the tile log: what the network said of one tile. One that the screen kept from it
    is `screened`, with probability 0.
    """

    frame: int
    row: int
    column: int
    coil: str
    from_m: float
    from_mm: float
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the strip has been dealt with: everything before `line_m` has its outcome in the
    ledger. Stored there as JSON; one of before a field has its default.
    """

    frame: int
    line_m: float
    coil: str | None
    coil_m: float
    tally: dict[str, int] = field(default_factory=dict)
    """The coil's cells so far by `outcome` or `outcome(reason)`: its report after a crash."""
    count: int | None = None
    """The encoder's counter at `line_m`, where there is one: what passed until the next start."""
    untold: tuple[NotInspected, ...] = ()
    """Strip of the coil that was not inspected and is in no event yet."""
    dense: tuple[DefectDensity, ...] = ()
    """Its defects that are counted and in no event yet."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What one frame gave, written in one transaction.

    `watermark` is None for what concerns no frame (an audited action): the stored one stays.
    """

    drafts: tuple[Draft, ...]
    watermark: Watermark | None
    grabbed: Stamp
    pictures: tuple[Picture, ...] = field(default=())
    tiles: tuple[TileRecord, ...] = field(default=())
    written: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    """Set once it is in the ledger."""


class Recorded(NamedTuple):
    """An event as the ledger holds it; `body` is what receivers get, byte for byte."""

    event: Event
    body: bytes
    grabbed: Stamp
    """When the last line of its frame had been received."""
    committed: Stamp
    """Just before the synced commit; its monotonic part compares within one boot of the host."""
