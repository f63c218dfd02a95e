"""What follows the last epoch: temperature and thresholds from validation, figures from test."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from training.calibration import calibrate
from training.curves import CURVES, PICTURE
from training.data import LabelledImages
from training.job import Job
from training.networks.deployed import Deployed, Views
from training.operating import (
    OperatingPoint,
    Rule,
    operating_point,
    shift_logits,
    training_balance,
    worth,
)
from training.plots import plot_curves
from training.provenance import versions
from training.report import TABLE, Judged, judge, log_probabilities, predict, table, write_report
from training.run import (
    WEIGHTS,
    ResNet34Shape,
    Run,
    RunRecord,
    SarsnShape,
    file_digest,
    load_state_dict,
    open_run,
    write_record,
)
from training.sampler import class_quotas
from training.split_file import Part

F32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trained:
    """A network whose chosen weights lie in the run's folder, and what belongs to it."""

    shape: ResNet34Shape | SarsnShape
    images: LabelledImages
    input_px: int
    views: Views
    mean: float
    std: float
    data_digest: str
    best_epoch: int
    teacher: str | None

    def truth(self, part: Part) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Labels of one part."""
        return self.images.folder.labels[self.images.indices(part)]

    def deployed(self, network: nn.Module, temperature: float) -> Deployed:
        """The network as it will run."""
        return Deployed(network, self.mean, self.std, temperature, self.views)

    def pixels(self, part: Part) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
        """Tiles of one part at the network's input size."""
        return self.images.pictures.pixels[self.input_px][self.images.indices(part)]


def finish(job: Job, trained: Trained) -> Run:
    """Calibrate on validation, judge on test, and write the run."""
    network = trained.shape.build(len(trained.images.classes))
    network.load_state_dict(load_state_dict(job.out / WEIGHTS))
    classes, point = trained.images.classes, _operating(job, trained)
    logs = log_probabilities(trained.deployed(network, 1.0), trained.pixels("validation"))
    temperature, plain_thresholds = calibrate(logs, trained.truth("validation"), classes)
    deployed = trained.deployed(network, temperature)
    thresholds = plain_thresholds
    if point:
        thresholds = dict.fromkeys(classes.defects, 0.0)
        shift_logits(network, classes, point, temperature)
    judged, probabilities = _judge_test(job, trained, deployed, Rule(classes, thresholds))
    plot_curves(job.out / CURVES, job.out / PICTURE)
    job.say("")
    job.say(table(judged))
    if point:
        cost = worth(probabilities, trained.truth("test"), classes, point, plain_thresholds)
        job.say(cost)
        with (job.out / TABLE).open("a", encoding="utf-8") as stream:
            stream.write(cost + "\n")
    write_record(job.out, _record(job, trained, temperature, thresholds, judged, point))
    return open_run(job.out)


def _operating(job: Job, trained: Trained) -> OperatingPoint | None:
    settings, classes = job.settings, trained.images.classes
    optimise = settings.student.optimise if job.role == "student" else settings.teacher.optimise
    counts = np.bincount(trained.images.train_labels(), minlength=len(classes)).tolist()
    quotas = class_quotas(counts, optimise.sampler_exponent)
    balance = training_balance(settings.loss, counts, quotas)
    return operating_point(settings.operating, classes, balance)


def _judge_test(job: Job, trained: Trained, deployed: Deployed, rule: Rule) -> tuple[Judged, F32]:
    rows = [row for row in trained.images.rows if row.part == "test"]
    groups = [row.group for row in rows]
    truth = trained.truth("test")
    pixels, files = trained.pixels("test"), [row.file for row in rows]
    probabilities = predict(deployed, pixels).probabilities
    judged = judge(
        f"{job.role}, test part", rule, truth, probabilities, groups,
        resamples=job.settings.evaluate.resamples, seed=job.settings.seed,
    )  # fmt: skip
    write_report(job.out, judged, files, groups, truth, probabilities, pixels)
    return judged, probabilities


def _record(
    job: Job, trained: Trained, temperature: float, thresholds: dict[str, float], judged: Judged,
    point: OperatingPoint | None,
) -> RunRecord:  # fmt: skip
    classes = trained.images.classes
    figures = {name: value for name, (value, _) in judged.named().items() if not np.isnan(value)}
    return RunRecord(
        schema_version="1", role=job.role, network=trained.shape, classes=classes,
        class_digest=classes.digest, input_px=trained.input_px, tile_px=trained.images.tile_px,
        mm_per_px=trained.images.mm_per_px, mean=trained.mean, std=trained.std,
        temperature=temperature, thresholds=thresholds, metrics=figures,
        data_digest=trained.data_digest, weights_digest=file_digest(job.out / WEIGHTS),
        seed=job.settings.seed, best_epoch=trained.best_epoch, teacher=trained.teacher,
        git_revision=job.git_revision, command_line=job.command_line, versions=versions(),
        operating=point, views=trained.views,
    )  # fmt: skip
