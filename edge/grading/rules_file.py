"""The rules file read: strictly, with its digest, held against the classes of the bundle."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contract.classes import CLASS_NAME
from contract.settings_file import read_settings
from edge.config import Config
from edge.config.explain import said, true_errors
from edge.errors import ConfigError
from edge.grading.rules import VERSION, WORD, WORDS, CoilRule, DefectRule, Rules, Zones, nearest

EXAMPLE = "deploy/config/grading.yaml is an example"
_LEVELS: dict[str, type[BaseModel]] = {"zones": Zones, "defects": DefectRule, "coil": CoilRule}
_NAME = "letters, digits, `_`, `.` and `-`"
_PATTERNS = {
    WORD: f"{_NAME}, in words with one blank between them",
    WORDS: "words on one line",
    VERSION: f"{_NAME}, 40 at most, the first a letter or a digit",
    CLASS_NAME: _NAME,
}


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
    raw = read_settings(path, EXAMPLE, "rules")
    if not raw:
        raise ConfigError(f"{path}: empty; {EXAMPLE}")
    try:
        rules = Rules.model_validate(raw)
        text = path.read_bytes()
    except ValidationError as error:
        told = "; ".join(_explain(e, raw) for e in true_errors(error))
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
    key = str(where[-1]) if where else ""
    match error["type"]:
        case "extra_forbidden":
            known = _LEVELS.get(str(where[0]), Rules) if len(where) > 1 else Rules
            name, text = _name(where[:-1], raw), f"unknown key {key!r}"
            text += nearest(key, known.model_fields)
        case "missing":
            name, text = _name(where[:-1], raw), f"{key!r} is missing"
        case _:
            name, text = _name(where, raw), said(error, _PATTERNS)
    return f"{name}: {text}".removeprefix(": ")


def _name(where: tuple[int | str, ...], raw: object) -> str:
    """The rule by its own name where the error lies in one, else the section; and the key."""
    if len(where) < 2 or not isinstance(where[1], int):
        return ", ".join(map(str, where[:2]))
    section, index = str(where[0]), where[1]
    rules = raw.get(section) if isinstance(raw, dict) else None
    found = rules[index] if isinstance(rules, list | tuple) else None
    rule = found.get("rule") if isinstance(found, dict) else None
    name = f"rule {rule[:120]!r}" if isinstance(rule, str) else f"{section}, number {index + 1}"
    return ", ".join([name, *map(str, where[2:3])])
