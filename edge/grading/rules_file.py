"""The rules file read: strictly, with its digest, held against the classes of the bundle."""

import hashlib
import reprlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contract.settings_file import read_settings
from edge.config import Config
from edge.errors import ConfigError
from edge.grading.rules import CoilRule, DefectRule, Rules, Zones, nearest

EXAMPLE = "deploy/config/grading.yaml is an example"
_LEVELS: dict[str, type[BaseModel]] = {"zones": Zones, "defects": DefectRule, "coil": CoilRule}
_SHOWN = reprlib.Repr()
_SHOWN.maxlevel = 1
"""An alias within an alias can make a kilobyte of YAML a gigabyte of text."""


class RulesFile(NamedTuple):
    """Rules as they lie in a file."""

    rules: Rules
    label: str
    """`version@sha256` of the file's bytes: how reports name them."""
    text: bytes
    """The file's own bytes."""

    @property
    def summary(self) -> str:
        """One line for a person."""
        rules = self.rules
        return (
            f"{self.label[: len(rules.version) + 13]}..., {len(rules.defects)} rules for defects,"
            f" {len(rules.coil)} for the coil; {' > '.join(rules.grades)}"
        )


def grading_of(config: Config, classes: Iterable[str]) -> RulesFile | None:
    """The rules that a line's config names, for a bundle of these defect classes.

    Raises:
        ConfigError: as `load_rules`.
    """
    return None if config.grading is None else load_rules(config.grading, classes)


def load_rules(path: Path, classes: Iterable[str] | None = None) -> RulesFile:
    """Read and check a rules file; with `classes`, also that it names no others.

    Raises:
        ConfigError: missing, no YAML, a key, value or class that is wrong; the text names the rule.
    """
    raw = read_settings(path, EXAMPLE)
    try:
        rules = Rules.model_validate(raw)
        text = path.read_bytes()
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)[:5]
        told = "; ".join(_explain(e, raw) for e in errors)
        raise ConfigError(f"{path}: {told}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    if classes is not None:
        check_classes(path, rules, list(classes))
    return RulesFile(rules, f"{rules.version}@{hashlib.sha256(text).hexdigest()}", text)


def check_classes(path: Path, rules: Rules, known: Sequence[str]) -> None:
    """Refuse rules for classes that the bundle does not know: they would never apply.

    Raises:
        ConfigError: names the first one.
    """
    for name, rule in rules.classes().items():
        if name not in known:
            raise ConfigError(
                f"{path}: rule {rule!r}: the bundle has no class {name!r}{nearest(name, known)}"
            )


def _explain(error: ErrorDetails, raw: object) -> str:
    where = error["loc"]
    name, key = _name(where, raw), str(where[-1]) if where else ""
    match error["type"]:
        case "extra_forbidden":
            known = _LEVELS.get(str(where[0]), Rules) if len(where) > 1 else Rules
            return f"{name}: unknown key {key!r}{nearest(key, known.model_fields)}"
        case "missing":
            return f"{name}: {key!r} is missing"
        case "value_error":
            return f"{name}: {error['msg'].removeprefix('Value error, ')}".removeprefix(": ")
        case "string_type" if isinstance(error["input"], bool | int | float):
            found = _SHOWN.repr(error["input"])
            return f"{name}, {key}: YAML reads {found} here; put the word in quotes"
        case _:
            return f"{name}, {key}: {error['msg']} (found {_SHOWN.repr(error['input'])})"


def _name(where: tuple[int | str, ...], raw: object) -> str:
    """The rule by its own name where the error lies in one, else the section."""
    if len(where) < 2 or not isinstance(where[1], int):
        return str(where[0]) if where else ""
    section, index = str(where[0]), where[1]
    rules = raw.get(section) if isinstance(raw, dict) else None
    found = rules[index] if isinstance(rules, list | tuple) else None
    rule = found.get("rule") if isinstance(found, dict) else None
    return f"rule {rule[:120]!r}" if isinstance(rule, str) else f"{section}, number {index + 1}"
