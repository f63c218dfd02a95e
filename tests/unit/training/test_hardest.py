"""Images that all variants of a study find hard."""

import csv
from collections.abc import Mapping
from pathlib import Path

from training.hardest import find_hardest, hardest_text, write_hardest
from training.pooled import OutOfFold, Prediction

NAMES = ("hole", "red_iron", "stain")


def judged(variant: str, named: Mapping[str, int], *, seed: int = 0) -> OutOfFold:
    """A variant that named images (of which the first letter tells the truth) so."""
    rows = [
        Prediction(file, file, "hrs".index(file[0]), tuple(float(i == name) for i in range(3)))
        for file, name in named.items()
    ]
    return OutOfFold(variant, NAMES, {(0, seed): rows})


VARIANTS = [
    judged("a", {"h1": 0, "r1": 2, "s1": 0, "s2": 2}),
    judged("b", {"h1": 0, "r1": 2, "s1": 2, "s2": 2}),
    judged("c", {"h1": 0, "r1": 0, "s1": 0, "s2": 2}),
    judged("c", {"r9": 0}),
]


def test_the_worst_come_first_with_what_they_were_called() -> None:
    found = find_hardest(VARIANTS)
    assert found.images == 4, "r9 was judged by one variant alone"
    assert [tuple(hard) for hard in found.hard] == [
        ("r1", "red_iron", 3, 3, "stain"),
        ("s1", "stain", 3, 2, "hole"),
    ]


def test_seeds_of_one_variant_are_one_opinion() -> None:
    found = find_hardest([judged("a", {"h1": 1}, seed=seed) for seed in range(5)])
    assert found.images == 0
    assert hardest_text(found) == ""


def test_the_text_counts_what_is_always_wrong() -> None:
    text = hardest_text(find_hardest(VARIANTS))
    assert "1 (25.00 %) are named wrong by all of them and 2 by more than\nhalf" in text
    assert "| red iron | stain | 1 |" in text
    assert "stain | hole" not in text


def test_the_table_can_be_read_again(tmp_path: Path) -> None:
    write_hardest(tmp_path / "hardest.csv", find_hardest(VARIANTS))
    with (tmp_path / "hardest.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0] == {
        "file": "r1", "truth": "red_iron", "judged": "3", "wrong": "3", "named": "stain",
    }  # fmt: skip
