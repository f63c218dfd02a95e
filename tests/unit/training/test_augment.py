"""Augmentation keeps what it must."""

import numpy as np
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


def test_a_flip_is_an_exact_mirror() -> None:
    images = pictures(32).float()
    changed = augment(images, NOTHING.model_copy(update={"flip_across": True}))
    mirrored = images.flip(3)
    for before, after, mirror in zip(images, changed, mirrored, strict=True):
        assert torch.allclose(after, before, atol=0.02) or torch.allclose(after, mirror, atol=0.02)
    assert not torch.allclose(changed, images, atol=0.02)


def test_a_moving_strip_is_a_mean_over_rows() -> None:
    images = torch.zeros(400, 1, 24, 24)
    images[:, :, 12] = 210.0
    options = NOTHING.model_copy(update={"motion_share": 0.5, "motion_px": 5})
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
    # 0.7 within four standard errors of 200 draws.
    assert abs(share - OPTIONS.jpeg_share) < 4 * (0.7 * 0.3 / 200) ** 0.5
    assert changed.dtype == np.uint8
