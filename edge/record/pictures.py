"""A recording's frames as pictures, to mark defects in: one for each frame and coil, in the order
in which the strip passed, and the table to mark them in. It is called `unmarked.csv` until somebody
has: `boxes.csv`, which `stripsight-export screen` reads, says that what it marks is all there is.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2

from contract.marks import BOXES, UNMARKED
from edge.acquire.coils import split_by_coil
from edge.clock import Clock
from edge.errors import ConfigError
from edge.record.notes import Retold
from edge.record.reading import Hole, Run
from edge.record.records import Seen
from edge.record.replay import Say
from edge.record.session import choose, new_folder, records
from edge.types import Section

COLUMNS = ("file", "coil", "class", "xmin", "ymin", "xmax", "ymax")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.-]+")


def write_pictures(recording: Path, number: int | None, out: Path, say: Say, clock: Clock) -> None:
    """Write the pictures of a run (the newest where `number` is None), saying how far it is.

    Args:
        recording: Folder of the recording.
        number: The run.
        out: New folder.
        say: Takes one line.
        clock: For the progress.

    Raises:
        ConfigError: no such run, `out` is in use or cannot be written.
    """
    run = choose(recording, number, say)
    try:
        written = _write_all(_sections(run, say, clock), out)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror}); free its disk") from error
    say(
        f"{written} pictures in {out}. To mark them: give each defect a row in {UNMARKED}, with its"
        " class and corners in pixels; a picture without one keeps its row as it is. Then rename it"
        f" {BOXES}"
    )


def _write_all(sections: Iterable[Section], out: Path) -> int:
    """One picture each, and its row in the table; returns how many."""
    written = 0
    with new_folder(out) as folder, (folder / UNMARKED).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for section in sections:
            name = _name(section)
            _write(folder / name, section)
            table.writerow([name, section.coil.id, *[""] * 5])
            file.flush()
            written += 1
    return written


def _sections(run: Run, say: Say, clock: Clock) -> Iterator[Section]:
    retold = Retold()
    for item in records(run, say, clock):
        if isinstance(item, Hole):
            say(f"hole: {item.why}")
        elif isinstance(item, Seen):
            retold.tell(item.told, item.frame.grabbed)
            yield from split_by_coil(item.frame, retold)


def _name(section: Section) -> str:
    coil = _NOT_IN_NAMES.sub("_", section.coil.id)
    return f"{section.frame.seq:08d}-{section.row_from:05d}-{coil}.png"


def _write(path: Path, section: Section) -> None:
    rows = section.frame.pixels[section.row_from : section.row_to]
    if not cv2.imwrite(str(path), rows, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise ConfigError(f"{path}: cannot be written; is the disk full?")
