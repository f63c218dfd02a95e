"""The event log's writer: each frame's events in one synced transaction, numbered without gaps.

Invariants:

* `seq` counts from 1 without a gap over all files; a commit that fails uses none up.
* What `commit` returned is on disk (fdatasync), pictures included.
* The body on disk is byte for byte what receivers get.
* The newest file is the only one written. A new one begins with a later UTC day; a clock that goes
  back goes on in the newest file, so that `seq` order is file order. Where a clock that was ahead
  has left a file of a day to come, the next ones are named by the days after that.
* An id that is in the newest file or the one before is recorded once: repeating a commit is safe.
"""

import fcntl
import logging
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple, TextIO, TypeVar

from contract.bodies import CoilReport, CoilStarted, Defect, RollRepeat
from contract.events import Draft, Event, number
from edge.clock import Clock, Stamp
from edge.errors import LedgerError, LedgerFullError
from edge.ledger import day
from edge.ledger.evidence import make_folders, store_pictures, sync_folder
from edge.ledger.mark import read_mark, read_place, write_mark
from edge.ledger.reserve import Reserve
from edge.ledger.wake import WakeSender
from edge.types import Commit, Watermark

T = TypeVar("T")
RESERVE_BYTES = 16 << 20  # a write-ahead log (4 MB) and its checkpoint, twice
_A_DAY = timedelta(1)
_RETAKE_NS = 60_000_000_000
_log = logging.getLogger(__name__)


class Recovered(NamedTuple):
    """How the log was left."""

    last_seq: int
    watermark: Watermark | None
    clean: bool
    """The writer before closed it properly; True for a new log."""
    open_defects: list[Event]
    """The newest revision of every defect that was neither closed nor interrupted."""
    open_coil: Event | None
    """The newest `coil_started` whose coil has no report."""
    last_coil: str | None
    """The coil that started last."""
    open_repeats: list[Event]
    """The newest revision of every roll repeat that was neither closed nor interrupted."""
    unread: tuple[int, ...] = ()
    """Numbers of the events that left something open and are no events to this version of the
    program.
    """
    mark_whole: bool = True
    """False where this version cannot read all of the watermark that another one wrote."""


_NEW_LOG = Recovered(
    last_seq=0,
    watermark=None,
    clean=True,
    open_defects=[],
    open_coil=None,
    last_coil=None,
    open_repeats=[],
)


