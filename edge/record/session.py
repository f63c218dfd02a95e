"""A replay as the command runs it: which run, into which event log, and how far it is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.clock import Clock, Stamp
from edge.errors import ConfigError
from edge.ledger import day
from edge.ledger.log import EventLog
from edge.record.header import Header
from edge.record.reading import Hole, Run, find_runs, read_run
from edge.record.records import Record, Seen
from edge.record.replay import Bundles, Replay, Say, verdict

PROGRESS_NS = 5_000_000_000


def run_replay(
    recording: Path,
    number: int | None,
    bundles: Sequence[Path],
    out: Path | None,
    say: Say,
    clock: Clock,
) -> None:
    """Replay a run (the newest where `number` is None), saying what is found.

    Args:
        recording: Folder of the recording.
        number: The run.
        bundles: Where bundles lie that are no longer where they were.
        out: Folder of the replay's event log; without it the log is thrown away.
        say: Takes one line.
        clock: For the progress and the log's own stamps.

    Raises:
        ReplayError: it gives other events than the live run.
        ConfigError: no such run, `out` is in use, or a bundle is missing.
    """
    run = choose(recording, number, say)
    with _folder(out) as folder, _log(run.header, folder, clock) as log:
        run.header.unpack(folder)
        replay = Replay(run.header, Bundles(run.header, bundles, folder), log, say)
        for item in records(run, say, clock):
            replay.take(item)
        for line in verdict(replay):
            say(line)


def choose(recording: Path, number: int | None, say: Say) -> Run:
    """A run by its number, or the newest; says which ones there are.

    Raises:
        ConfigError: no such run.
    """
    runs, damaged = find_runs(recording)
    for text in damaged:
        say(f"not readable: {text}")
    wanted = max(runs) if number is None else number
    if wanted not in runs:
        raise ConfigError(f"{recording}: no run {wanted}; there are {', '.join(map(str, runs))}")
    for name, run in runs.items():
        mark = "*" if name == wanted else " "
        header = run.header
        began = Stamp(0, header.started_utc_ns).utc().isoformat(" ", "seconds")
        model = f"{header.model.name} {header.model.version} on {header.machine.backend}"
        say(f"{mark} run {name}, began {began}, {run.size / 1e9:.3f} GB left, {model}")
    return runs[wanted]


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is None:
        with TemporaryDirectory(prefix="stripsight-replay-") as folder:
            yield Path(folder)
        return
    with new_folder(out) as folder:
        yield folder


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder that is made, or is there and empty."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        used = any(out.iterdir())
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror})") from error
    if used:
        raise ConfigError(f"{out}: is not empty; choose a new folder")
    yield out


@contextmanager
def _log(header: Header, folder: Path, clock: Clock) -> Iterator[EventLog]:
    """An event log that counts on from where the live one stood: every `seq` is the same."""
    source = header.config_for(folder, folder).event_source
    path = day.day_path(folder, clock.now().utc().date())
    file = day.connect_writer(path)
    try:
        with day.explained(path):
            day.create(file, day.Carry(source, header.after_seq))
    finally:
        file.close()
    log = EventLog(folder, source, clock, reserve_bytes=0)
    log.open()
    try:
        yield log
    finally:
        log.close()


def records(run: Run, say: Say, clock: Clock) -> Iterator[Record | Hole]:
    """The run's records in order, telling now and then how far it is."""
    began = told = clock.now()
    frames = 0
    for read in read_run(run):
        yield read.item
        frames += isinstance(read.item, Seen)
        now = clock.now()
        if now.monotonic_ns - told.monotonic_ns > PROGRESS_NS:
            say(_progress(frames, read.bytes_read / run.size, began, now))
            told = now


def _progress(frames: int, share: float, began: Stamp, now: Stamp) -> str:
    elapsed_s = (now.monotonic_ns - began.monotonic_ns) / 1e9
    left_s = elapsed_s * (1 - share) / share if share else 0.0
    return f"{share:4.0%}  {frames / elapsed_s:.0f} frames/s  {left_s:.0f} s left"
