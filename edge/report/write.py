"""A coil's report in one of its formats, to a file or a stream."""

import contextlib
import hashlib
import re
from pathlib import Path
from typing import Literal

import msgspec

from edge.config import Config
from edge.errors import ConfigError
from edge.grading.rules_file import load_rules
from edge.palette import Palette
from edge.report.document import CoilDocument
from edge.report.page import draw_page
from edge.report.table import as_csv

Format = Literal["json", "csv", "html"]
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LENGTH = 60
_SUM_LENGTH = 8


def render(document: CoilDocument, form: Format, config: Config) -> bytes:
    """The report as a file holds it, in UTF-8; CSV with its line ends of CR and LF."""
    if form == "json":
        return _json(document)
    if form == "html":
        return render_page(document, config).encode()
    return as_csv(document).encode()


def _json(document: CoilDocument) -> bytes:
    """Its defects, of which there may be 200,000, by the faster writer."""
    defects = msgspec.json.encode(document.defects)
    others = document.model_dump_json(exclude={"defects"}).encode()
    return b"".join((others.removesuffix(b"}"), b',"defects":', defects, b"}\n"))


def render_page(document: CoilDocument, config: Config) -> str:
    """The report as one HTML file, its classes in the colours of the config's bundle."""
    palette = Palette.of_bundle(config.bundle)
    return draw_page(document, palette, _severities(config), config.ledger.path)


def _severities(config: Config) -> tuple[str, ...]:
    """Of the grading rules, the mildest first. While somebody edits the rules a report still comes,
    with the severities by name.
    """
    if config.grading is None:
        return ()
    with contextlib.suppress(ConfigError):
        return load_rules(config.grading).rules.severities
    return ()


def file_name(coil_id: str, form: Format) -> str:
    """A name that no coil id can lead astray; an id that it cannot hold adds its checksum."""
    plain = _UNSAFE.sub("_", coil_id)[:_NAME_LENGTH].strip("._-")
    if plain != coil_id or not plain:
        total = hashlib.sha256(coil_id.encode("utf-8", "surrogatepass")).hexdigest()
        plain = f"{plain}-{total[:_SUM_LENGTH]}".lstrip("-")
    return f"coil-{plain}.{form}"


def save(report: bytes, path: Path) -> None:
    """Write a report, so that a reader of a file sees the whole of it or none; a link stays one,
    and a device or a FIFO what it is.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(report)
        else:
            _replace(path.resolve(), report)
    except RuntimeError as error:  # resolve()'s
        raise ConfigError(f"{path}: cannot be written (a link that leads to itself)") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error


def _replace(path: Path, report: bytes) -> None:
    """Put a file in the place of one that may stand there, or leave nothing."""
    draft = path.with_name(path.name + ".partial")
    try:
        draft.write_bytes(report)
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
