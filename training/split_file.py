"""`split.csv`: which file belongs to which part, and to which group. Written, and read again with
`--split FILE`.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from contract.errors import ConfigError

Part = Literal["train", "validation", "test", "unused"]
UNUSED: Part = "unused"
"""Left out of the train part on purpose (`training.few_shot`)."""
EVERY_PART: tuple[Part, ...] = get_args(Part)
PARTS = tuple(part for part in EVERY_PART if part != UNUSED)
"""What every split has."""
HEADER = ["file", "part", "group"]


class SplitRow(NamedTuple):
    """A file (path relative to the data folder, `/` between folders) and where it belongs."""

    file: str
    part: Part
    group: str


def write_split(path: Path, rows: Iterable[SplitRow]) -> None:
    """Write the rows in the order of their files."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(sorted(rows))


def read_split(path: Path) -> list[SplitRow]:
    """Read a split file.

    Raises:
        ConfigError: missing, not this format, a file named twice, or a group in two parts; beside
            one of them some of its images may be unused.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = [row for row in csv.reader(stream, strict=True) if row]
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such split file") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as CSV ({error})") from error
    if not table or table[0] != HEADER:
        raise ConfigError(f"{path}: the first line must be {','.join(HEADER)}")
    rows = [_row(path, number, cells) for number, cells in enumerate(table[1:], 2)]
    _check(path, rows)
    return rows


def _row(path: Path, number: int, cells: list[str]) -> SplitRow:
    for part in EVERY_PART:
        if len(cells) == len(HEADER) and cells[1] == part:
            return SplitRow(cells[0], part, cells[2])
    raise ConfigError(
        f"{path}, line {number}: must be file,part,group with a part of {', '.join(EVERY_PART)}"
    )


def _check(path: Path, rows: list[SplitRow]) -> None:
    files: set[str] = set()
    parts: dict[str, Part] = {}
    for row in rows:
        if row.file in files:
            raise ConfigError(f"{path}: {row.file} stands there twice")
        files.add(row.file)
        if row.part != UNUSED and parts.setdefault(row.group, row.part) != row.part:
            raise ConfigError(
                f"{path}: group {row.group} lies in {parts[row.group]} and {row.part};"
                " a split never separates a group"
            )
