import numpy as np
import numpy.typing as npt
import pytest

from contract.card import ParityLimits
from contract.errors import ParityError
from export.golden import PER_CLASS, choose_golden
from export.images import Images
from export.parity import (
    GOLDEN_DIFFERENCE,
    golden_limits,
    lead,
    require,
    require_exact,
    require_small_loss,
)
from export.quantise import stratified

F32 = npt.NDArray[np.float32]


def two(first: list[float]) -> F32:
    """Probabilities of two classes from those of the first."""
    column = np.array(first, np.float32)
    return np.stack([column, 1 - column], axis=1)


LIMITS = ParityLimits(max_probability_difference=0.1, min_label_agreement=0.75)


def test_within_the_limits_is_recorded() -> None:
    result = require("openvino", two([0.9, 0.1, 0.5]), two([0.85, 0.1, 0.58]), LIMITS, "torch")
    assert result.passed
    assert result.backend == "openvino"
    assert result.reference == "torch"
    assert result.max_probability_difference == pytest.approx(0.08)
    assert result.label_agreement == 1.0


def test_a_broken_limit_names_backend_number_and_limit() -> None:
    with pytest.raises(
        ParityError, match=r"cuda: .*differ by 0\.20000 \(limit 0\.10000\)"
    ) as error:
        require("cuda", two([0.9]), two([0.7]), LIMITS, "torch fp32")
    assert "no bundle is written" in str(error.value)
    with pytest.raises(ParityError, match=r"agree on 50\.00% \(limit 75\.00%\)"):
        require("cuda", two([0.51, 0.51]), two([0.49, 0.51]), LIMITS, "torch fp32")


def test_only_nvidia_may_round_the_products_of_float32() -> None:
    exact, near = two([0.9]), two([0.901])
    assert require_exact("cuda", near, exact).passed
    with pytest.raises(ParityError, match=r"openvino: .*\(limit 0\.00010\).* another version"):
        require_exact("openvino", near, exact)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_fails(bad: float) -> None:
    with pytest.raises(ParityError):
        require("cuda", np.full((1, 2), bad, np.float32), two([0.7]), LIMITS, "torch")


def test_another_number_of_classes_fails() -> None:
    with pytest.raises(ParityError, match="shape"):
        require("cuda", np.ones((1, 3), np.float32), two([0.7]), LIMITS, "torch")


def test_a_loss_of_accuracy_is_refused_and_two_images_are_forgiven() -> None:
    truth = np.zeros(100, np.int64)
    exact = two([0.6] * 100)
    forgiven = two([0.4] * 2 + [0.6] * 98)
    result = require_small_loss("openvino", forgiven, exact, truth, "int8")
    assert result.label_agreement == pytest.approx(0.98)
    with pytest.raises(ParityError, match=r"accuracy .* falls by 0\.0300 in int8 \(limit 0\.02"):
        require_small_loss("openvino", two([0.4] * 3 + [0.6] * 97), exact, truth, "int8")


def test_a_certain_tile_must_not_turn_in_int8() -> None:
    truth = np.zeros(100, np.int64)
    with pytest.raises(ParityError, match=r"differ by 0\.8"):
        require_small_loss("openvino", two([0.1] + [0.9] * 99), two([0.9] * 100), truth, "int8")


def test_labels_are_demanded_of_decided_tiles_only() -> None:
    assert golden_limits("int8", two([0.9, 0.8, 0.55, 0.2])).min_label_agreement == 0.75
    assert golden_limits("int8", two([0.9, 0.1])).min_label_agreement == 1.0
    assert golden_limits("fp32", two([0.9])).max_probability_difference == 0.01


def test_no_permitted_difference_turns_a_decided_label() -> None:
    """The rule behind the limit: both classes move by the allowed amount, and the label stays."""
    allowed = GOLDEN_DIFFERENCE["int8"]
    decided = two([0.5 + allowed + 1e-3])
    moved = decided + np.array([[-allowed, allowed]], np.float32)
    assert golden_limits("int8", decided).min_label_agreement == 1.0
    limits = ParityLimits(max_probability_difference=allowed + 1e-6, min_label_agreement=1.0)
    assert require("x", moved.astype(np.float32), decided, limits, "y").passed


def images(truth: list[int]) -> Images:
    count = len(truth)
    return Images(
        pixels=np.arange(count, dtype=np.uint8).repeat(4).reshape(count, 2, 2),
        truth=np.array(truth, np.int64),
        groups=np.arange(count),
        parts=np.array(["validation"] * count),
    )


def test_golden_tiles_are_decided_and_spread() -> None:
    first = [0.5, 0.55, 0.65, 0.72, 0.8, 0.9, 0.95, 0.99]
    given = images([0] * 8)
    golden = choose_golden(given, two(first), np.zeros((8, 3), np.float32), "int8")
    assert len(golden.pixels) == PER_CLASS
    chosen = lead(golden.probabilities)
    assert chosen.min() == pytest.approx(0.44, abs=1e-6)
    assert chosen.max() == pytest.approx(0.98, abs=1e-6)
    assert golden.pixels[:, 0, 0].tolist() == [3, 4, 6, 7]


def test_a_class_that_is_never_decided_still_has_its_tiles() -> None:
    first = [0.5, 0.52, 0.51, 0.9, 0.95, 0.1, 0.05, 0.2]
    golden = choose_golden(
        images([0, 0, 0, 1, 1, 1, 1, 1]), two(first), np.zeros((8, 3), np.float32), "int8"
    )
    assert golden.pixels[:, 0, 0].tolist()[:3] == [0, 2, 1]
    assert golden_limits("int8", golden.probabilities).min_label_agreement < 1


def test_calibration_takes_every_class_alike() -> None:
    truth = np.array([0] * 500 + [1] * 60 + [2] * 5)
    chosen = stratified(truth, 90, seed=0)
    assert np.bincount(truth[chosen]).tolist() == [30, 30, 5]
    assert len(set(chosen.tolist())) == len(chosen)
    np.testing.assert_array_equal(chosen, stratified(truth, 90, seed=0))
