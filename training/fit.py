"""From a job to the chosen weights: data, network, Lightning's loop."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor

from contract.errors import ConfigError, StripSightError
from training.chosen import Chosen
from training.config import Optimise
from training.curves import Curves
from training.data import LabelledImages, TrainingData, load_images
from training.extra import check_same_extra, with_extra
from training.finish import Trained, finish
from training.init import initialise
from training.interrupt import Interrupt
from training.job import CHECKPOINTS, Job, Plan, is_first_process, write_plan
from training.networks.conv import channels_last
from training.networks.deployed import Views
from training.objectives import Objective, make_objective
from training.quiet import quiet
from training.run import (
    RUN,
    SPLIT,
    WEIGHTS,
    ResNet34Shape,
    Run,
    SarsnShape,
    open_run,
)
from training.sampler import class_quotas
from training.split_file import EVERY_PART
from training.task import Classification, Distillation, Normalised
from training.trainer import make_trainer

Tensors = list[Tensor]


STOPPED = "stopped; go on with --resume"


class StoppedError(StripSightError):
    """The user broke the training off; what was finished is kept."""

    exit_code = 130


class Recipe(NamedTuple):
    """What the job's role takes from the settings."""

    shape: ResNet34Shape | SarsnShape
    input_px: int
    views: Views
    optimise: Optimise


def train(job: Job, resumed: Plan | None = None) -> Run | None:
    """Train, choose, judge and write the run; None in processes that do not write. The caller has
    the folder to itself (`training.job.held`).

    Raises:
        ConfigError: whatever the user can cure, before the first step.
        StoppedError: broken off; `--resume` goes on.
    """
    if job.settings.threads:
        torch.set_num_threads(job.settings.threads)
    recipe = recipe_of(job)
    teacher = open_run(job.teacher) if job.teacher else None
    data = _data(job, recipe, teacher)
    images, digest = data.images, data.images.folder.digest()
    _check_teacher(teacher, images, digest)
    _check_start(job.init, images, digest)
    if resumed:
        _check_resumed(job, resumed, teacher, images, digest)
    module = _module(job, recipe, teacher, images)
    chosen, interrupt = Chosen(), Interrupt()
    trainer = _trainer(job, recipe, chosen, interrupt)
    if is_first_process():
        _say_images(job, images)
        if not resumed:
            _leave_plan(job, teacher, images, digest)
    with interrupt:
        _fit(job, module, data, trainer)
    if interrupt.asked:
        raise StoppedError(STOPPED)
    if not trainer.is_global_zero:
        return None
    torch.save(chosen.weights, job.out / WEIGHTS)
    student = module.student
    trained = Trained(
        recipe.shape, images, recipe.input_px, recipe.views, student.mean, student.std, digest,
        chosen.epoch, _digest_of(teacher),
    )  # fmt: skip
    run = finish(job, trained)
    shutil.rmtree(job.out / CHECKPOINTS, ignore_errors=True)  # five times the size of the weights
    return run


def recipe_of(job: Job) -> Recipe:
    """Network, input and schedule of the job's role."""
    student, teacher = job.settings.student, job.settings.teacher
    if job.role == "student":
        deployed = ResNet34Shape(stem_stride=student.stem_stride)
        return Recipe(deployed, student.input_px, student.views, student.optimise)
    shape = SarsnShape(
        depth=teacher.depth, reduction=teacher.reduction, gate=teacher.gate,
        thresholds=teacher.thresholds, stem_stride=teacher.stem_stride,
    )  # fmt: skip
    return Recipe(shape, teacher.input_px, teacher.views, teacher.optimise)


def _data(job: Job, recipe: Recipe, teacher: Run | None) -> TrainingData:
    train_px = max(
        recipe.input_px, teacher.input_px if teacher else 0, job.settings.augment.at_px or 0
    )
    sizes = (recipe.input_px, train_px)
    images = with_extra(load_images(job.data, job.settings, sizes, job.split), job.extra, sizes)
    return TrainingData(
        images, job.settings, batch_size=recipe.optimise.batch_size,
        exponent=recipe.optimise.sampler_exponent, train_px=train_px, input_px=recipe.input_px,
    )  # fmt: skip


def _trainer(job: Job, recipe: Recipe, chosen: Chosen, interrupt: Interrupt) -> lightning.Trainer:
    callbacks: list[Callback] = [Curves(job.out, job.say), chosen, interrupt]
    if recipe.optimise.ema_decay:
        callbacks.append(WeightAveraging(multi_avg_fn=_average(recipe.optimise.ema_decay)))
    return make_trainer(
        job.settings, job.out, recipe.optimise.epochs, callbacks, job.settings.devices
    )


