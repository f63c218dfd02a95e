"""Train, validation and test parts: stratified by class, never separating a group."""

import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from contract.errors import ConfigError
from training.groups import AUTOMATIC
from training.split_file import PARTS, Part, SplitRow

Ints = npt.NDArray[np.int64]

_NEED_ORDER: tuple[Part, ...] = ("train", "test", "validation")
"""Where a class with few groups is put first."""


def check_classes(labels: Ints, groups: Sequence[str], names: Sequence[str]) -> None:
    """Refuse classes from which nothing can be held out.

    Raises:
        ConfigError: a class with one image, or whose images all belong to one group.
    """
    for label, name in enumerate(names):
        members = np.flatnonzero(labels == label).tolist()
        if len(members) == 1:
            raise ConfigError(
                f"class {name} has one image; it takes at least two, to learn from and to test on:"
                " add images or remove the class"
            )
        if len({groups[i] for i in members}) == 1:
            cure = "add images of another piece or remove the class"
            if groups[members[0]].startswith(AUTOMATIC):
                cure += (
                    "; if they are not so alike as they were taken for, say so in groups.csv or"
                    " raise data.near_duplicate_correlation"
                )
            raise ConfigError(
                f"class {name}: all {len(members)} images show the same piece of strip (one group),"
                f" so none can be held out: {cure}"
            )


def split_parts(
    labels: Ints, groups: Sequence[str], *, fold: int, folds: int, validation_folds: int, seed: int,
    learn_large_groups: bool = False,
) -> list[Part]:  # fmt: skip
    """Part of each image.

    The test part is fold `fold` of `folds`, the validation part one of `validation_folds` of the
    rest, without groups that hold more of a class than such a fold should: one large piece of strip
    is learned from rather than chosen by. With `learn_large_groups` the same holds for the test
    part: such a piece is learned from in every fold. Then each class is brought into every part for
    which it has a group, a large one if need be; a class of two groups has none in validation.
    """
    parts: list[Part] = ["train"] * len(labels)
    everything = np.arange(len(labels))
    testable = everything[~_oversized(labels, groups, folds)] if learn_large_groups else everything
    test = _fold(testable, labels, groups, fold, folds, seed)
    rest = np.setdiff1d(everything, test)
    rest = rest[~_oversized(labels[rest], [groups[i] for i in rest.tolist()], validation_folds)]
    for index in test.tolist():
        parts[index] = "test"
    for index in _fold(rest, labels, groups, 0, validation_folds, seed + 1).tolist():
        parts[index] = "validation"
    for rank in range(len(_NEED_ORDER)):
        for label in range(int(labels.max()) + 1):
            _complete(parts, rank, label, labels, groups)
    return parts


def _oversized(labels: Ints, groups: Sequence[str], folds: int) -> npt.NDArray[np.bool_]:
    """Images whose group holds more of their class than a fold's share."""
    size = Counter(zip(groups, labels.tolist(), strict=True))
    share = np.ceil(np.bincount(labels) / folds)
    large = {group for (group, label), count in size.items() if count > max(share[label], 2)}
    return np.array([group in large for group in groups])


def _fold(
    indices: Ints, labels: Ints, groups: Sequence[str], fold: int, folds: int, seed: int
) -> Ints:
    names = np.array([groups[i] for i in indices.tolist()])
    count = min(folds, len(np.unique(names)), int(np.bincount(labels[indices], minlength=1).max()))
    if count < 2:
        return indices[:0]
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # It warns of classes with fewer images than folds; `_complete` sees to them.
        warnings.simplefilter("ignore", UserWarning)
        chosen: Ints = list(splitter.split(indices, labels[indices], names))[fold % count][1]
    return indices[chosen]


def _complete(
    parts: list[Part], rank: int, label: int, labels: Ints, groups: Sequence[str]
) -> None:
    """Move a whole group of a class into a part that lacks it, from the part that has most; parts
    that matter more keep a group of each class.
    """
    needed, held = _NEED_ORDER[rank], _groups_by_part(parts, label, labels, groups)
    if held[needed]:
        return
    kept = {part: _last_groups(part, parts, labels, groups) for part in _NEED_ORDER[:rank]}
    spare = {part: held[part] - kept.get(part, set()) for part in _NEED_ORDER}
    donor = max(spare, key=lambda part: len(held[part]) if spare[part] else 0)
    if not spare[donor]:
        return
    moved = min(spare[donor], key=lambda group: (groups.count(group), group))
    for index, group in enumerate(groups):
        if group == moved:
            parts[index] = needed


def _groups_by_part(
    parts: Sequence[Part], label: int, labels: Ints, groups: Sequence[str]
) -> dict[Part, set[str]]:
    members = np.flatnonzero(labels == label).tolist()
    return {part: {groups[i] for i in members if parts[i] == part} for part in PARTS}


def _last_groups(
    part: Part, parts: Sequence[Part], labels: Ints, groups: Sequence[str]
) -> set[str]:
    """Groups of a part without which it would lack a class: a piece of strip may show several."""
    held = [_groups_by_part(parts, label, labels, groups)[part] for label in set(labels.tolist())]
    return {group for found in held if len(found) == 1 for group in found}


def rows_of(files: Sequence[str], parts: Sequence[Part], groups: Sequence[str]) -> list[SplitRow]:
    """The same as rows of a split file."""
    return [SplitRow(*row) for row in zip(files, parts, groups, strict=True)]


def apply_rows(files: Sequence[str], rows: Sequence[SplitRow]) -> tuple[list[Part], list[str]]:
    """Parts and groups of the files, in their order.

    Raises:
        ConfigError: the rows name a file that is not there, or leave one out.
    """
    by_file = {row.file: row for row in rows}
    if missing := sorted(set(files) - set(by_file)):
        raise ConfigError(
            f"the split does not name {missing[0]} ({len(missing)} images missing);"
            " make a new split, or give the data folder it was made for"
        )
    if gone := sorted(set(by_file) - set(files)):
        raise ConfigError(
            f"the split names {gone[0]}, which is not in the data folder ({len(gone)} missing);"
            " give the data folder it was made for"
        )
    chosen = [by_file[file] for file in files]
    return [row.part for row in chosen], [row.group for row in chosen]
