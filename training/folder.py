"""A folder of images, one sub-folder per class: what lies in it, before anything is decoded."""

import csv
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from contract.classes import ClassList, ClassName
from contract.errors import ConfigError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
CLEAN_NAMES = frozenset({"clean", "normal", "no_defect", "defect_free", "good", "ok"})
GROUPS = "groups.csv"
_CLASS_NAME = TypeAdapter(ClassName)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Such as a carriage return: no CSV could carry it through."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a data folder, in the order of their names.

    `labels[i]` indexes `names`; `files[i]` is relative to `path`, with `/` between folders.
    """

    path: Path
    names: tuple[str, ...]
    files: tuple[str, ...]
    labels: npt.NDArray[np.int64]

    def digest(self) -> str:
        """Hex SHA-256 over the names and bytes of all files.

        Raises:
            ConfigError: a file cannot be read.
        """
        total = hashlib.sha256()
        for file in self.files:
            try:
                content = hashlib.sha256((self.path / file).read_bytes()).hexdigest()
            except OSError as error:
                raise _unreadable(self.path / file, error) from error
            total.update(f"{file}\0{content}\n".encode())
        return total.hexdigest()

    def class_list(self, clean: Sequence[str]) -> ClassList:
        """The classes; those named `clean`, or by a usual name for it, are no defects.

        Raises:
            ConfigError: a clean class that the folder does not have, or no class left as defect.
        """
        if missing := set(clean) - set(self.names):
            raise ConfigError(
                f"{self.path}: has no class {min(missing)!r}; its classes: {', '.join(self.names)}"
            )
        chosen = clean or [name for name in self.names if name.lower() in CLEAN_NAMES]
        if set(chosen) == set(self.names):
            raise ConfigError(f"{self.path}: has only clean classes; add a folder for a defect")
        return ClassList(names=self.names, clean=tuple(chosen))


def scan(path: Path, at_least: int = 2) -> Folder:
    """List the images of `path/<class>/*`; other files and hidden folders are passed over.

    Raises:
        ConfigError: no folder, one that cannot be read, fewer than `at_least` classes, a class
        without images, or a name that cannot be used.
    """
    if not path.is_dir():
        raise ConfigError(f"{path}: no such folder; --data takes one with a sub-folder per class")
    names = sorted(p.name for p in _entries(path) if p.is_dir() and not p.name.startswith("."))
    if len(names) < at_least:
        raise ConfigError(
            f"{path}: has {len(names)} class folders, at least {at_least} needed:"
            " one sub-folder per class, its images inside"
        )
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = _images(path, name)
        files += found
        labels += [label] * len(found)
    return Folder(path, tuple(names), tuple(files), np.array(labels, np.int64))


def _images(path: Path, name: str) -> list[str]:
    try:
        _CLASS_NAME.validate_python(name)
    except ValidationError as error:
        raise ConfigError(
            f"{path / name}: rename it: a class name has letters, digits, '_', '-', '.', at most 64"
        ) from error
    found = sorted(
        f"{name}/{p.name}"
        for p in _entries(path / name)
        if p.suffix.lower() in SUFFIXES and p.is_file() and not p.name.startswith(".")
    )
    if not found:
        raise ConfigError(
            f"{path / name}: class {name} has no image ({', '.join(sorted(SUFFIXES))});"
            " add images or remove the folder"
        )
    for file in found:
        try:
            file.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"{path}: rename {file!r}: its name is no UTF-8") from error
        if _CONTROL.search(file):
            raise ConfigError(f"{path}: rename {file!r}: its name has a control character")
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: cannot be read ({error.strerror}); check its rights")


def read_groups(folder: Folder) -> list[str] | None:
    """Group of each file from `groups.csv` (`file,group`) in the folder; None where there is none.

    Raises:
        ConfigError: another format, or an image that it does not name.
    """
    path = folder.path / GROUPS
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:  # as spreadsheets save it
            table = [row for row in csv.reader(stream, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as CSV ({error})") from error
    if not table or table[0] != ["file", "group"] or any(len(row) != 2 for row in table):
        raise ConfigError(f"{path}: must have the columns file,group and nothing else")
    groups: dict[str, str] = {}
    for file, cell in table[1:]:
        group = cell.strip()  # spreadsheets leave blanks, which would part a piece of strip
        if _CONTROL.search(group):
            raise ConfigError(f"{path}: the group of {file}, {group!r}, has a control character")
        if not group:
            raise ConfigError(
                f"{path}: {file} has no group; give each piece of strip a name of its own, also one"
                " of a single picture"
            )
        if groups.setdefault(file, group) != group:
            raise ConfigError(f"{path}: {file} has two groups, {groups[file]} and {group}")
    missing = [file for file in folder.files if file not in groups]
    if missing:
        raise ConfigError(
            f"{path}: does not name {missing[0]} ({len(missing)} images missing);"
            " add them, or remove the file to group automatically"
        )
    return [groups[file] for file in folder.files]


def read_mm_per_px(path: Path) -> float | None:
    """`mm_per_px` of `dataset.json` in the folder; None where it does not say.

    Raises:
        ConfigError: the file is no JSON, or the value no positive number.
    """
    file = path / "dataset.json"
    if not file.is_file():
        return None
    try:
        body = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: cannot be read as JSON ({error})") from error
    value = body.get("mm_per_px") if isinstance(body, dict) else None
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ConfigError(f"{file}: mm_per_px must be a number, found {value!r}")
    if not 0 < value <= 100:  # nor is "not a number" or what no float can hold
        raise ConfigError(f"{file}: mm_per_px must lie between 0 and 100, found {value!r}")
    return float(value)
