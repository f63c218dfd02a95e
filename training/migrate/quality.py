"""What migrated images are worth, before anything is trained on them: do they look like the target
(KID on a student's embedding), and are they more than copies (nearest neighbours)?

Only images that the generator was trained on take part; held-out images stay unseen.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.migrate.data import Line
from training.networks.deployed import Deployed
from training.report import predict
from training.run import Run

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

JSON, TABLE = "quality.json", "quality.txt"
HALVINGS = 20
COPY_QUANTILE = 0.01
"""Of target images to those of other groups: a sample that is nearer than half of this to a target
image counts as a copy."""


class Sets(NamedTuple):
    """Three sets of vectors `N x D` in one space; the source in the order of the migrated."""

    migrated: F64
    source: F64
    target: F64


class Distances(NamedTuple):
    """Medians of distances to the nearest neighbour, and the share that looks copied."""

    migrated_to_target: float
    migrated_to_own_source: float
    source_to_target: float
    target_to_target: float
    """To the nearest of another group, where there is more than one."""
    copied_share: float


class Closeness(NamedTuple):
    """KID of two sets, and beside it what it is without migration and within the target."""

    migrated_to_target: float
    source_to_target: float
    target_halves: float
    """Mean over random halves that separate no group: what sets of one kind come to."""


class Named(NamedTuple):
    """Shares of images that the judge names as the target's class."""

    migrated: float
    source: float
    target: float


class Judged(NamedTuple):
    """What a finished run says: its embeddings, and how it names the images."""

    sets: Sets
    named: Named | None
    """None where the run does not know the class."""


def kid(a: F64, b: F64) -> float:
    """Kernel inception distance: squared MMD, unbiased, with the kernel `(x.y / D + 1)^3`
    (Binkowski et al., ICLR 2018), of vectors `N x D` and `M x D`, N and M at least 2. May be
    negative.
    """
    within_a, within_b, across = _kernel(a, a), _kernel(b, b), _kernel(a, b)
    n, m = len(a), len(b)
    own_a = (within_a.sum() - np.trace(within_a)) / (n * (n - 1))
    own_b = (within_b.sum() - np.trace(within_b)) / (m * (m - 1))
    return float(own_a + own_b - 2 * across.mean())


def _kernel(a: F64, b: F64) -> F64:
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3, np.float64)


def closeness(sets: Sets, groups: Sequence[str], seed: int) -> Closeness:
    """KIDs; `groups` are those of the target."""
    return Closeness(
        kid(sets.migrated, sets.target), kid(sets.source, sets.target),
        _halves(sets.target, groups, seed),
    )  # fmt: skip


def _halves(vectors: F64, groups: Sequence[str], seed: int) -> float:
    """NaN where no half would have two images."""
    generator = np.random.default_rng(seed)
    names, numbers = np.unique(np.array(groups), return_inverse=True)
    values = []
    for _ in range(HALVINGS):
        chosen = generator.permutation(len(names))[: len(names) // 2]
        first = np.isin(numbers, chosen)
        if min(first.sum(), (~first).sum()) >= 2:
            values.append(kid(vectors[first], vectors[~first]))
    return float(np.mean(values)) if values else float("nan")


def distances(sets: Sets, groups: Sequence[str]) -> Distances:
    """Root mean square differences per dimension; `groups` are those of the target."""
    to_target = _rms(sets.migrated, sets.target).min(axis=1)
    among = _rms(sets.target, sets.target)
    named = np.array(groups)
    same = named[:, None] == named[None]
    if same.all():
        same = np.eye(len(named), dtype=bool)
    among = np.where(same, np.inf, among).min(axis=1)
    own = np.sqrt(np.square(sets.migrated - sets.source).mean(axis=1))
    return Distances(
        float(np.median(to_target)), float(np.median(own)),
        float(np.median(_rms(sets.source, sets.target).min(axis=1))), float(np.median(among)),
        float(np.mean(to_target < np.quantile(among, COPY_QUANTILE) / 2)),
    )  # fmt: skip


def _rms(a: F64, b: F64) -> F64:
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0) / a.shape[1]), np.float64)


def pixel_sets(migrated: U8, source: Line, target: Line) -> Sets:
    """Grey levels as vectors."""
    stacks = (migrated, source.pixels, target.pixels)
    return Sets(*(stack.reshape(len(stack), -1).astype(np.float64) for stack in stacks))


def ask_judge(judge: Run, name: str, migrated: U8, source: U8, target: U8) -> Judged:
    """Embeddings and names by a finished run; the pictures are U8 `N x input_px x input_px` of its
    own size, `name` is the target's class.
    """
    network: Deployed = judge.load_deployed()
    outputs = [predict(network, pixels) for pixels in (migrated, source, target)]
    sets = Sets(*(output.embedding.astype(np.float64) for output in outputs))
    if name not in judge.classes.names:
        return Judged(sets, None)
    label = judge.classes.names.index(name)
    shares = (float((o.probabilities.argmax(axis=1) == label).mean()) for o in outputs)
    return Judged(sets, Named(*shares))


class Quality(NamedTuple):
    """All figures of one migration; the last three need a judge."""

    grey_levels: Distances
    embedding: Distances | None
    kid: Closeness | None
    named: Named | None


def write_quality(out: Path, quality: Quality) -> str:
    """Write `quality.json` and the table, which is returned."""
    body = {
        "kid": quality.kid and quality.kid._asdict(),
        "named_as_target_class": quality.named and quality.named._asdict(),
        "nearest_neighbour_grey_levels": quality.grey_levels._asdict(),
        "nearest_neighbour_embedding": quality.embedding and quality.embedding._asdict(),
    }
    text = json.dumps(_without_nan(body), indent=1, allow_nan=False) + "\n"
    (out / JSON).write_text(text, "utf-8")
    table = _table(quality)
    (out / TABLE).write_text(table, "utf-8")
    return table


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(below) for key, below in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value


def _table(quality: Quality) -> str:
    pixels, embedding, kids, named = quality
    rows = [("", "grey levels", "embedding", "KID")]
    names = {
        "migrated_to_target": "migrated to target", "source_to_target": "source to target",
        "target_to_target": "target to target", "migrated_to_own_source": "migrated to own source",
    }  # fmt: skip
    likeness = kids._asdict() if kids else {}
    likeness["target_to_target"] = likeness.get("target_halves")
    for key, title in names.items():
        far = embedding._asdict()[key] if embedding else None
        cells = (pixels._asdict()[key], far, likeness.get(key))
        rows.append((title, _cell(cells[0], 1), _cell(cells[1], 3), _cell(cells[2], 4)))
    grey, deep = (f"{100 * d.copied_share:.1f} %" if d else "-" for d in (pixels, embedding))
    rows.append(("looks copied", grey, deep, ""))
    lines = [f"{a:<24}{b:>12}{c:>12}{d:>10}".rstrip() for a, b, c, d in rows]
    note = (
        "Distances are medians to the nearest neighbour (root mean square; target to target: of"
        "\nanother group). KID target to target compares random halves of the target's images."
    )
    if named:
        shares = [f"{100 * value:.0f} %" for value in named]
        note += (
            f"\nThe judge names {shares[0]} of the migrated images as the target's class,"
            f" {shares[1]} of the source's,\n{shares[2]} of the target's own."
        )
    if kids is None:
        note += "\nKID and embedding need a finished run: --judge RUN."
    return "\n".join([*lines, "", note, ""])


def _cell(value: float | None, digits: int) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.{digits}f}"
