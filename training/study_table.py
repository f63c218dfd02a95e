"""`study.csv`: one row per finished run and condition, and the predictions that stand behind it."""

import csv
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from contract.errors import ConfigError
from training.corruptions import CLEAN, Condition
from training.report import JSON, PREDICTIONS

TABLE = "study.csv"
BUNDLE = "bundle"
"""The role in rows of a run's bundle, beside `teacher` and `student`."""

FIGURES = ("accuracy", "macro_f1", "gmean", "ece")
COLUMNS = (
    "study", "variant", "role", "fold", "seed", "condition", "images", "groups", *FIGURES,
    "input_px", "epochs", "best_epoch", "minutes", "device", "git_revision", "data_digest",
    "variant_digest", "finished", "predictions",
)  # fmt: skip

Row = Mapping[str, str]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a study's CSV; none where there is no file yet.

    Raises:
        ConfigError: other columns.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ConfigError(f"{path}: has other columns than this version writes; move it away")
    return [row for row in rows if None not in row and None not in row.values()]


def key(row: Row) -> tuple[str, ...]:
    """What a row is about: no two rows of a table have the same."""
    return row["variant"], row["fold"], row["seed"], row["condition"]


def keep_rows(out: Path, common: Row, reports: Mapping[Condition, Path]) -> None:
    """Append the rows that are not there yet, and keep their predictions.

    Args:
        out: the study's folder.
        common: what all of them say; the minutes of training are the clean row's.
        reports: by condition, the folder of what `training.report` wrote.
    """
    known = {key(row) for row in read_rows(out / TABLE)}
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    for condition, report in reports.items():
        row = {**common, "condition": condition.name, "finished": finished, **_figures(report)}
        if condition != CLEAN:
            row["minutes"] = "0.0"
        if key(row) in known:
            continue
        suffix = "" if condition == CLEAN else f"-{condition.name}"
        name = f"{row['variant']}-fold{row['fold']}-seed{row['seed']}{suffix}.csv"
        kept = Path("predictions") / name
        (out / kept.parent).mkdir(exist_ok=True)
        shutil.copyfile(report / PREDICTIONS, out / kept)
        _append(out / TABLE, {**row, "predictions": str(kept)})


def _figures(report: Path) -> dict[str, str]:
    judged = json.loads((report / JSON).read_text("utf-8"))
    figures = {name: f"{judged['figures'][name]['value']:.6f}" for name in FIGURES}
    return {"images": str(judged["images"]), "groups": str(judged["groups"]), **figures}


def _append(table: Path, row: Row) -> None:
    is_new = not table.exists()
    is_cut_off = not is_new and not table.read_bytes().endswith(b"\n")
    with table.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        if is_new:
            writer.writeheader()
        if is_cut_off:  # by a full disk, say: that row is passed over, the next one kept
            stream.write("\n")
        writer.writerow(row)
