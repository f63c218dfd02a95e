"""Random changes that keep the label, on a whole batch at once, on the device of the batch.

Only the JPEG step runs image by image on the CPU, before the batch is moved.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from training.config import Augment

U8 = npt.NDArray[np.uint8]

BINOMIAL = (0.25, 0.5, 0.25)


def recompress(pixels: U8, options: Augment, generator: np.random.Generator) -> U8:
    """Send a share of the images (U8 `N x H x W`) through JPEG, so that the codec of the files is
    no cue for their class.
    """
    result = pixels.copy()
    for index in np.flatnonzero(generator.random(len(pixels)) < options.jpeg_share):
        quality = generator.integers(options.jpeg_quality_min, options.jpeg_quality_max + 1)
        result[index] = through_jpeg(pixels[index], int(quality))
    return result


def through_jpeg(image: U8, quality: int) -> U8:
    """One image (U8 `H x W`) compressed and decoded again."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if decoded is None:
        raise ValueError("a JPEG of our own cannot be decoded")
    return decoded.astype(np.uint8, copy=False)


def augment(images: Tensor, options: Augment) -> Tensor:
    """Geometry, then grey levels. Float `N x 1 x H x W` in grey levels, in and out."""
    changed = _motion(_grey(_move(images, options), options), options)
    return (_blur(changed, options) + _noise(changed, options)).clamp(0, 255)


def _move(images: Tensor, options: Augment) -> Tensor:
    """Flip, shift, scale and rotate in one resampling; what comes in at the edge is mirrored."""
    count, device = len(images), images.device
    angle = _between(count, device, math.radians(options.rotation_deg))
    size = torch.exp(_between(count, device, math.log1p(options.scale)))
    across = size * _signs(count, device, flip=options.flip_across)
    along = size * _signs(count, device, flip=options.flip_along)
    matrix = torch.zeros(count, 2, 3, device=device)
    matrix[:, 0, 0], matrix[:, 0, 1] = across * angle.cos(), -along * angle.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = across * angle.sin(), along * angle.cos()
    # The grid spans -1 .. 1, so a shift of the whole side is 2.
    matrix[:, 0, 2] = _between(count, device, 2 * options.shift)
    matrix[:, 1, 2] = _between(count, device, 2 * options.shift)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _grey(images: Tensor, options: Augment) -> Tensor:
    count, device = len(images), images.device
    gain = math.log1p(options.gain)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    contrast = _column(torch.exp(_between(count, device, gain)))
    brightness = _column(torch.exp(_between(count, device, gain)))
    gamma = _column(torch.exp(_between(count, device, math.log1p(options.gamma))))
    level = ((images - mean) * contrast + mean * brightness).clamp(0, 255) / 255
    return level.pow(gamma) * 255


def _motion(images: Tensor, options: Augment) -> Tensor:
    """A share of the images as a moving strip shows them: a mean over an odd number of rows."""
    reach = min((options.motion_px - 1) // 2, images.shape[2] - 1)
    if not options.motion_share or not reach:
        return images
    count, device = len(images), images.device
    chosen = torch.rand(count, device=device) < options.motion_share
    half = torch.randint(1, reach + 1, (count,), device=device) * chosen
    rows = torch.arange(-reach, reach + 1, device=device).abs()
    kernels = (rows <= half[:, None]).float() / (2 * half[:, None] + 1)
    padded = functional.pad(images, (0, 0, reach, reach), mode="reflect").transpose(0, 1)
    return functional.conv2d(padded, kernels[:, None, :, None], groups=count).transpose(0, 1)


def _blur(images: Tensor, options: Augment) -> Tensor:
    weights = torch.tensor(BINOMIAL, device=images.device)
    kernel = torch.outer(weights, weights)[None, None]
    padded = functional.pad(images, (1, 1, 1, 1), mode="reflect")
    chosen = _column(torch.rand(len(images), device=images.device) < options.blur_share)
    return torch.where(chosen, functional.conv2d(padded, kernel), images)


def _noise(images: Tensor, options: Augment) -> Tensor:
    level = torch.rand(len(images), device=images.device) * options.noise_grey
    return torch.randn_like(images) * _column(level)


def _between(count: int, device: torch.device, limit: float) -> Tensor:
    """Uniform in `-limit .. limit`."""
    return (torch.rand(count, device=device) * 2 - 1) * limit


def _signs(count: int, device: torch.device, *, flip: bool) -> Tensor:
    if not flip:
        return torch.ones(count, device=device)
    return torch.randint(0, 2, (count,), device=device) * 2.0 - 1.0


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]