def _module(
    job: Job, recipe: Recipe, teacher: Run | None, images: LabelledImages
) -> Classification:
    lightning.seed_everything(job.settings.seed, verbose=False)
    network = recipe.shape.build(len(images.classes))
    if job.init:
        fresh = initialise(network, job.init)
        job.say(f"start weights from {job.init}; fresh: {', '.join(fresh) or 'none'}")
    pixels = images.pictures.pixels[recipe.input_px][images.indices("train")]
    mean, std = float(pixels.mean()), max(float(pixels.std(dtype=np.float64)), 1.0)
    distillation = None
    if teacher:
        record = teacher.record
        taught = channels_last(teacher.load_network())
        frozen = Normalised(taught, record.mean, record.std, record.input_px, record.views)
        distillation = Distillation(frozen, job.settings.distill)
    objective = _objective(job, recipe.optimise, images)
    return Classification(
        Normalised(channels_last(network), mean, std, recipe.input_px), len(images.classes),
        objective, recipe.optimise, job.settings.augment, distillation,
    )  # fmt: skip


def _objective(job: Job, optimise: Optimise, images: LabelledImages) -> Objective:
    labels = images.train_labels()
    counts = np.bincount(labels, minlength=len(images.classes)).tolist()
    quotas = class_quotas(counts, optimise.sampler_exponent)
    prior = [quota / sum(quotas) for quota in quotas]
    return make_objective(job.settings.loss, counts, prior, optimise.label_smoothing)


def _check_teacher(teacher: Run | None, images: LabelledImages, digest: str) -> None:
    if teacher is None:
        return
    if teacher.classes.digest != images.classes.digest:
        raise ConfigError(
            f"{teacher.path}: the teacher's classes are not those of {images.folder.path};"
            " train the teacher on the same folder"
        )
    if teacher.data_digest != digest:
        raise ConfigError(
            f"{teacher.path}: the teacher learned from other images than {images.folder.path} holds"
            " now (names or bytes differ); train it again on this folder"
        )
    _check_leak(teacher, images, "the teacher was")


def _check_resumed(
    job: Job, resumed: Plan, teacher: Run | None, images: LabelledImages, digest: str
) -> None:
    """Refuse to go on with other images or another teacher than those of the first steps."""
    if resumed.data_digest != digest:
        raise ConfigError(f"{job.data}: its images changed since this training began; train anew")
    check_same_extra(images, resumed.extra_digest)
    if teacher and resumed.teacher_digest not in {None, _digest_of(teacher)}:
        raise ConfigError(
            f"{teacher.path}: the teacher was trained again since {job.out} began; train anew, into"
            " a new folder"
        )


def _digest_of(teacher: Run | None) -> str | None:
    return teacher.record.weights_digest if teacher else None


def _check_start(init: Path | None, images: LabelledImages, digest: str) -> None:
    """Start weights of another run must not have learned from the held-out images. The folder may
    have grown since, so images are known by their names.
    """
    if init is None or not (init.parent / RUN).is_file():
        return
    before = open_run(init.parent)
    grown = "" if before.data_digest == digest else ", with a row for each image that is new"
    _check_leak(before, images, "these start weights were", grown)


def _check_leak(run: Run, images: LabelledImages, what: str, grown: str = "") -> None:
    known = run.split
    for row in images.rows:
        if row.part != "train" and known.get(row.file) == "train":
            raise ConfigError(
                f"{run.path}: {what} trained on {row.file}, which is now in the {row.part} part;"
                f" give --split {run.path / SPLIT}{grown}, and both the same --shots"
            )


def _say_images(job: Job, images: LabelledImages) -> None:
    rows = images.rows
    found = Counter(row.part for row in rows)
    counts = [f"{found[part]} {part}" for part in EVERY_PART if found[part]]
    groups = len({row.group for row in rows})
    job.say(f"{job.data}: {len(rows)} images in {groups} groups: {', '.join(counts)}")
    if images.extra:
        job.say(f"and {len(images.extra.labels)} migrated images to learn from")
    if images.mm_per_px is None:
        job.say(
            "mm per pixel unknown: the line cannot check its scale. Give --mm-per-px, or"
            ' "mm_per_px" in dataset.json'
        )


def _leave_plan(job: Job, teacher: Run | None, images: LabelledImages, digest: str) -> None:
    plan = Plan(
        role=job.role, data_digest=digest, command_line=job.command_line,
        teacher=str(job.teacher.resolve()) if job.teacher else None,
        teacher_digest=_digest_of(teacher),
        init=str(job.init.resolve()) if job.init else None,
        extra=tuple(str(path.resolve()) for path in job.extra),
        extra_digest=images.extra.digest if images.extra else None,
        git_revision=job.git_revision,
    )  # fmt: skip
    write_plan(job, plan, images.rows)


def _fit(job: Job, module: Classification, data: TrainingData, trainer: lightning.Trainer) -> None:
    last = job.last_checkpoint
    with quiet():
        try:
            trainer.fit(module, data, ckpt_path=last if last.is_file() else None)
        except SystemExit as error:  # what Lightning makes of Ctrl-C and SIGTERM
            raise StoppedError(STOPPED) from error


def _average(decay: float) -> Callable[[Tensors, Tensors, Tensor], None]:
    """Exponential moving average over a tenth of the steps so far, at most `1 / (1 - decay)`.

    A fixed decay would carry the start weights, and batch norm statistics that do not belong to the
    averaged weights, far into a short training.
    """

    def average(averaged: Tensors, current: Tensors, count: Tensor) -> None:
        steps = float(count)
        kept = min(decay, (1 + steps) / (10 + steps))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - kept)
            else:
                mean.copy_(value)

    return average
