import numpy as np
import pytest

from contract.classes import ClassList
from export.figures import embedding_statistics, figures
from export.images import Images
from export.people import model_card
from tests.unit.runtime.small_bundle import small_card
from training.operating import Rule

CLASSES = ClassList(names=("a", "b", "c"), clean=())


def test_figures_carry_their_intervals_and_counts() -> None:
    truth = np.array([0] * 10 + [1] * 10)
    probabilities = np.eye(3, dtype=np.float32)[truth]
    probabilities[0] = [0, 1, 0]
    images = Images(np.zeros((20, 1, 1), np.uint8), truth, np.arange(20), np.array(["test"] * 20))
    metrics, recall = figures(Rule(CLASSES, {}), images, probabilities)
    accuracy = metrics["accuracy"]
    assert accuracy.value == pytest.approx(0.95)
    assert accuracy.low is not None
    assert 0.8 <= accuracy.low < 0.95
    assert accuracy.high == 1
    assert set(metrics) == {"accuracy", "macro_f1", "gmean", "ece"}
    assert recall["a"].value == pytest.approx(0.9)
    assert recall["a"].images == 10
    assert set(recall) == {"a", "b"}


def test_a_clean_class_adds_what_the_line_would_report() -> None:
    classes = ClassList(names=("a", "clean"), clean=("clean",))
    truth = np.array([0] * 10 + [1] * 20)
    probabilities = np.eye(2, dtype=np.float32)[truth]
    probabilities[0] = [0.4, 0.6]
    probabilities[10:13] = [0.9, 0.1]
    probabilities[13] = [0.7, 0.3]
    images = Images(np.zeros((30, 1, 1), np.uint8), truth, np.arange(30), np.array(["test"] * 30))
    metrics, _ = figures(Rule(classes, {"a": 0.8}), images, probabilities)
    alarms, found = metrics["false_alarms"], metrics["defects_reported"]
    assert alarms.value == pytest.approx(3 / 20)
    assert alarms.images == 20
    assert alarms.low is not None
    assert alarms.high is not None
    assert 0 <= alarms.low < 3 / 20 < alarms.high < 0.5
    assert found.value == pytest.approx(0.9)
    assert found.images == 10


def test_embedding_statistics_by_hand() -> None:
    found = embedding_statistics(np.array([[1, 10], [3, 10]], np.float32))
    assert list(found.mean) == [2, 10]
    assert list(found.variance) == [1, 0]
    assert found.images == 2


def test_people_are_told_what_a_bundle_without_clean_class_does() -> None:
    made = [["stripsight-train", "student", "--out", "a b"]]
    text = model_card(small_card(), made, {"train": 3}, temperature=0.5, views=2)
    assert "* temperature: 0.500," in text
    assert "the mean over a tile and its mirror image" in text
    assert "stripsight-train student --out 'a b'" in text
    assert "names a defect on every tile" in text
    assert "scale of the training pictures: not stated" in text
    assert "The scale of its training pictures is not known" in text
    lines = text.splitlines()
    tables = [line for line in lines if line.startswith("| ---")]
    assert len(tables) == 4
