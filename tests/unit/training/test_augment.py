"""Augmentation keeps what it must."""

import math

import numpy as np
import pytest
import torch

from training.augment import augment, recompress
from training.config import load_settings

OPTIONS = load_settings().augment
NOTHING = OPTIONS.model_copy(
    update={
        "flip_across": False, "flip_along": False, "shift": 0.0, "scale": 0.0, "rotation_deg": 0.0,
        "gain": 0.0, "gamma": 0.0, "noise_grey": 0.0, "blur_share": 0.0,
        "motion_share": 0.0,
    }
)  # fmt: skip


def pictures(count: int = 4) -> torch.Tensor:
    return torch.randint(0, 256, (count, 1, 24, 24), generator=torch.Generator().manual_seed(0))


def test_everything_off_changes_nothing() -> None:
    images = pictures().float()
    assert torch.allclose(augment(images, NOTHING), images, atol=0.02)


def test_range_and_shape_hold() -> None:
    changed = augment(pictures(64).float(), OPTIONS)
    assert changed.shape == (64, 1, 24, 24)
    assert changed.min() >= 0
    assert changed.max() <= 255


def grey(level: float, count: int = 256, side: int = 24) -> torch.Tensor:
    return torch.full((count, 1, side, side), float(level))


def test_noise_is_as_loud_as_said() -> None:
    torch.manual_seed(0)
    loudness = augment(grey(128), NOTHING.model_copy(update={"noise_grey": 6.0})).std(dim=(1, 2, 3))
    assert loudness.mean().item() == pytest.approx(3, abs=0.4)
    assert 5 < loudness.max() < 7


def test_gain_and_gamma_stay_within_their_ratios() -> None:
    torch.manual_seed(0)
    level = augment(grey(100), NOTHING.model_copy(update={"gain": 0.25})).mean(dim=(1, 2, 3))
    assert 80 <= level.min() < 84
    assert 120 < level.max() <= 125
    halves = grey(120)
    halves[:, :, :, :12] = 80
    changed = augment(halves, NOTHING.model_copy(update={"gain": 0.25}))
    contrast = changed[:, 0, 5, 20] - changed[:, 0, 5, 3]
    assert 32 <= contrast.min() < 34
    assert 48 < contrast.max() <= 50.01
    changed = augment(grey(64), NOTHING.model_copy(update={"gamma": 1.0}))
    ends = 255 * (64 / 255) ** 2, 255 * (64 / 255) ** 0.5
    assert changed.min().item() == pytest.approx(ends[0], abs=2)
    assert changed.max().item() == pytest.approx(ends[1], abs=2)


def extent(images: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last row (axis 1) or column (axis 2) that is bright."""
    seen = (images[:, 0] > 100).any(dim=3 - axis).float()
    return seen.argmax(dim=1), seen.shape[1] - 1 - seen.flip(1).argmax(dim=1)


def test_shift_and_scale_stay_within_their_limits() -> None:
    torch.manual_seed(0)
    square = grey(0, side=64)
    square[:, :, 24:40, 24:40] = 200
    for axis in (1, 2):
        first, last = extent(augment(square, NOTHING.model_copy(update={"shift": 0.25})), axis)
        assert 8 <= first.min() <= 9
        assert 54 <= last.max() <= 55
        first, last = extent(augment(square, NOTHING.model_copy(update={"scale": 0.25})), axis)
        side = last - first + 1
        assert 12 <= side.min() <= 14
        assert 18 <= side.max() <= 20


def test_a_rotation_turns_and_does_not_shear() -> None:
    torch.manual_seed(0)
    bar = grey(0, side=65)
    bar[:, :, 31:34, 12:53] = 200
    turned = augment(bar, NOTHING.model_copy(update={"rotation_deg": 10.0}))
    column = turned[:, 0, :, 44:47].mean(dim=2)  # 13 columns right of the middle
    rise = (column * torch.arange(65)).sum(dim=1) / column.sum(dim=1) - 32
    most = 13 * math.tan(math.radians(10))
    assert rise.max().item() == pytest.approx(most, abs=0.2)
    assert rise.min().item() == pytest.approx(-most, abs=0.2)
    assert (turned.sum(dim=(1, 2, 3)) / bar.sum(dim=(1, 2, 3)) - 1).abs().max() < 0.05


def test_a_blur_is_the_binomial_s() -> None:
    dot = grey(0, count=2)
    dot[:, :, 10, 10] = 160
    blurred = augment(dot, NOTHING.model_copy(update={"blur_share": 1.0}))
    assert blurred[0, 0, 9:12, 9:12].flatten().tolist() == pytest.approx(
        [10, 20, 10, 20, 40, 20, 10, 20, 10], abs=0.1
    )


def test_a_flip_is_an_exact_mirror() -> None:
    images = pictures(32).float()
    changed = augment(images, NOTHING.model_copy(update={"flip_across": True}))
    mirrored = images.flip(3)
    for before, after, mirror in zip(images, changed, mirrored, strict=True):
        assert torch.allclose(after, before, atol=0.02) or torch.allclose(after, mirror, atol=0.02)
    assert not torch.allclose(changed, images, atol=0.02)


@pytest.mark.parametrize("motion_px", [5, 6])
def test_a_moving_strip_is_a_mean_over_at_most_so_many_rows(motion_px: int) -> None:
    images = torch.zeros(400, 1, 24, 24)
    images[:, :, 12] = 210.0
    options = NOTHING.model_copy(update={"motion_share": 0.5, "motion_px": motion_px})
    changed = augment(images, options)
    lengths = [int((image[0, :, 7] > 1).sum()) for image in changed]
    assert set(lengths) == {1, 3, 5}
    for image, length in zip(changed, lengths, strict=True):
        first = 12 - length // 2
        assert torch.allclose(
            image[0, first : first + length], torch.tensor(210.0 / length), atol=0.02
        )
    # Half of the draws, within four standard errors.
    assert abs(lengths.count(1) / 400 - 0.5) < 4 * (0.5 * 0.5 / 400) ** 0.5


def test_a_share_is_recompressed() -> None:
    pixels = pictures(200)[:, 0].numpy().astype(np.uint8)
    changed = recompress(pixels, OPTIONS, np.random.default_rng(0))
    share = (changed != pixels).any(axis=(1, 2)).mean()
    wanted = OPTIONS.jpeg_share  # within four standard errors of 200 draws
    assert abs(share - wanted) < 4 * (wanted * (1 - wanted) / 200) ** 0.5
    assert changed.dtype == np.uint8