class EventLog:
    """The writer of one event log. One thread at a time may use it.

    Args:
        directory: Folder of the log; created when missing.
        source: CloudEvents source; a log belongs to one source for ever.
        clock: Its UTC date chooses the file.
        run_path: Folder of the sockets whose listeners are woken after a commit that holds events.
        reserve_bytes: Room kept back for a full disk.
    """

    def __init__(
        self,
        directory: Path,
        source: str,
        clock: Clock,
        run_path: Path | None = None,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self._directory = directory
        self._source = source
        self._clock = clock
        self._run_path = run_path
        self._waker: WakeSender | None = None
        self._reserve = Reserve(directory, reserve_bytes)
        self._reserve_lost_ns = 0
        self._lock: TextIO | None = None
        self._file: sqlite3.Connection | None = None
        self._before: sqlite3.Connection | None = None
        self._day = self._written = date.min
        self._last_seq = 0

    def open(self) -> Recovered:
        """Take the log and learn how it was left. A full disk costs the reserve first.

        Raises:
            LedgerError: another writer has it, it belongs to another source or schema, or it cannot
            be written; LedgerFullError where that is for want of room.
        """
        with day.explained(self._directory):
            make_folders(self._directory)
            self._take_lock()
            self._reserve.take()
            if self._run_path is not None:
                self._waker = WakeSender(self._run_path)
            try:
                return self._with_reserve(self._open_newest)
            except BaseException:
                self._release()
                raise

    def commit(self, commit: Commit) -> list[Event]:
        """Write what one frame gave, all or nothing; returns the events that are new.

        A full disk costs the reserve first and is an error only after that.

        Raises:
            LedgerFullError: no room; the commit may be repeated later.
            LedgerError: anything else that keeps it from being written.
        """
        events = self._with_reserve(lambda: self._write(commit))
        self._last_seq += len(events)
        self._retake_reserve()
        if events and self._waker is not None:
            self._waker.wake()
        return events

    def close(self, *, clean: bool = True) -> None:
        """Let go of the log; `clean` says that everything known was committed.

        Raises:
            LedgerError: the mark of the clean stop cannot be written; the log is closed anyhow.
        """
        try:
            if clean and self._file is not None:
                with day.explained(self._path()), day.transaction(self._file):
                    self._file.execute("UPDATE state SET clean = 1")
        finally:
            self._release()

    def _with_reserve(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except LedgerFullError:
            if not self._reserve.release():
                raise
            self._reserve_lost_ns = self._clock.now().monotonic_ns
            return work()

    def _take_lock(self) -> None:
        lock = (self._directory / "writer.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise LedgerError(
                f"{self._directory}: another daemon writes this event log; stop it first, or give"
                " each its own ledger.path"
            ) from error
        self._lock = lock

    def _release(self) -> None:
        self._close_files()
        for resource in (self._lock, self._waker):
            if resource is not None:
                resource.close()
        self._lock = self._waker = None

    def _close_files(self) -> None:
        for connection in (self._file, self._before):
            if connection is not None:
                connection.close()
        self._file = self._before = None

    def _open_newest(self) -> Recovered:
        self._close_files()  # those of a try that found no room
        paths = day.day_paths(self._directory)
        while paths and not self._open_if_complete(paths[-1]):
            paths.pop()
        with day.explained(self._directory):
            if self._file is None:
                self._begin_day(self._clock.now().utc().date(), day.Carry(self._source, 0))
                return _NEW_LOG
            if len(paths) > 1:
                self._before = day.connect_reader(paths[-2])
            return self._recover(self._file)

    def _open_if_complete(self, path: Path) -> bool:
        connection = day.connect_writer(path)
        try:
            complete = day.is_complete(connection, path)
        except LedgerError:
            connection.close()
            raise
        if not complete:
            connection.close()
            path.unlink()
            return False
        self._file, self._day = connection, day.day_of(path)
        return True

    def _recover(self, file: sqlite3.Connection) -> Recovered:
        carry = day.read_carry(file)
        if carry.source != self._source:
            raise LedgerError(
                f"{self._directory}: holds the events of {carry.source}, not of {self._source};"
                " give this camera its own ledger.path"
            )
        clean = bool(file.execute("SELECT clean FROM state").fetchone()[0])
        with day.transaction(file):
            file.execute("UPDATE state SET clean = 0")
        self._last_seq = carry.base_seq
        self._written = _newest_date(file) or self._day
        unfinished, unread = _read_unfinished(carry)
        watermark, mark_whole = _read_mark(carry.watermark)
        coils = [event for key, event in unfinished if key.startswith("coil/")]
        return Recovered(
            last_seq=carry.base_seq,
            watermark=watermark,
            clean=clean,
            open_defects=[event for key, event in unfinished if key.startswith("defect/")],
            open_coil=coils[-1] if coils else None,
            last_coil=carry.last_coil,
            open_repeats=[event for key, event in unfinished if key.startswith("repeat/")],
            unread=unread,
            mark_whole=mark_whole,
        )

    def _write(self, commit: Commit) -> list[Event]:
        with day.explained(self._directory):
            store_pictures(self._directory, commit.pictures)
            now = self._clock.now()
            file = self._file_for(now)
            with day.transaction(file):
                return self._write_rows(file, commit, now)

    def _file_for(self, now: Stamp) -> sqlite3.Connection:
        if self._file is None:
            raise LedgerError(f"{self._directory}: the event log is not open")
        today = now.utc().date()
        if today > self._written and today != self._day:
            self._begin_day(max(today, self._day + _A_DAY), day.read_carry(self._file))
            if self._day != today:
                _log.warning("%s: begun on %s, the clock was ahead before", self._path(), today)
        self._written = today
        return self._file

    def _begin_day(self, today: date, carry: day.Carry) -> None:
        path = day.day_path(self._directory, today)
        file = day.connect_writer(path)
        try:
            if not day.is_complete(file, path):
                day.create(file, carry)
            sync_folder(self._directory)
        except BaseException:
            file.close()
            raise
        if self._before is not None:
            self._before.close()
        self._file, self._before = file, self._file
        self._day = self._written = today

    def _write_rows(self, file: sqlite3.Connection, commit: Commit, now: Stamp) -> list[Event]:
        events: list[Event] = []
        for draft in commit.drafts:
            event = number(draft, self._source, self._last_seq + len(events) + 1)
            body = event.model_dump_json().encode()
            if self._is_known(file, event):
                _log.warning("event %s (%s) is recorded already; ignored", event.id, event.kind)
                continue
            file.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (event.seq, event.id, event.kind, event.subject, *commit.grabbed, *now, body),
            )
            _track_unfinished(file, draft, event.seq, body)
            events.append(event)
        if commit.watermark is not None:
            mark = write_mark(commit.watermark)
            file.execute("UPDATE state SET watermark = ?", (mark,))
        file.executemany(
            "INSERT INTO tiles VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
            commit.tiles,
        )
        return events

    def _is_known(self, file: sqlite3.Connection, event: Event) -> bool:
        return any(
            connection.execute("SELECT 1 FROM events WHERE id = ?", (event.id,)).fetchone()
            for connection in (file, self._before)
            if connection is not None
        )

    def _retake_reserve(self) -> None:
        if self._reserve_lost_ns:
            now_ns = self._clock.now().monotonic_ns
            if now_ns - self._reserve_lost_ns > _RETAKE_NS:
                self._reserve.take()
                self._reserve_lost_ns = 0 if self._reserve.held else now_ns

    def _path(self) -> Path:
        return day.day_path(self._directory, self._day)


def _read_unfinished(carry: day.Carry) -> tuple[list[tuple[str, Event]], tuple[int, ...]]:
    """By key, in order; and the numbers of those that cannot be read."""
    events: list[tuple[str, Event]] = []
    unread: list[int] = []
    for key, seq, body in carry.unfinished:
        try:
            events.append((key, Event.model_validate_json(body, extra="ignore")))
        except ValueError:
            unread.append(seq)
    return events, tuple(unread)


def _read_mark(stored: bytes | None) -> tuple[Watermark | None, bool]:
    """As much of it as this version of the program can read, and whether that is all."""
    if not stored:
        return None, True
    try:
        return read_mark(stored), True
    except ValueError:
        return read_place(stored), False


def _newest_date(file: sqlite3.Connection) -> date | None:
    """What the clock said at the newest event; None where there is none."""
    newest = "SELECT committed_utc_ns FROM events ORDER BY seq DESC LIMIT 1"
    row = file.execute(newest).fetchone()
    return Stamp(0, row[0]).utc().date() if row else None


def _track_unfinished(file: sqlite3.Connection, draft: Draft, seq: int, body: bytes) -> None:
    match draft.body:
        case Defect(defect_id=defect, phase="opened" | "extended"):
            _set_unfinished(file, f"defect/{defect}", seq, body)
        case Defect(defect_id=defect):
            file.execute("DELETE FROM unfinished WHERE key = ?", (f"defect/{defect}",))
        case RollRepeat(repeat_id=repeat, phase="opened" | "extended"):
            _set_unfinished(file, f"repeat/{repeat}", seq, body)
        case RollRepeat(repeat_id=repeat):
            file.execute("DELETE FROM unfinished WHERE key = ?", (f"repeat/{repeat}",))
        case CoilStarted():
            _set_unfinished(file, f"coil/{draft.coil}", seq, body)
            file.execute("UPDATE state SET last_coil = ?", (draft.coil,))
        case CoilReport():
            file.execute("DELETE FROM unfinished WHERE key = ?", (f"coil/{draft.coil}",))
        case _:
            pass


def _set_unfinished(file: sqlite3.Connection, key: str, seq: int, body: bytes) -> None:
    file.execute("INSERT OR REPLACE INTO unfinished VALUES (?, ?, ?)", (key, seq, body))
