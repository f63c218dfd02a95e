"""Each loss against numbers worked out by hand."""

import math

import pytest
import torch

from training.losses import kd, mean_of_classes, rkd_angle, rkd_distance

TRIANGLE = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])


def test_kd_by_hand() -> None:
    # At T = 2: teacher softmax(ln 3, 0) = (3/4, 1/4), student (1/2, 1/2).
    teacher = torch.tensor([[2 * math.log(3), 0.0]])
    student = torch.tensor([[5.0, 5.0]])
    divergence = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert kd(student, teacher, 2.0).item() == pytest.approx(4 * divergence, rel=1e-5)
    assert 4 * divergence == pytest.approx(0.5232481, abs=1e-6)


def test_kd_averages_over_the_batch() -> None:
    teacher, student = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    twice = kd(student.repeat(2, 1), teacher.repeat(2, 1), 4.0)
    assert twice.item() == pytest.approx(kd(student, teacher, 4.0).item())


def test_distance_by_hand() -> None:
    # Teacher: 3, 4, 5 over their mean 4 = 0.75, 1, 1.25.
    # Student: 1, 1, sqrt 2 over their mean 1.1380712 = 0.8786796, 0.8786796, 1.2426407.
    # Huber: (0.1286796^2 + 0.1213204^2 + 0.0073593^2) / 2, each pair twice, over 9 entries.
    student = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert rkd_distance(student, TRIANGLE).item() == pytest.approx(0.00348131, abs=1e-7)


def test_angle_by_hand() -> None:
    # Teacher cosines: 0 at the right angle, 3/5 and 4/5 at the others. Student on a line, the first
    # point in the middle: -1 there, 1 at both ends. Huber above 1 is |d| - 1/2, here only at d = 1.
    # Each off-diagonal cosine stands twice: 2 * (1/2 + (2/5)^2/2 + (1/5)^2/2) over 27 entries.
    student = torch.tensor([[0.0], [-1.0], [1.0]])
    assert rkd_angle(student, TRIANGLE, 64).item() == pytest.approx(1.2 / 27, abs=1e-6)


@pytest.mark.parametrize("scale", [0.01, 7.0])
def test_relations_ignore_scale_shift_and_dimension(scale: float) -> None:
    points = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    moved = torch.nn.functional.pad(points * scale + 5, (0, 4))
    assert rkd_distance(points, moved).item() == pytest.approx(0, abs=1e-8)
    assert rkd_angle(points, moved, 64).item() == pytest.approx(0, abs=1e-6)


def test_two_equal_embeddings_do_not_blow_up_the_step() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(8, 4, generator=generator) for _ in range(2))
    student[1] = student[0]
    student.requires_grad_()
    torch.autograd.backward(rkd_angle(student, teacher, 64))
    assert student.grad is not None
    assert student.grad.abs().max() < 1


def test_a_batch_of_equal_embeddings_has_no_relations() -> None:
    same = torch.ones(4, 3, requires_grad=True)
    loss = rkd_distance(same, same.detach()) + rkd_angle(same, same.detach(), 64)
    torch.autograd.backward(loss)
    assert loss.item() == 0
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


def test_near_pairs_keep_their_digits_and_gradients() -> None:
    student = torch.tensor([[1.0, 0.0], [1.0, 1e-4], [0.0, 1.0]], requires_grad=True)
    teacher = torch.tensor([[1.0, 0.0], [1.0, 2e-4], [0.0, 1.0]])
    loss = rkd_distance(student, teacher)
    torch.autograd.backward(loss)
    assert 0 < loss.item() < 1e-6
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


def test_angle_takes_no_more_than_the_cap() -> None:
    generator = torch.Generator().manual_seed(1)
    student, teacher = (
        torch.randn(9, 4, generator=generator),
        torch.randn(9, 4, generator=generator),
    )
    assert rkd_angle(student, teacher, 5).item() == pytest.approx(
        rkd_angle(student[:5], teacher[:5], 64).item()
    )


def test_relations_stay_float32_under_autocast() -> None:
    student = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    with torch.autocast("cpu", torch.bfloat16):
        distance, angle = rkd_distance(student, TRIANGLE), rkd_angle(student, TRIANGLE, 64)
        divergence = kd(student, TRIANGLE[:, :2], 4.0)
    assert distance.dtype == angle.dtype == divergence.dtype == torch.float32
    assert distance.item() == pytest.approx(0.00348131, abs=1e-7)


def test_classes_weigh_alike_however_many_images_they_have() -> None:
    values, labels = torch.tensor([1.0, 3.0, 1.0, 3.0, 7.0]), torch.tensor([2, 2, 2, 2, 5])
    assert mean_of_classes(values, labels).item() == (2.0 + 7.0) / 2
