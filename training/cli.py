"""`stripsight-train`: from a folder of images to a teacher, a student and their figures."""

import errno
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from contract.errors import ConfigError, StripSightError
from contract.words import command_line
from training.clean.cli import check_clean, clean
from training.migrate.cli import migrate
from training.options import (
    CleanOption,
    ConfigOption,
    DataOption,
    EpochsOption,
    ExtraOption,
    FoldOption,
    FoldsOption,
    InitOption,
    InputOption,
    OutOption,
    ResumeOption,
    ScaleOption,
    SeedOption,
    ShotsOption,
    SplitOption,
    ThreadsOption,
)

Role = Literal["teacher", "student"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""Train networks that name the defects on steel strip.

    The data is a folder with one sub-folder of images per class. The student is what
    `stripsight-export` turns into a bundle for the line:

        stripsight-train student --data images --out runs/student --no-distill

    Or train a teacher first, and let the student learn from it, too:

        stripsight-train teacher --data images --out runs/teacher

        stripsight-train student --data images --out runs/distilled --teacher runs/teacher

    A run's folder holds the weights, every setting, the split, curves, figures and predictions.
    Every default stands in training/defaults.yaml; docs/training.md goes from your own photographs
    to a bundle.
    """,
)


@app.command()
def teacher(
    data: DataOption, out: OutOption, config: ConfigOption = None, split: SplitOption = None,
    init: InitOption = None, resume: ResumeOption = False, epochs: EpochsOption = None,
    input_px: InputOption = None, seed: SeedOption = None, fold: FoldOption = None,
    folds: FoldsOption = None, clean: CleanOption = None, mm_per_px: ScaleOption = None,
    shots: ShotsOption = None, extra: ExtraOption = None, threads: ThreadsOption = None,
) -> None:  # fmt: skip
    """Train the SARSN teacher (or its plain control: `teacher: {gate: none}` in --config)."""
    changes = _changes("teacher", locals())
    _run("teacher", data, out, config, split, init, None, extra, changes, resume=resume)


@app.command()
def student(
    data: DataOption, out: OutOption,
    teacher: Annotated[
        Path | None,
        typer.Option("--teacher", help="Run of the teacher to learn from; or --no-distill."),
    ] = None,
    no_distill: Annotated[
        bool, typer.Option("--no-distill", help="Learn from the images alone.")
    ] = False,
    config: ConfigOption = None, split: SplitOption = None, init: InitOption = None,
    resume: ResumeOption = False, epochs: EpochsOption = None, input_px: InputOption = None,
    seed: SeedOption = None, fold: FoldOption = None, folds: FoldsOption = None,
    clean: CleanOption = None, mm_per_px: ScaleOption = None, shots: ShotsOption = None,
    extra: ExtraOption = None, threads: ThreadsOption = None,
) -> None:  # fmt: skip
    """Train the ResNet34 student, with --teacher RUN or --no-distill.

    With a teacher and no --split, the teacher's own split is used: the student must not be tested
    on images that its teacher has seen.
    """
    changes = _changes("student", locals())
    if not resume and (teacher is None) is not no_distill:
        raise ConfigError("give either --teacher RUN or --no-distill, one of both")
    if teacher is not None and (split, fold, folds) == (None, None, None):
        split = teacher / "split.csv"
    _run("student", data, out, config, split, init, teacher, extra, changes, resume=resume)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Option("--run", help="A finished run.")],
    data: DataOption,
    out: OutOption,
    part: Annotated[
        str, typer.Option("--part", help="train, validation, test, or all (for another folder).")
    ] = "test",
    jpeg_quality: Annotated[
        int | None,
        typer.Option("--jpeg-quality", min=1, max=100, help="Send every tile through JPEG first."),
    ] = None,
    corrupted: Annotated[
        list[str] | None,
        typer.Option(
            "--corrupt",
            help="noise, motion, defocus, shade or jpeg, with :1 to :3 for one severity, or all;"
            " may be given more than once.",
        ),
    ] = None,
    mosaics: Annotated[
        bool, typer.Option("--mosaics", help="Judge mosaics of these images beside them.")
    ] = False,
) -> None:
    """Judge a run: table, JSON, confusion matrix, and each prediction.

        stripsight-train evaluate --run runs/student --data images --out runs/report

    With --corrupt also under the conditions of a worse day, beside the clean images:

        stripsight-train evaluate --run runs/student --data images --out runs/worse --corrupt all
    """
    from training.evaluate import evaluate_run

    if (jpeg_quality is not None) + bool(corrupted) + mosaics > 1:
        raise ConfigError("give one of --jpeg-quality, --corrupt and --mosaics")
    if mosaics:
        from training.mosaic_labels import evaluate_mosaics

        print(evaluate_mosaics(run, data, out, part))
        return
    if corrupted:
        from training.robustness import evaluate_corrupted

        print(evaluate_corrupted(run, data, out, part, corrupted))
        return
    print(evaluate_run(run, data, out, part, jpeg_quality))


@app.command()
def examples(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", help="The picture, a .png file.")],
    config: ConfigOption = None,
    seed: SeedOption = None,
) -> None:
    """Draw each class: originals, augmented images, mosaics (used where mosaic.share is above 0).

    stripsight-train examples --data images --out sheet.png
    """
    from training.config import load_settings
    from training.examples import write_examples

    print(write_examples(data, out, load_settings(config, {"seed": seed})))


@app.command()
def groups(
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", help="CSV to write, with the columns file,group.")],
) -> None:
    """Write which images are copies or near copies of each other, a start for a groups.csv.

    Shifted views of one piece of strip are not found: give them one group by hand. As groups.csv
    beside the class folders the file keeps each group on one side of every split.
    """
    from training.config import load_settings
    from training.data import write_groups

    print(write_groups(data, out, load_settings()))


@app.command()
def study(
    file: Annotated[Path, typer.Argument(help="YAML: folds, seeds and a table of variants.")],
    data: DataOption,
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the study; the same command goes on in it.")
    ],
    fold: Annotated[
        list[int] | None,
        typer.Option("--fold", help="Only this fold (may be given again); else all."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", help="Only this seed (may be given again); else all."),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            "--variant", help="Only this variant and its teacher (may be given again); else all."
        ),
    ] = None,
) -> None:
    """Train a table of variants over folds, one after another; each finished run is one CSV row.

        stripsight-train study deploy/training/study-xsdd.yaml --data images --out studies/mine

    Many at once, each process taking the next run that no other one has (also on several GPUs):

        torchrun --nproc-per-node 2 --no-python stripsight-train study ...

    On two cores two trainings of one thread each (threads: 1) are faster than one of two threads.
    The same command in another terminal joins in, and goes on after a break.
    """
    from training.provenance import git_revision
    from training.study import run_study
    from training.study_file import read_study
    from training.study_plan import Plan
    from training.torchrun import work_alone

    work_alone(os.environ)  # noqa: TID251 - torchrun's protocol
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    typed = command_line("stripsight-train")
    folds, seeds = (frozenset(only) if only else None for only in (fold, seed))
    variants = frozenset(variant or ()) or None
    study, revision = read_study(file), git_revision()
    run_study(Plan(file, study, data, out, typed, revision, _say, folds, seeds, variants))


@app.command()
def thresholds(
    run: Annotated[Path, typer.Option("--run", help="Run of a SARSN teacher.")],
    data: DataOption,
    out: Annotated[Path, typer.Option("--out", help="Picture to write: .png, .svg or .pdf.")],
) -> None:
    """Show what a teacher's learned thresholds do: each stage, class by class.

    stripsight-train thresholds --run runs/teacher --data images --out thresholds.png
    """
    from training.shrinkage import plot_thresholds

    plot_thresholds(run, data, out)
    print(out)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="The --out of a study.")],
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", help="Compare with this variant; else the study's own."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            "--seed", help="Only runs of this seed (may be given again), printed, not written."
        ),
    ] = None,
) -> None:
    """Make tables and plots from a study's CSV: report.md, figures.png, differences.png.

    stripsight-train report studies/mine
    """
    from training.study_report import read_finished, write_study_report

    if seed:
        print(read_finished(folder, baseline, seed).text())
    else:
        print(write_study_report(folder, baseline))


app.command()(migrate)
app.command()(clean)
app.command()(check_clean)


def _changes(role: Role, options: dict[str, object]) -> dict[str, object]:
    names = {
        "seed": "seed", "threads": "threads", "fold": "data.fold", "folds": "data.folds",
        "clean": "data.clean", "mm_per_px": "data.mm_per_px", "input_px": f"{role}.input_px",
        "epochs": f"{role}.optimise.epochs", "shots": "data.shots",
    }  # fmt: skip
    return {name: options[key] for key, name in names.items() if options[key] not in (None, [])}


def _run(
    role: Role, data: Path, out: Path, config: Path | None, split: Path | None,
    init: Path | None, teacher: Path | None, extra: list[Path] | None,
    changes: dict[str, object], *, resume: bool,
) -> None:  # fmt: skip
    from training.config import load_settings
    from training.fit import train
    from training.job import PLAN, Job, claim, held, take_up
    from training.provenance import git_revision
    from training.run import RUN

    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)  # its import sets another
    is_broken_off = (out / PLAN).exists() and not (out / RUN).exists()
    words = command_line("stripsight-train")
    if split and {"data.fold", "data.folds"} & set(changes):
        raise ConfigError("give either --split, or --fold and --folds: the file says it all")
    if resume:
        if changes or config or split or init or teacher or extra:
            raise ConfigError("--resume takes everything else from --out; leave other options out")
        job, plan = take_up(role, out, data, _say)
    else:
        settings, plan = load_settings(config, changes), None
        job = Job(
            role, data, out, settings, words, git_revision(), _say, split, init, teacher,
            tuple(extra or ()),
        )  # fmt: skip
        claim(out, ", or go on with --resume" if is_broken_off else "")
    with held(out):
        train(job, plan)


def _say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; exit code 2 for the user's mistakes, 130 after Ctrl-C in a training."""
    try:
        app(arguments)
    except ModuleNotFoundError as error:
        print(f'stripsight-train: {error}; pip install "stripsight[training]"', file=sys.stderr)
        sys.exit(2)
    except StripSightError as error:
        print(f"stripsight-train: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            raise
        cure = "make room; a training then goes on with --resume"
        print(f"stripsight-train: {error}; {cure}", file=sys.stderr)
        sys.exit(ConfigError.exit_code)
