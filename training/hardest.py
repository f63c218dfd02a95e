"""Images that a study's variants name wrong again and again: what no recipe tried has learned, or a
label that deserves a second look.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from training.markdown import markdown_table
from training.pooled import OutOfFold

HARDEST = "hardest.csv"
LEAST = 3
"""Variants that must have judged an image before anything is said of it. Bundles do not count: they
are the same trainings."""


class Hard(NamedTuple):
    """One image that at least one variant named wrong."""

    file: str
    truth: str
    judged: int
    """Runs that had it in their test part."""
    wrong: int
    named: str
    """What the wrong ones called it most often."""

    @property
    def always(self) -> bool:
        """Whether no variant named it right."""
        return self.wrong == self.judged


class Hardest(NamedTuple):
    """What a study's variants have in common."""

    images: int
    """Judged by at least `LEAST` variants."""
    hard: list[Hard]
    """The worst first."""


def find_hardest(variants: Sequence[OutOfFold]) -> Hardest:
    """Count, image by image, over all runs of all variants."""
    named: dict[tuple[str, str], list[str]] = defaultdict(list)
    judges: dict[tuple[str, str], set[str]] = defaultdict(set)
    for variant in variants:
        for rows in variant.by_run.values():
            for row in rows:
                image = row.file, variant.names[row.truth]
                best = max(range(len(row.probabilities)), key=row.probabilities.__getitem__)
                named[image].append(variant.names[best])
                judges[image].add(variant.variant)
    known = [image for image in named if len(judges[image]) >= LEAST]
    hard = []
    for file, truth in known:
        wrong = Counter(name for name in named[file, truth] if name != truth)
        if wrong:
            judged = len(named[file, truth])
            hard.append(Hard(file, truth, judged, wrong.total(), wrong.most_common(1)[0][0]))
    return Hardest(len(known), sorted(hard, key=lambda h: (-h.wrong / h.judged, h.file)))


def write_hardest(path: Path, found: Hardest) -> None:
    """A row for each image that any variant named wrong, the worst first."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "truth", "judged", "wrong", "named"])
        writer.writerows(found.hard)


def hardest_text(found: Hardest) -> str:
    """What they have in common, as Markdown; empty where too few variants have judged anything."""
    if not found.images:
        return ""
    always = [hard for hard in found.hard if hard.always]
    mostly = sum(hard.wrong * 2 > hard.judged for hard in found.hard)
    pairs = Counter((hard.truth, hard.named) for hard in always)
    share = 100 * len(always) / found.images
    lines = [
        f"Of {found.images} images that at least {LEAST} variants judged,",
        f"{len(always)} ({share:.2f} %) are named wrong by all of them and {mostly} by more than",
        f"half; `{HARDEST}` names them.",
    ]
    if pairs:
        rows = [
            [truth.replace("_", " "), named.replace("_", " "), str(count)]
            for (truth, named), count in pairs.most_common()
        ]
        lines += ["", markdown_table(["always wrong", "named mostly", "images"], rows)]
    return "\n".join(lines)
