"""A score as tables that a command can print."""

from itertools import pairwise
from typing import NamedTuple

from edge.simulator.defects import CLEAN, DEFECTS
from edge.simulator.score import WIDTH_BINS_MM, Score, share


class Table(NamedTuple):
    """A table to print: the first column is text, a figure is as long as it means something."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(score: Score) -> list[Table]:
    """The score as tables to print."""
    shown = [name for name in DEFECTS if score.tiles[name]]
    result = []
    if shown:
        result.append(
            Table(
                "Recall per class, in tiles",
                ("class", "tiles", "named right", "reported as a defect"),
                tuple(_recall_row(score, name) for name in shown),
            )
        )
        result.append(
            Table(
                "Recall against the defect's width (named right / tiles)",
                ("class", *_bin_names()),
                tuple(_width_row(score, name) for name in shown),
            )
        )
    alarms = sum(score.false_alarms.values())
    coils = len(score.alarms_per_coil)
    rows = [
        ("clean tiles", f"{score.tiles[CLEAN]}"),
        ("false alarms", f"{alarms}"),
        ("per 1,000 clean tiles", f"{score.false_alarms_per_1000:.2f}"),
        (f"per coil ({coils} coils)", f"{share(alarms, coils):.2f}"),
    ]
    rows += [(f"as {name}", f"{count}") for name, count in score.false_alarms.most_common()]
    return [*result, Table("False alarms on clean strip", ("", "tiles"), tuple(rows))]


def _recall_row(score: Score, name: str) -> tuple[str, ...]:
    tiles = score.tiles[name]
    noticed = share(score.noticed[name], tiles)
    return (name, f"{tiles}", f"{score.recall(name):.3f}", f"{noticed:.3f}")


def _width_row(score: Score, name: str) -> tuple[str, ...]:
    found, tiles = score.named_by_width[name], score.by_width[name]
    bins = range(len(WIDTH_BINS_MM) - 1)
    return (name, *(f"{found[i]}/{tiles[i]}" if tiles[i] else "-" for i in bins))


def _bin_names() -> tuple[str, ...]:
    edges = [f"{edge:g}" for edge in WIDTH_BINS_MM]
    between = [f"{low} to {high} mm" for low, high in pairwise(edges[:-1])]
    return (*between, f"from {edges[-2]} mm")
