"""Few shots: exactly so many, by whole groups, the same again, nothing but the train part."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import ConfigError
from training.config import load_settings
from training.few_shot import choose, leave_out
from training.split_file import Part, SplitRow, read_split, write_split

NAMES = ("hole", "scratch")


def parts_of(labels: list[int]) -> list[Part]:
    kinds: tuple[Part, ...] = ("train", "train", "train", "test", "validation")
    return [kinds[i % len(kinds)] for i in range(len(labels))]


@settings(max_examples=30)
@given(
    labels=st.lists(st.integers(0, 1), min_size=2, max_size=60),
    shots=st.none() | st.integers(1, 20),
    kept=st.none() | st.integers(1, 20),
    seed=st.integers(0, 9),
)
def test_only_the_train_part_shrinks_and_to_the_very_number(
    labels: list[int], shots: int | None, kept: int | None, seed: int
) -> None:
    before = parts_of(labels)
    array = np.array(labels, np.int64)
    groups = [f"g{i // 3}" for i in range(len(labels))]
    keep = {} if kept is None else {"scratch": kept}
    after = leave_out(before, array, groups, NAMES, shots=shots, keep=keep, seed=seed)
    for old, new in zip(before, after, strict=True):
        assert new == old or (old, new) == ("train", "unused")
    for label, limit in ((0, shots), (1, min(shots or 99, kept or 99))):
        had = sum(p == "train" and own == label for p, own in zip(before, labels, strict=True))
        has = sum(p == "train" and own == label for p, own in zip(after, labels, strict=True))
        assert has == min(had, limit or had)
    again = leave_out(after, array, groups, NAMES, shots=shots, keep=keep, seed=seed)
    assert again == after


def test_without_limits_nothing_is_left_out() -> None:
    labels = [0, 1] * 10
    parts = parts_of(labels)
    groups = list("ab" * 10)
    assert parts == leave_out(
        parts, np.array(labels), groups, NAMES, shots=None, keep={}, seed=0
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_groups_stay_whole_but_for_one(seed: int) -> None:
    sizes = {"a": 4, "b": 3, "c": 3, "d": 2, "e": 1}
    groups = [name for name, size in sizes.items() for _ in range(size)]
    taken = choose(range(13), groups, 7, np.random.default_rng(seed))
    assert len(set(taken)) == 7
    found = Counter(groups[i] for i in taken)
    assert sum(0 < count < sizes[name] for name, count in found.items()) <= 1


def test_one_large_group_is_cut() -> None:
    assert len(choose(range(9), ["a"] * 9, 4, np.random.default_rng(0))) == 4


def test_seeds_choose_differently() -> None:
    labels = np.zeros(50, np.int64)
    groups = [str(i) for i in range(50)]
    parts: list[Part] = ["train"] * 50
    chosen = [
        leave_out(parts, labels, groups, NAMES, shots=5, keep={}, seed=seed) for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1] != chosen[2]


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no class 'scrach'.*hole, scratch"):
        leave_out(["train"], np.array([0]), ["g"], NAMES, shots=None, keep={"scrach": 5}, seed=0)


def test_left_out_images_come_back_from_the_split_file(tmp_path: Path) -> None:
    rows = [SplitRow("a", "train", "g"), SplitRow("b", "unused", "g"), SplitRow("c", "test", "h")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split(tmp_path / "split.csv") == rows


def test_an_unused_image_hides_no_leak(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("file,part,group\na,unused,g\nb,train,g\nc,test,g\n")
    with pytest.raises(ConfigError, match="never separates"):
        read_split(path)


def test_keep_takes_any_class_and_counts_only(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("data: {shots: 20, keep: {my_class: 5, other: 7}}")
    data = load_settings(path).data
    assert (data.shots, data.keep) == (20, {"my_class": 5, "other": 7})
    for text in ("{keep: {a: 0}}", "{shots: 0}", "{keep: 5}", "{keep: {a: true}}", "{shots: true}"):
        path.write_text(f"data: {text}")
        with pytest.raises(ConfigError, match=r"data\.(shots|keep)"):
            load_settings(path)
