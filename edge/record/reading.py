"""A recording as it is read: its runs, and the records of one with what is missing between them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.errors import ConfigError
from edge.record.header import Header, read_header
from edge.record.records import Record, from_raw
from edge.record.ring import segment_paths
from edge.record.segment import DamagedError, read_records


class Hole(NamedTuple):
    """Records are missing here, and why."""

    why: str


class Read(NamedTuple):
    """A record or a hole, and the bytes of the run read until here."""

    item: Record | Hole
    bytes_read: int


class Segment(NamedTuple):
    """A file of the recording whose header is sound."""

    path: Path
    size: int
    header: Header


class Run(NamedTuple):
    """What is left of a run of the daemon."""

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Header:
        """Of the oldest file left; the others say the same."""
        return self.segments[0].header

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(segment.size for segment in self.segments)


def find_runs(folder: Path) -> tuple[dict[int, Run], list[str]]:
    """The runs of a recording by number, oldest first, and the files that cannot be read, with why.

    Raises:
        ConfigError: no recording there.
    """
    try:
        paths = segment_paths(folder)
    except OSError as error:
        raise ConfigError(f"{folder}: no recording there ({error.strerror})") from error
    runs: dict[int, Run] = {}
    damaged = []
    for path in paths:
        try:
            segment = _segment(path)
        except DamagedError as error:
            damaged.append(f"{path.name}: {error}")
        else:
            before = runs.get(segment.header.run, Run(()))
            runs[segment.header.run] = Run((*before.segments, segment))
    if not runs:
        why = f" that can be read ({'; '.join(damaged)})" if damaged else ""
        raise ConfigError(f"{folder}: no recording{why}; give the folder of `record.path`")
    return runs, damaged


def read_run(run: Run) -> Iterator[Read]:
    """The run's records in order; a hole wherever some are missing, also at a torn end."""
    part = bytes_read = 0
    for segment in run.segments:
        if segment.header.part != part:
            yield Read(Hole(f"files before {segment.path.name} are gone"), bytes_read)
        part = segment.header.part + 1
        try:
            for record, lost in _records(segment):
                if lost:
                    why = f"{lost} records could not be written in time (disk slow or full)"
                    yield Read(Hole(why), bytes_read)
                yield Read(record, bytes_read)
        except DamagedError as error:
            yield Read(Hole(f"{segment.path.name} {error}"), bytes_read)
        bytes_read += segment.size


def _segment(path: Path) -> Segment:
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            first = next(read_records(stream, size), None)
    except OSError as error:
        raise DamagedError(f"cannot be read ({error.strerror})") from error
    if first is None:
        raise DamagedError("it has no header")
    return Segment(path, size, read_header(first.words))


def _records(segment: Segment) -> Iterator[tuple[Record, int]]:
    try:
        with segment.path.open("rb") as stream:
            records = read_records(stream, segment.size)
            next(records)
            for raw in records:
                yield from_raw(raw), int(raw.words.get("lost", 0))
    except OSError as error:
        raise DamagedError(f"cannot be read ({error.strerror})") from error
