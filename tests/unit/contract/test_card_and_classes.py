import json
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydantic import ValidationError

from contract.card import ModelCard, ParityLimits, ParityResult, read_card
from contract.classes import ClassList
from contract.errors import BundleError
from tests.unit.runtime.small_bundle import small_card


def body() -> dict[str, object]:
    card: dict[str, object] = json.loads(small_card().model_dump_json())
    return card


def small_screen(classes: list[str], bound: float = 0.01) -> dict[str, object]:
    rates = {name: {"missed": 0, "defects": 299, "bound": bound} for name in classes}
    return {
        "features": "blocks-1", "threshold": 4.5, "wanted": 0.01, "confidence": 0.95,
        "calibration": rates, "held_out": rates, "data": "drawn", "data_digest": "0",
        "clean_screened": {"value": 0.9, "low": None, "high": None, "images": 100},
        "created": "2026-01-02T00:00:00Z",
    }  # fmt: skip


def refused(path: Path, raw: object, match: str) -> None:
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw), "utf-8")
    with pytest.raises(BundleError, match=match):
        read_card(path)


def test_a_card_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(small_card().model_dump_json(indent=1), "utf-8")
    assert read_card(path) == small_card()
    assert read_card(path).label == "small-1"


def test_a_screen_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps(body() | {"screen": small_screen(["left", "right"])}), "utf-8")
    card = read_card(path)
    assert card.screen is not None
    assert card.screen.calibration["left"].defects == 299


def test_a_card_of_version_1_has_no_screen(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    old = {name: value for name, value in body().items() if name != "screen"}
    path.write_text(json.dumps(old | {"schema_version": "1"}), "utf-8")
    assert read_card(path) == small_card()


@pytest.mark.parametrize("field", sorted(ModelCard.model_fields))
def test_no_field_has_a_default(tmp_path: Path, field: str) -> None:
    without = {name: value for name, value in body().items() if name != field}
    refused(tmp_path / "card.json", without, field)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": "3"}, "schema_version is '3', this program reads '2'"),
        ({"schema_version": "1"}, "schema_version is '1', this program reads '2'"),
        ({"schema_version": 1}, "schema_version is 1,"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"input_px": 4}, "input_px"),
        ({"input_px": "big"}, "input_px"),
        ({"mm_per_px": 0}, "mm_per_px"),
        ({"name": "../x"}, "name: String should match"),
        ({"version": ""}, "version"),
        ({"class_digest": "0"}, "class_digest does not belong to the class list"),
        ({"thresholds": {"left": 0.5}}, "thresholds must name exactly the defect classes"),
        ({"thresholds": {"left": 0.5, "right": 1.5}}, "thresholds.right"),
        ({"precision": "int4"}, "precision"),
        ({"embedding": {"mean": [0], "variance": [], "images": 1}}, "differ in length"),
        ({"classes": {"names": ["a", "a"], "clean": []}}, "classes: .*the same name"),
        ({"screen": small_screen(["left"])}, "bounded for exactly the defect classes"),
        ({"screen": small_screen(["left", "right"], 0.02)}, "bound of left exceeds the wanted"),
        ({"screen": small_screen(["left", "right"]) | {"threshold": 0}}, "screen.threshold"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    refused(tmp_path / "card.json", body() | change, message)


@pytest.mark.parametrize("raw", ["", "{", "[]", "null", '"card"', "[" * 100_000, '{"a": NaN'])
def test_what_is_no_card(tmp_path: Path, raw: str) -> None:
    refused(tmp_path / "card.json", raw, r"card\.json: (cannot be read as JSON|schema_version is)")


def test_infinity_is_no_number_for_a_card(tmp_path: Path) -> None:
    text = json.dumps(body() | {"mm_per_px": float("inf")})
    refused(tmp_path / "card.json", text, "mm_per_px")


def test_a_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        read_card(tmp_path / "none.json")
    (tmp_path / "card.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError, match="cannot be read"):
        read_card(tmp_path / "card.json")


@pytest.mark.parametrize(
    ("difference", "agreement", "passed"), [(0.1, 0.9, True), (0.11, 1, False), (0, 0.89, False)]
)
def test_parity_needs_both_limits(difference: float, agreement: float, passed: bool) -> None:  # noqa: FBT001 - a table of cases
    limits = ParityLimits(max_probability_difference=0.1, min_label_agreement=0.9)
    result = ParityResult(
        backend="b", max_probability_difference=difference, label_agreement=agreement,
        limits=limits, reference="r",
    )  # fmt: skip
    assert result.passed is passed


NAMES = st.lists(
    st.text("abcäß漢09_.-", min_size=1, max_size=8), min_size=2, max_size=6, unique=True
)


@given(NAMES)
def test_a_digest_tells_lists_apart_and_survives_json(names: list[str]) -> None:
    first = ClassList(names=tuple(names), clean=(names[0],))
    assert ClassList.model_validate_json(first.model_dump_json()).digest == first.digest
    assert ClassList(names=tuple(names), clean=()).digest != first.digest
    assert ClassList(names=tuple(reversed(names)), clean=(names[0],)).digest != first.digest


def test_the_order_of_clean_classes_means_nothing() -> None:
    one = ClassList(names=("a", "b", "c"), clean=("a", "b"))
    other = ClassList(names=("a", "b", "c"), clean=("b", "a"))
    assert one.digest == other.digest
    assert one.defects == ("c",)
    assert one.clean_indices == (0, 1)
    assert len(one) == 3


@pytest.mark.parametrize(
    ("names", "clean", "message"),
    [
        (("a",), (), "at least two"),
        (("a", "a"), (), "same name"),
        (("a", "b"), ("c",), r"not among the classes: \['c'\]"),
        (("a", "b/c"), (), "match"),
        (("a", ""), (), "at least 1"),
        (("a", "x" * 65), (), "at most 64"),
    ],
)
def test_class_lists_that_cannot_be(
    names: tuple[str, ...], clean: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        ClassList(names=names, clean=clean)
