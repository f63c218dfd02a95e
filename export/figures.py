"""What the card says of the artefact itself: figures with intervals, embedding statistics."""

import numpy as np
import numpy.typing as npt

from contract.card import EmbeddingStatistics, Metric
from export.images import Images
from runtime.scores import bootstrap
from training.clean.alarms import count_alarms
from training.operating import Rule
from training.report import judge

F32 = npt.NDArray[np.float32]

RESAMPLES = 2000
SEED = 0


def figures(
    rule: Rule, images: Images, probabilities: F32
) -> tuple[dict[str, Metric], dict[str, Metric]]:
    """The single figures by name, and the recall by class; 95 % intervals from a bootstrap over
    groups. A class without images is left out. `probabilities` is `N x C`, in the images' order.
    With a clean class, the single figures go on with the shares of clean tiles and of defects that
    the line would report.
    """
    groups = [str(group) for group in images.groups.tolist()]
    judged = judge("", rule, images.truth, probabilities, groups, resamples=RESAMPLES, seed=SEED)
    summary, images_of = judged.figures.summary, judged.figures.confusion.sum(axis=1).tolist()
    support = dict.fromkeys(summary, judged.figures.images)
    support |= {f"recall/{name}": n for name, n in zip(judged.names, images_of, strict=True)}
    metrics = {
        name: Metric(value=value, low=low, high=high, images=support[name])
        for name, (value, (low, high)) in judged.named().items()
        if support[name] > 0
    }
    single = {name: metrics[name] for name in summary}
    if rule.classes.clean:
        single |= _alarms(rule, images, probabilities)
    known = [name for name in judged.names if f"recall/{name}" in metrics]
    return single, {name: metrics[f"recall/{name}"] for name in known}


def _alarms(rule: Rule, images: Images, probabilities: F32) -> dict[str, Metric]:
    def shares(
        truth: npt.NDArray[np.integer], chances: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float64]:
        found = count_alarms(truth, chances, rule)
        pairs = (found.false_alarms, found.clean), (found.reported, found.defective)
        return np.array([part / whole if whole else np.nan for part, whole in pairs])

    intervals = bootstrap(
        shares, images.truth, probabilities, images.groups, resamples=RESAMPLES, seed=SEED
    )
    counted = count_alarms(images.truth, probabilities, rule)
    values = shares(images.truth, probabilities).tolist()
    return {
        name: Metric(value=value, low=low, high=high, images=count)
        for name, value, (low, high), count in zip(
            ("false_alarms", "defects_reported"), values, intervals,
            (counted.clean, counted.defective), strict=True,
        )
        if count > 0
    }  # fmt: skip


def embedding_statistics(embedding: F32) -> EmbeddingStatistics:
    """Mean and variance of each dimension, for embeddings F32 `N x D`."""
    exact = embedding.astype(np.float64)
    return EmbeddingStatistics(
        mean=tuple(exact.mean(axis=0).tolist()),
        variance=tuple(exact.var(axis=0).tolist()),
        images=len(exact),
    )
