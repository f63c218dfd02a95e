"""Losses as pure functions.

Those of distillation are computed in float32 whatever the surrounding autocast:
`kd` is Hinton et al. 2015; `rkd_distance` and `rkd_angle` are Park et al., CVPR 2019 (eq. 3 to 8)
in the mean form: Huber with delta 1, averaged over all pairs or triples. A batch without two
distinct embeddings has no relations: its loss is zero.
"""

import torch
from torch import Tensor
from torch.nn import functional


def kd(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """`T^2 KL(softmax(teacher / T) || softmax(student / T))`, mean over the batch."""
    with _float32(student_logits):
        student = functional.log_softmax(student_logits.float() / temperature, dim=1)
        teacher = functional.log_softmax(teacher_logits.float() / temperature, dim=1)
        divergence = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return divergence * temperature**2


def rkd_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Huber loss between the pair distances of `B x D` embeddings, each divided by the mean of the
    non-zero ones; student and teacher may differ in D.
    """
    with _float32(student):
        return functional.smooth_l1_loss(_relative_distances(student), _relative_distances(teacher))


def rkd_angle(student: Tensor, teacher: Tensor, max_batch: int) -> Tensor:
    """Huber loss between the cosines of all triples of `B x D` embeddings.

    Only the first `max_batch` embeddings take part, since the tensor of triples has B^3 entries;
    batches come shuffled, so these are a random sample.
    """
    with _float32(student):
        return functional.smooth_l1_loss(
            _cosines(student[:max_batch]), _cosines(teacher[:max_batch])
        )


def mean_of_classes(values: Tensor, labels: Tensor) -> Tensor:
    """The mean of the classes' mean values (both `N`); classes that are absent do not count."""
    classes = sorted(set(labels.tolist()))
    return torch.stack([values[labels == label].mean() for label in classes]).mean()


def _relative_distances(embedding: Tensor) -> Tensor:
    # The product form |a|^2 + |b|^2 - 2ab loses all digits for near pairs, so differences it is.
    distances = torch.cdist(
        embedding.float(), embedding.float(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    positive = distances > 0
    mean = distances.sum() / positive.sum().clamp(min=1)
    return distances / torch.where(positive.any(), mean, torch.ones_like(mean))


def _cosines(embedding: Tensor) -> Tensor:
    """`[j, i, k] = <e_ij, e_kj>` with unit vectors from j; zero where two of them coincide."""
    points = embedding.float()
    apart = points[None, :, :] - points[:, None, :]
    square = apart.square().sum(dim=2, keepdim=True)
    is_apart = square > 0  # the length has no slope at zero
    length = torch.where(is_apart, square, torch.ones_like(square)).sqrt()
    directions = torch.where(is_apart, apart / length, torch.zeros_like(apart))
    return torch.bmm(directions, directions.transpose(1, 2))


def _float32(tensor: Tensor) -> torch.autocast:
    return torch.autocast(tensor.device.type, enabled=False)
