"""A study's figures as Markdown tables."""

import math
from collections.abc import Mapping, Sequence

from runtime.scores import TITLES
from training.clean.alarms import Alarms
from training.markdown import markdown_table
from training.pooled import LEVEL, Difference, Estimate, Result
from training.study_plots import SHOWN


def figure_table(results: Sequence[Result]) -> str:
    """Each variant's pooled figures."""
    rows = []
    for result in results:
        cells = [_interval(result.figures[name]) for name in TITLES]
        rows.append([result.variant, _folds(result.runs), str(result.images), *cells])
    return markdown_table(["variant", "folds", "images", *TITLES.values()], rows)


def difference_table(found: Mapping[str, Mapping[str, Difference]], head: str) -> str:
    """Differences by what was compared, or by variant, as `head` says."""
    rows = [[name, *(_difference(one[key]) for key in SHOWN)] for name, one in found.items() if one]
    return markdown_table([head, *SHOWN.values()], rows)


def recall_table(results: Sequence[Result]) -> str:
    """Each variant's recall of each class."""
    names = list(results[0].recalls)
    rows = [[r.variant, *(f"{100 * r.recalls[name]:.1f}" for name in names)] for r in results]
    return markdown_table(["variant", *(name.replace("_", " ") for name in names)], rows)


def alarm_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Pooled over the folds, from rows of `alarms.csv`."""
    cells = []
    for name in dict.fromkeys(row["variant"] for row in rows):
        own = [row for row in rows if row["variant"] == name]
        found = Alarms(*(sum(int(row[field]) for row in own) for field in Alarms._fields))
        share = f"{100 * found.reported / found.defective:.2f} %" if found.defective else "-"
        alarms = f"{found.per_1000:.1f} ({found.false_alarms} of {found.clean})"
        cells.append([name, alarms, f"{share} ({found.reported} of {found.defective})"])
    head = ["variant", "false alarms per 1,000 clean tiles", "defects reported"]
    return markdown_table(head, cells)


def corrupted_table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Accuracy / Gmean, from figures by condition (the clean one first) and variant; of the
    variants that were judged under another condition, too.
    """
    _, *others = found.values()
    names = dict.fromkeys(name for other in others for name in other)
    rows = [[name, *(_pair(column.get(name)) for column in found.values())] for name in names]
    return markdown_table(["variant", *found], rows)


def under_table(found: Mapping[str, Mapping[str, Difference]]) -> str:
    """Differences in accuracy by what is compared and condition, in points."""
    conditions = list(dict.fromkeys(name for row in found.values() for name in row))
    rows = [[name, *(_short(row.get(one)) for one in conditions)] for name, row in found.items()]
    return markdown_table(["difference", *conditions], rows)


def _folds(runs: Sequence[tuple[int, int]]) -> str:
    """`5 x 1`, or the number of runs where not every fold has every seed."""
    folds, seeds = ({run[place] for run in runs} for place in (0, 1))
    whole = len(folds) * len(seeds) == len(runs)
    return f"{len(folds)} x {len(seeds)}" if whole else f"{len(runs)} runs"


def _pair(figures: Mapping[str, float] | None) -> str:
    if figures is None:
        return "-"
    return f"{100 * figures['accuracy']:.1f} / {100 * figures['gmean']:.1f}"


def _interval(found: Estimate) -> str:
    value, low, high = (100 * number for number in found)
    return f"{value:.2f} ({low:.1f} - {high:.1f})"


def _difference(found: Difference) -> str:
    value, low, high = (100 * number for number in found.estimate)
    if math.isnan(found.detectable):
        return "no difference"
    return (
        f"{value:+.2f} ({low:+.1f} to {high:+.1f}), p {found.p:.2g} [{100 * found.detectable:.1f}]"
    )


def _short(found: Difference | None) -> str:
    if found is None:
        return "-"
    value, low, high = (100 * number for number in found.estimate)
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})" + (" *" if found.p < LEVEL else "")
