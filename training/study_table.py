"""`study.csv`: one row per finished run and condition, and the predictions that stand behind it.

`alarms.csv` beside it counts, where there are clean tiles, what the line would have reported.
"""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from contract.errors import ConfigError
from runtime.scores import TITLES
from training.corruptions import CLEAN, Condition
from training.job import locked
from training.report import JSON, PREDICTIONS

TABLE, ALARMS = "study.csv", "alarms.csv"
BUNDLE = "bundle"
"""The role in rows of a run's bundle, beside `teacher` and `student`."""


COLUMNS = (
    "study", "variant", "role", "fold", "seed", "condition", "images", "groups", *TITLES,
    "input_px", "epochs", "best_epoch", "minutes", "device", "git_revision", "data_digest",
    "variant_digest", "finished", "predictions",
)  # fmt: skip

KEY = ("variant", "fold", "seed", "condition")
"""What a row is about: no two rows of a table have the same."""

ALARM_COLUMNS = (*KEY, "clean", "false_alarms", "defective", "reported")

Row = Mapping[str, str]


def read_rows(path: Path, columns: Sequence[str] = COLUMNS) -> list[dict[str, str]]:
    """Rows of a study's CSV; none where there is no file yet.

    Raises:
        ConfigError: other columns.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != tuple(columns):
        raise ConfigError(f"{path}: has other columns than this version writes; move it away")
    return [row for row in rows if None not in row and None not in row.values()]


def key(row: Row) -> tuple[str, ...]:
    """Of a row, as a tuple."""
    return tuple(row[name] for name in KEY)


def keep_rows(out: Path, common: Row, reports: Mapping[Condition, Path]) -> None:
    """Append the rows that are not there yet, and keep their predictions.

    Args:
        out: the study's folder.
        common: what all of them say; the minutes of training are the clean row's.
        reports: by condition, the folder of what `training.report` wrote.
    """
    with locked(out):  # other processes add theirs
        _keep_rows(out, common, reports)


def _keep_rows(out: Path, common: Row, reports: Mapping[Condition, Path]) -> None:
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
        judged = json.loads((report / JSON).read_text("utf-8"))
        if alarms := judged.get("alarms"):
            _append(out / ALARMS, ALARM_COLUMNS, {name: row[name] for name in KEY} | alarms)
        _append(out / TABLE, COLUMNS, {**row, "predictions": str(kept)})


def read_alarms(out: Path, rows: Sequence[Row]) -> list[dict[str, str]]:
    """The newest counts of these rows of the table: what is trained again is counted again."""
    newest = {key(row): row for row in read_rows(out / ALARMS, ALARM_COLUMNS)}
    return [newest[key(row)] for row in rows if key(row) in newest]


def _figures(report: Path) -> dict[str, str]:
    judged = json.loads((report / JSON).read_text("utf-8"))
    figures = {name: f"{judged['figures'][name]['value']:.6f}" for name in TITLES}
    return {"images": str(judged["images"]), "groups": str(judged["groups"]), **figures}


def _append(table: Path, columns: Sequence[str], row: Row) -> None:
    is_new = not table.exists()
    is_cut_off = not is_new and not table.read_bytes().endswith(b"\n")
    with table.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        if is_new:
            writer.writeheader()
        if is_cut_off:  # by a full disk, say: that row is passed over, the next one kept
            stream.write("\n")
        writer.writerow(row)
