"""The runs of a study as they are deployed: each one's bundle judged by the line's own engine.

    OUT/runs/<variant>/<run>/bundle-int8/     made once
    OUT/runs/<variant>/<run>/deployed-int8/   its reports
    OUT/study.csv                             rows of a variant `<variant>-int8` beside the others

With a number of views that is asked for, `-views-N` follows `int8` in each of these names.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from contract.bundle import Bundle, open_bundle
from contract.card import Precision
from contract.errors import ConfigError, ParityError
from export.make import REFERENCE, Order, Say, default_name, make_bundle
from runtime.engine import load_engine
from training.corruptions import CLEAN, Condition
from training.job import HeldError, held
from training.networks.deployed import Views
from training.operating import Rule
from training.robustness import judge_corrupted
from training.run import RUN, Run, open_run
from training.study_plan import RUNS
from training.study_table import BUNDLE, TABLE, Row, keep_rows, key, read_rows

OF_A_TRAINING = ("best_epoch", "git_revision", "data_digest", "variant_digest")
"""What a bundle's row has from its training's."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Which runs of a study are exported, and what their bundles are judged under."""

    study: Path
    data: Path
    variants: Sequence[str]
    precision: Precision
    conditions: Sequence[Condition]
    command: tuple[str, ...]
    views: Views | None = None

    @property
    def suffix(self) -> str:
        """What tells these bundles from a run's others."""
        return self.precision + (f"-views-{self.views}" if self.views else "")


def judge_deployed(order: Deployment, say: Say) -> None:
    """Export and judge every finished run of the variants; what is in the table stays. Rows whose
    run lies elsewhere, or is gone, are named and passed over.

    Raises:
        ConfigError: no such variant has finished runs, none of them lies there, it is a teacher's,
            or the table has rows of an earlier training's bundles.
        ParityError: some bundles are too far from the trained network; the others are judged.
    """
    missing = _missing(order, say)
    begun_s, refused, passed = time.perf_counter(), list[str](), list[str]()
    for number, row in enumerate(missing, 1):
        place = _place(row)
        try:
            with held(_run_path(order, row)):
                if not _is_judged(order, row):  # by another command meanwhile
                    _judge(order, row)
        except HeldError:
            passed.append(place)
            say(f"{place}: another command is at it; passed over")
        except ParityError as error:
            refused.append(place)
            say(f"{place}: {error}")
        pace_s = (time.perf_counter() - begun_s) / number
        left = timedelta(seconds=round(pace_s * (len(missing) - number)))
        say(f"[{number}/{len(missing)}] {place}, about {left} left")
    if passed:
        say(f"passed over: {', '.join(passed)}; the same command again sees to them")
    if refused:
        raise ParityError(f"no bundle of {', '.join(refused)}: the reasons stand above")


def _missing(order: Deployment, say: Say) -> list[Row]:
    """Rows of trainings that lack those of their bundle, and whose runs lie there."""
    rows = [row for row in read_rows(order.study / TABLE) if row["condition"] == CLEAN.name]
    if unknown := set(order.variants) - {row["variant"] for row in rows}:
        raise ConfigError(f"{order.study / TABLE}: no finished run of {min(unknown)}")
    own = [row for row in rows if row["variant"] in order.variants]
    missing = [row for row in own if not _is_judged(order, row)]
    gone = [row for row in missing if not (_run_path(order, row) / RUN).exists()]
    if gone and len(gone) == len(missing):
        raise ConfigError(
            f"{_run_path(order, gone[0])}: no finished run there, nor of another row that lacks its"
            " bundle's; bundles are made from a run's weights, so train them here"
        )
    for row in gone:
        say(f"{_place(row)}: its run is not in {order.study / RUNS}; passed over")
    return [row for row in missing if row not in gone]


def _run_path(order: Deployment, row: Row) -> Path:
    return order.study / RUNS / row["variant"] / f"fold{row['fold']}-seed{row['seed']}"


def _place(row: Row) -> str:
    return f"{row['variant']} fold {row['fold']} seed {row['seed']}"


def _known(order: Deployment, row: Row) -> set[str]:
    """The conditions under which this run's bundle is in the table.

    Raises:
        ConfigError: that was an earlier training's bundle.
    """
    deployed = {**row, "variant": f"{row['variant']}-{order.suffix}"}
    table = read_rows(order.study / TABLE)
    known = [k for k in table if key(k) == key({**deployed, "condition": k["condition"]})]
    if any(k[name] != row[name] for k in known for name in OF_A_TRAINING):
        raise ConfigError(
            f"{order.study / TABLE}: {deployed['variant']}, fold {row['fold']} has a row of an"
            f" earlier training of {row['variant']}; remove the rows of {deployed['variant']} to"
            " judge it anew"
        )
    return {k["condition"] for k in known}


def _is_judged(order: Deployment, row: Row) -> bool:
    return {CLEAN.name, *(c.name for c in order.conditions)} <= _known(order, row)


def _judge(order: Deployment, row: Row) -> None:
    run = open_run(_run_path(order, row))
    bundle = _bundle(order, run, is_known=bool(_known(order, row)))
    engine, card = load_engine(bundle, REFERENCE, threads=1), bundle.card
    conditions, out = (CLEAN, *order.conditions), run.path / f"deployed-{order.suffix}"
    shutil.rmtree(out, ignore_errors=True)
    judge_corrupted(
        run, order.data, out, conditions, classify=lambda tiles: engine.classify(tiles)[0],
        rule=Rule(card.classes, card.thresholds),
    )  # fmt: skip
    common = {**row, "variant": f"{row['variant']}-{order.suffix}", "role": BUNDLE}
    common |= {"minutes": "0.0", "device": engine.backend}
    keep_rows(order.study, common, {c: out / c.name for c in conditions})


def _bundle(order: Deployment, run: Run, *, is_known: bool) -> Bundle:
    """The run's: that which the table's rows are of, or a new one, since what lies there without a
    row may be of an earlier training.
    """
    path = run.path / f"bundle-{order.suffix}"
    if path.exists() and is_known:
        return open_bundle(path)
    shutil.rmtree(path, ignore_errors=True)
    wanted = Order(
        run, order.data, path, order.precision, default_name(run), "1", None, None, 0.25,
        order.command, order.views,
    )  # fmt: skip
    return make_bundle(wanted, lambda _: None)
