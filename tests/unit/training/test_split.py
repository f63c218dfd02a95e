"""Splits never separate a group, cover every class, and are read back strictly."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from contract.errors import ConfigError
from training.groups import group_duplicates
from training.split import apply_rows, check_classes, split_parts
from training.split_file import PARTS, SplitRow, read_split, write_split


@settings(max_examples=12)
@example(sizes=[[3, 3], [3, 3]], fold=0, seed=0)  # no group is small enough to be chosen by
@given(
    sizes=st.lists(st.lists(st.integers(1, 9), min_size=2, max_size=12), min_size=2, max_size=4),
    fold=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_groups_stay_whole_and_classes_complete(
    sizes: list[list[int]], fold: int, seed: int
) -> None:
    labels, groups = [], []
    for label, group_sizes in enumerate(sizes):
        for number, size in enumerate(group_sizes):
            labels += [label] * size
            groups += [f"{label}:{number}"] * size
    parts = split_parts(np.array(labels), groups, fold=fold, folds=5, validation_folds=8, seed=seed)
    home: dict[str, str] = {}
    for group, part in zip(groups, parts, strict=True):
        assert home.setdefault(group, part) == part
    for label, group_sizes in enumerate(sizes):
        found = {part for part, own in zip(parts, labels, strict=True) if own == label}
        assert {"train", "test"} <= found
        assert len(group_sizes) < 3 or found == set(PARTS)


@settings(max_examples=30)
@example(pieces=[{1}, {0, 1, 2}, {1, 2}, {0, 2}], fold=4, seed=12)
@given(
    pieces=st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=4, max_size=12),
    fold=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_a_piece_of_strip_with_two_defects_leaves_each_class_something_to_learn_from(
    pieces: list[set[int]], fold: int, seed: int
) -> None:
    shown = [(label, str(number)) for number, piece in enumerate(pieces) for label in piece]
    known = sorted({label for label, _ in shown})
    assume(all(sum(label == own for own, _ in shown) > 1 for label in known))
    labels = np.array([known.index(label) for label, _ in shown])
    groups = [group for _, group in shown]
    parts = split_parts(labels, groups, fold=fold, folds=5, validation_folds=8, seed=seed)
    learned = {label for label, part in zip(labels.tolist(), parts, strict=True) if part == "train"}
    assert learned == set(labels.tolist())


def test_folds_test_every_image_once() -> None:
    labels = np.repeat([0, 1], 50)
    groups = [str(i // 2) for i in range(100)]
    tested = np.zeros(100, int)
    for fold in range(5):
        parts = split_parts(labels, groups, fold=fold, folds=5, validation_folds=5, seed=0)
        tested += [part == "test" for part in parts]
    assert (tested == 1).all()


def test_a_large_piece_of_strip_is_not_chosen_by() -> None:
    labels = np.repeat([0, 1], [60, 60])
    groups = ["large"] * 30 + [str(i) for i in range(90)]
    for fold in (0, 1):
        parts = split_parts(labels, groups, fold=fold, folds=5, validation_folds=8, seed=0)
        assert parts[0] != "validation"


def test_a_large_piece_of_strip_can_be_learned_from_in_every_fold() -> None:
    labels = np.repeat([0, 1], [60, 60])
    groups = ["large"] * 30 + [str(i) for i in range(90)]
    tested = np.zeros(120, int)
    for fold in range(5):
        parts = split_parts(
            labels, groups, fold=fold, folds=5, validation_folds=8, seed=0, learn_large_groups=True
        )
        tested += [part == "test" for part in parts]
    assert tested.tolist() == [0] * 30 + [1] * 90


def test_classes_that_cannot_be_held_out_are_named() -> None:
    names = ["clean", "scratch"]
    with pytest.raises(ConfigError, match="class scratch has one image"):
        check_classes(np.array([0, 0, 1]), ["a", "b", "c"], names)
    with pytest.raises(ConfigError, match="class scratch: all 2 images show the same piece"):
        check_classes(np.array([0, 0, 1, 1]), ["a", "b", "c", "c"], names)


def test_duplicates_are_grouped_transitively() -> None:
    vectors = np.array([[1, 0], [0.9, 0.436], [0, 1], [0.6, 0.8], [0, -1]], np.float32)
    groups = group_duplicates(["a", "b", "c", "d", "c"], vectors, 0.87)
    # 0-1 correlate (0.9) and 1-3 (0.888); 2 and 4 have equal pixels.
    assert groups == ["auto:0", "auto:0", "auto:2", "auto:0", "auto:2"]


def test_split_file_comes_back(tmp_path: Path) -> None:
    rows = [SplitRow("a/1.png", "train", "g"), SplitRow('b/ü,"2".png', "test", "h")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split(tmp_path / "split.csv") == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line"),
        ("file,group\n", "first line"),
        ("file,part,group\na,learn,g\n", "line 2"),
        ("file,part,group\na,train\n", "line 2"),
        ("file,part,group\na,train,g\na,train,g\n", "twice"),
        ("file,part,group\na,train,g\nb,test,g\n", "never separates"),
        ('file,part,group\n"a', "cannot be read"),
    ],
)
def test_wrong_split_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_split(tmp_path / "split.csv")


def test_a_split_must_fit_its_folder() -> None:
    rows = [SplitRow("a", "train", "g"), SplitRow("b", "test", "h")]
    assert apply_rows(["b", "a"], rows) == (["test", "train"], ["h", "g"])
    with pytest.raises(ConfigError, match="does not name c"):
        apply_rows(["a", "b", "c"], rows)
    with pytest.raises(ConfigError, match="names b, which is not"):
        apply_rows(["a"], rows)
