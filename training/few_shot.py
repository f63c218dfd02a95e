"""Fewer images to learn from, on purpose: N per class, or one class made rare.

Only the train part shrinks. What is left out gets no part (`unused` in `split.csv`), so validation
and test stay what they were and runs with and without it are judged on the same images.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from contract.errors import ConfigError
from training.split_file import UNUSED, Part

Ints = npt.NDArray[np.int64]


def leave_out(
    parts: Sequence[Part], labels: Ints, groups: Sequence[str], names: Sequence[str], *,
    shots: int | None, keep: Mapping[str, int], seed: int,
) -> list[Part]:  # fmt: skip
    """Parts with at most `shots` train images per class, and at most `keep[name]` of a class.

    A class that has no more images than that keeps all, so a second call changes nothing.

    Raises:
        ConfigError: `keep` names a class that there is not.
    """
    if unknown := set(keep) - set(names):
        raise ConfigError(
            f"data.keep: there is no class {min(unknown)!r}; the classes: {', '.join(names)}"
        )
    result = list(parts)
    for label, name in enumerate(names):
        members = [i for i in np.flatnonzero(labels == label).tolist() if parts[i] == "train"]
        count = min(len(members), shots or len(members), keep.get(name, len(members)))
        generator = np.random.default_rng((seed, label))
        chosen = set(choose(members, [groups[i] for i in members], count, generator))
        for index in members:
            if index not in chosen:
                result[index] = UNUSED
    return result


def choose(
    members: Sequence[int], groups: Sequence[str], count: int, generator: np.random.Generator
) -> list[int]:
    """Exactly `count` of the members, by whole groups (`groups[i]` is that of `members[i]`).

    Groups come in random order, each whole if it fits; only what then is missing is cut from the
    first group that did not fit.
    """
    sizes = Counter(groups)
    order = generator.permutation(sorted(sizes)).tolist()
    taken: list[int] = []
    cut: list[int] = []
    for group in order:
        own = [index for index, name in zip(members, groups, strict=True) if name == group]
        if len(taken) + len(own) <= count:
            taken += own
        else:
            cut = cut or own
    return taken + cut[: count - len(taken)]
