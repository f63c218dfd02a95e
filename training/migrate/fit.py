"""A migration from both folders to the migrated images and what they are worth."""

import shutil
from pathlib import Path

import lightning
import torch

from contract.errors import ConfigError
from training.curves import CURVES, PICTURE
from training.fit import STOPPED, StoppedError
from training.interrupt import Interrupt
from training.job import held
from training.migrate.data import U8, Lines, load_lines, pair_loader
from training.migrate.job import MIGRATED, MigrateJob, MigratePlan, begin
from training.migrate.pictures import SAMPLES, Progress, plot_losses, translate
from training.migrate.provenance import write_migrated
from training.migrate.quality import (
    Quality,
    ask_judge,
    closeness,
    distances,
    pixel_sets,
    write_quality,
)
from training.migrate.task import Migration
from training.pictures import decode
from training.quiet import quiet
from training.run import Run, file_digest, open_run
from training.trainer import make_trainer

GENERATOR = "generator.pt"


def migrate(job: MigrateJob, resumed: MigratePlan | None = None) -> None:
    """Train both generators, migrate the source's images, and judge them.

    Raises:
        ConfigError: whatever the user can cure, before the first step.
        StoppedError: broken off; `--resume` goes on.
    """
    with held(job.out):
        _migrate(job, resumed)


def _migrate(job: MigrateJob, resumed: MigratePlan | None) -> None:
    settings = job.settings
    if settings.threads:
        torch.set_num_threads(settings.threads)
    judge = open_run(job.judge) if job.judge else None
    lines = load_lines(job.source, job.target, job.pair, settings, job.split, job.source_split)
    _check_unchanged(job, lines, resumed)
    _introduce(job, lines)
    if resumed is None:
        begin(job, lines)
    lightning.seed_everything(settings.seed, verbose=False)
    module = Migration(settings.migrate, settings.seed)
    interrupt = Interrupt()
    callbacks = [Progress(job.out, lines, job.say), interrupt]
    # Batches of one cannot be shared among devices.
    trainer = make_trainer(settings, job.out, settings.migrate.epochs, callbacks, devices=1)
    last = job.last_checkpoint
    with interrupt, quiet():
        try:
            trainer.fit(
                module, pair_loader(lines, settings), ckpt_path=last if last.is_file() else None
            )
        except SystemExit as error:  # what Lightning makes of Ctrl-C and SIGTERM
            raise StoppedError(STOPPED) from error
    if interrupt.asked:
        raise StoppedError(STOPPED)
    plot_losses(job.out / CURVES, job.out / PICTURE)
    _finish(job, lines, module, judge)


def _check_unchanged(job: MigrateJob, lines: Lines, resumed: MigratePlan | None) -> None:
    if resumed is None:
        return
    for path, then, now in (
        (job.source, resumed.source_digest, lines.source_digest),
        (job.target, resumed.target_digest, lines.target_digest),
    ):
        if then != now:
            raise ConfigError(f"{path}: its images changed since this migration began; begin anew")


def _introduce(job: MigrateJob, lines: Lines) -> None:
    options = job.settings.migrate
    job.say(
        f"{len(lines.source.files)} images of {job.pair.source} to {len(lines.target.files)} of"
        f" {job.pair.target} in the target's train part; {options.size_px} px, {options.filters}"
        f" filters, {options.epochs} epochs; a grid of samples after each in {job.out / SAMPLES}"
    )


def _finish(job: MigrateJob, lines: Lines, module: Migration, judge: Run | None) -> None:
    torch.save(module.forth.state_dict(), job.out / GENERATOR)
    migrated = translate(module.forth.eval(), lines.source.pixels)
    draft = job.out / f"{MIGRATED}.partial"
    shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed here
    checkpoint = file_digest(job.out / GENERATOR)
    write_migrated(draft, lines, job.pair, migrated, checkpoint, job.settings.seed)
    job.say("")
    job.say(_judged(job, lines, migrated, sorted((draft / job.pair.target).iterdir()), judge))
    draft.rename(job.out / MIGRATED)
    job.say(f"{len(migrated)} images: stripsight-train student --extra {job.out / MIGRATED}")


def _judged(
    job: MigrateJob, lines: Lines, migrated: U8, files: list[Path], judge: Run | None
) -> str:
    groups = lines.target.groups
    in_pixels = distances(pixel_sets(migrated, lines.source, lines.target), groups)
    if judge is None:
        return write_quality(job.out, Quality(in_pixels, None, None, None))
    paths = (
        files, [job.source / file for file in lines.source.files],
        [job.target / file for file in lines.target.files],
    )  # fmt: skip
    side = judge.input_px
    asked = ask_judge(judge, job.pair.target, *(decode(p, (side,)).pixels[side] for p in paths))
    quality = Quality(
        in_pixels, distances(asked.sets, groups), closeness(asked.sets, groups, job.settings.seed),
        asked.named,
    )  # fmt: skip
    return write_quality(job.out, quality)
