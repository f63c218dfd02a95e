"""A rules file is read strictly, and what is wrong is named in words a quality engineer can use."""

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contract.bundle import open_bundle
from edge.errors import ConfigError
from edge.grading.rules_file import load_rules
from tests.conftest import ROOT
from tests.unit.edge.grading.making import RULES

EXAMPLE = ROOT / "deploy" / "config" / "grading.yaml"
COUNT = {"rule": "r", "more_than": 1, "grade": "second"}
SCRATCH = {"rule": "r", "severity": "minor"}
NAME = "letters, digits, `_`, `.` and `-`"


def write(folder: Path, **changes: object) -> Path:
    path = folder / "grading.yaml"
    path.write_text(yaml.safe_dump(RULES | changes))
    return path


def test_the_example_fits_the_demo_bundle() -> None:
    classes = open_bundle(ROOT / "deploy" / "bundles" / "demo").card.classes
    found = load_rules(EXAMPLE, classes.defects)
    digest = hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert found.label == f"demo-1@{digest}"
    assert set(found.rules.classes()) == set(classes.defects)
    assert found.text == EXAMPLE.read_bytes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coil": [COUNT | {"along": "body"}]}, "rule 'r', along: write a list: [body]"),
        (
            {"coil": [COUNT | {"along": ["middle"]}]},
            "rule 'r', along: Input should be 'first', 'body' or 'last' (found 'middle')",
        ),
        ({"coil": [COUNT | {"along": []}]}, "rule 'r', along: write at least 1, found 0"),
        (
            {"grades": [False, "prime", "second", "scrap"]},
            "grades, number 1: YAML reads False here; put the word in quotes",
        ),
        ({"zones": {"first_m": 1e3}}, "zones, first_m: metres: at most 200, found 1000"),
        ({"zones": 3}, "zones: write keys with values (found 3)"),
        ({"version": None}, "version: Input should be a valid string (found None)"),
        (
            {"version": "a@b"},
            f"version: {NAME}, 40 at most, the first a letter or a digit (found 'a@b')",
        ),
        ({"defects": [SCRATCH | {"classes": ["a b"]}]}, f"rule 'r', classes: {NAME} (found 'a b')"),
        ({"defects": ["r"]}, "defects, number 1: write keys with values (found 'r')"),
        ({"coils": []}, "unknown key 'coils', did you mean 'coil'?"),
    ],
)
def test_what_is_wrong_is_said_once_and_in_words_of_yaml(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load_rules(path)
    assert str(caught.value) == f"{path}: {words}"


def test_an_empty_file_and_a_folder_are_called_so(tmp_path: Path) -> None:
    path = tmp_path / "grading.yaml"
    path.write_text("# nothing yet\n")
    with pytest.raises(ConfigError, match=r": empty; deploy/config/grading.yaml is an example$"):
        load_rules(path)
    with pytest.raises(ConfigError, match="a folder; name the rules file in it"):
        load_rules(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coils": []}, "unknown key 'coils', did you mean 'coil'?"),
        ({"zones": {"frist_m": 1}}, "zones: unknown key 'frist_m', did you mean 'first_m'?"),
        ({"coil": [COUNT | {"mor_than": 1}]}, "rule 'r': unknown key 'mor_than', did you mean"),
        (
            {"defects": [SCRATCH | {"longer_than_m": 1}]},
            "rule 'r': unknown key 'longer_than_m', did you mean 'longer_than_mm'?",
        ),
        ({"defects": [{"rule": "r"}]}, "rule 'r': 'severity' is missing"),
        ({"defects": [{"severity": "minor"}]}, "defects, number 1: 'rule' is missing"),
        (
            {"defects": [{"rule": "r", "severity": "mayor"}]},
            "rule 'r': unknown severity 'mayor', did you mean 'major'?",
        ),
        ({"coil": [COUNT | {"grade": "third"}]}, "rule 'r': unknown grade 'third'; known: prime,"),
        ({"coil": [COUNT | {"severity": "bad"}]}, "rule 'r': unknown severity 'bad'; known: minor"),
        ({"coil": [COUNT, COUNT]}, "rules: 'r' is there twice"),
        ({"grades": ["a", "a"]}, "grades: 'a' is there twice"),
        ({"coil": [COUNT | {"more_per_m": 1}]}, "found more_than and more_per_m"),
        ({"coil": [{"rule": "r", "grade": "second"}]}, "rule 'r': needs one of more_than,"),
        (
            {"coil": [{"rule": "r", "grade": "second", "not_valid": True, "along": ["body"]}]},
            "rule 'r': not_valid is not about defects: remove along",
        ),
        (
            {"coil": [{"rule": "r", "grade": "second", "more_per_m": 1, "within_m": 1}]},
            "within_m goes with more_than, not with more_per_m",
        ),
        (
            {"zones": {}, "coil": [COUNT | {"rule": "q", "along": ["last"]}], "defects": [SCRATCH]},
            "rule 'q': nothing lies in 'last'; say how large it is in zones.last_m",
        ),
        (
            {"defects": [SCRATCH | {"across": ["left"]}]},
            "rule 'r', across: Input should be 'operator",
        ),
        ({"defects": [SCRATCH | {"longer_than_mm": "30"}]}, "rule 'r', longer_than_mm"),
        ({"defects": [SCRATCH | {"longer_than_mm": True}]}, "rule 'r', longer_than_mm"),
        ({"defects": [SCRATCH | {"longer_than_mm": -1}]}, "rule 'r', longer_than_mm"),
        ({"defects": [SCRATCH | {"longer_than_mm": float("nan")}]}, "rule 'r', longer_than_mm"),
        ({"coil": [COUNT | {"more_than": 1.5}]}, "rule 'r', more_than"),
        ({"zones": {"first_m": 1000}}, "metres: at most 200, found 1000"),
        ({"zones": {"last_m": 200.5}}, "metres: at most 200, found 200.5"),
        ({"version": 1.0}, "version: YAML reads 1.0 here; put the word in quotes"),
        ({"grades": [True]}, "YAML reads True here; put the word in quotes"),
        ({"version": "a@b"}, "version"),
        ({"defects": []}, "defects"),
        ({"defects": [SCRATCH] * 201}, "defects"),
        ({"defects": None}, "defects"),
        ({"defects": {"rule": "r"}}, "defects"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load_rules(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_that_the_bundle_does_not_know_is_named_with_its_rule(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rule 'long': the bundle has no class 'scratch', did"):
        load_rules(write(tmp_path), ["scratches", "slag"])
    load_rules(write(tmp_path), ["scratch"])


def test_one_byte_changes_the_digest(tmp_path: Path) -> None:
    path = write(tmp_path)
    before = load_rules(path)
    path.write_text(path.read_text() + "# \n")
    after = load_rules(path)
    assert before.rules == after.rules
    assert before.label != after.label


def test_aliases_within_aliases_do_not_fill_the_memory(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, inner in zip("bcdefghij", "abcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{inner}'] * 10)}]\n"
    path = tmp_path / "grading.yaml"
    path.write_text(bomb + "version: *j\nseverities: *j\nzones: *j\ndefects: *j\ncoil: [*j]\n")
    with pytest.raises(ConfigError) as caught:
        load_rules(path)
    assert len(str(caught.value)) < 5000


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
keys = st.sampled_from(
    [*RULES, *RULES["zones"], "rule", "classes", "across", "along", "severity", "grade",
     "more_than", "within_m", "more_per_m", "coverage_below", "not_valid", "longer_than_mm"]
) | st.text(max_size=5)  # fmt: skip
hostile = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=30,
)


@settings(max_examples=100)
@given(raw=st.dictionaries(keys, hostile, max_size=8), beside=st.booleans())
def test_hostile_structures_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, raw: dict[str, Any], *, beside: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.yaml"
    path.write_text(yaml.safe_dump(RULES | raw if beside else raw), "utf-8")
    with contextlib.suppress(ConfigError):
        load_rules(path)


@settings(max_examples=200)
@example(b"\xff\xfe", 0)
@example(b"version: !!python/object/apply:os.system [ls]", 0)
@given(st.binary(max_size=300), st.integers(0, 4000))
def test_hostile_bytes_and_files_cut_short_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "torn.yaml"
    path.write_bytes(EXAMPLE.read_bytes()[:cut] + noise)
    with contextlib.suppress(ConfigError):
        load_rules(path)


def test_a_file_that_is_missing_or_huge_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such rules file"):
        load_rules(tmp_path / "none.yaml")
    path = tmp_path / "huge.yaml"
    path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_rules(path)
