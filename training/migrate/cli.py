"""`stripsight-train migrate`."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contract.errors import ConfigError
from contract.words import command_line

if TYPE_CHECKING:
    from training.migrate.data import ClassPair


def migrate(
    source: Annotated[
        Path, typer.Option("--source", help="Image folder of the line that has the defect.")
    ],
    target: Annotated[
        Path, typer.Option("--target", help="Image folder of the line that lacks it.")
    ],
    classes: Annotated[
        str,
        typer.Option("--class", metavar="NAME=NAME", help="Class of the source = of the target."),
    ],
    out: Annotated[Path, typer.Option("--out", help="New folder for everything that is made.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", help="YAML with the settings that differ from defaults."),
    ] = None,
    split: Annotated[
        Path | None, typer.Option("--split", help="split.csv of the run that is to use the images.")
    ] = None,
    source_split: Annotated[
        Path | None,
        typer.Option("--source-split", help="Take only the train part of this split as source."),
    ] = None,
    judge: Annotated[
        Path | None,
        typer.Option("--judge", help="A finished student: measure KID on its embedding."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the migration in --out was broken off.")
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", help="How many (60); the rate falls over the last half."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of split and start weights.")] = None,
    fold: Annotated[int | None, typer.Option("--fold", help="Which fold is the test part.")] = None,
    folds: Annotated[int | None, typer.Option("--folds", help="How many folds there are.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", help="CPU threads.")] = None,
) -> None:
    """Turn one line's defects into the look of another line, by a CycleGAN.

        stripsight-train migrate --source OTHER --target images --class crack=hole --out migrated

    Its images have 64 px unless migrate.size_px in --config says otherwise: give it the student's
    input, or they look blurred beside the real ones.

    Only the target's train part is seen. The images in OUT/migrated are then for `student --extra`,
    which refuses them where its own validation or test images were among those learned from: give
    the same --split, or the same --fold, --folds and --seed.
    """
    from training.config import load_settings
    from training.job import claim
    from training.migrate.fit import migrate as run
    from training.migrate.job import PLAN, MigrateJob, take_up
    from training.provenance import git_revision

    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)  # its import sets another
    words, pair = command_line("stripsight-train"), _pair(classes)
    changes = {
        "seed": seed, "threads": threads, "data.fold": fold, "data.folds": folds,
        "migrate.epochs": epochs,
        "migrate.decay_epochs": None if epochs is None else epochs // 2,
    }  # fmt: skip
    if split and (fold, folds) != (None, None):
        raise ConfigError("give either --split, or --fold and --folds: the file says it all")
    if resume:
        if config or split or source_split or judge or set(changes.values()) != {None}:
            raise ConfigError("--resume takes everything else from --out; leave other options out")
        run(*take_up(source, target, pair, out, _say))
        return
    job = MigrateJob(
        source, target, pair, out, load_settings(config, changes), words, git_revision(), _say,
        split, source_split, judge,
    )  # fmt: skip
    claim(out, ", or go on with --resume" if (out / PLAN).exists() else "")
    run(job)


def _pair(text: str) -> "ClassPair":
    from training.migrate.data import ClassPair

    names = text.split("=")
    if len(names) != 2 or not all(names):
        raise ConfigError(f"--class {text}: must be NAME=NAME, the source's class and the target's")
    return ClassPair(*names)


def _say(line: str) -> None:
    print(line, flush=True)
