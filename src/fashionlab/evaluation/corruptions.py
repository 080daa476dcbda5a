"""Pictures made worse in known ways and by known amounts, in the spirit of ImageNet-C and MNIST-C.

A corruption has five severities. A picture's draw (where it is hidden, which way it turns, its noise) depends on
the seed, the corruption and the picture's place alone: it is the same for every model, and for every severity, so that
a higher severity is more of the same. Sources: Hendrycks and Dietterich 2019 (arXiv:1903.12261), Mu and Gilmer 2019
(arXiv:1906.02337). Strengths are our choice, made by looking at 28x28 pictures; lengths grow with the picture's side.

To add one: a function with `@corruption(...)` in this file.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fashionlab.augment import Draw, photometric
from fashionlab.augment.geometry import affine_matrices, rotation_matrices, warp
from fashionlab.augment.pixel import box_mask
from fashionlab.common.errors import UsageError, unknown
from fashionlab.common.runtime import generator

SEVERITIES = (1, 2, 3, 4, 5)
BATCH = 1000  # fixed: draws are made a batch at a time
_REFERENCE_SIDE = 28

Apply = Callable[[Tensor, float, Draw], Tensor]


@dataclass(frozen=True)
class Corruption:
    """A way to make pictures worse.

    strengths: what severities 1 to 5 mean, in `unit`. apply: a pure function of float32 pictures [B, C, H, W] in
    [0, 1] (on the CPU), a strength and a Draw; its draws must not depend on the strength.
    """

    name: str
    unit: str
    strengths: tuple[float, float, float, float, float]
    apply: Apply


CORRUPTIONS: dict[str, Corruption] = {}


def corruption(name: str, unit: str, strengths: tuple[float, float, float, float, float]) -> Callable[[Apply], Apply]:
    """Register a corruption under `name`. Raises ValueError when the name is taken."""

    def register(function: Apply) -> Apply:
        if name in CORRUPTIONS:
            raise ValueError(f"corruption {name!r} is registered twice")
        CORRUPTIONS[name] = Corruption(name, unit, strengths, function)
        return function

    return register


def corrupt(images: np.ndarray, name: str, severity: int, seed: int = 0) -> np.ndarray:
    """`images` (uint8 [N, C, H, W]) under corruption `name` of `severity` 1 to 5; same form, `images` is left as it is.

    Raises UsageError for an unknown corruption or severity.
    """
    return np.concatenate([images[:0], *corrupted_batches(images, name, severity, seed)])


def corrupted_batches(images: np.ndarray, name: str, severity: int, seed: int = 0) -> Iterator[np.ndarray]:
    """What `corrupt` gives, `BATCH` pictures at a time, for sets that do not fit into memory twice."""
    if name not in CORRUPTIONS:
        raise unknown("corruption", name, CORRUPTIONS)
    if severity not in SEVERITIES:
        raise UsageError(f"severity {severity}: expected 1 to 5")
    how = CORRUPTIONS[name]
    for start in range(0, len(images), BATCH):
        part = torch.from_numpy(np.array(images[start : start + BATCH])).float() / 255
        changed = how.apply(part, how.strengths[severity - 1], Draw(generator(seed, "corruption", name, start)))
        yield photometric.to_bytes(changed.clamp(0, 1)).numpy()


def _relative(images: Tensor) -> float:
    """How many times larger than 28 pixels the smaller side is."""
    return min(images.shape[-2:]) / _REFERENCE_SIDE


def _signs(images: Tensor, draw: Draw) -> Tensor:
    """float32 [B]: -1 or 1."""
    return 2.0 * draw.integers(0, 1, len(images)) - 1


@corruption("noise", "deviation of Gaussian noise, of a range of 1", (0.03, 0.06, 0.1, 0.15, 0.2))
def _noise(images: Tensor, strength: float, draw: Draw) -> Tensor:
    return images + strength * draw.normal(*images.shape)


@corruption("blur", "deviation of a Gaussian, pixels at side 28", (0.5, 0.75, 1.0, 1.3, 1.7))
def _blur(images: Tensor, strength: float, draw: Draw) -> Tensor:
    sigma = strength * _relative(images)
    size = 2 * min(math.ceil(3 * sigma), min(images.shape[-2:]) - 1) + 1
    return photometric.gaussian_blur(images, torch.full((len(images),), sigma), size)


@corruption("shear", "degrees, to the left or the right", (8, 14, 20, 27, 35))
def _shear(images: Tensor, strength: float, draw: Draw) -> Tensor:
    zero, one = torch.zeros(len(images)), torch.ones(len(images))
    matrices = affine_matrices(zero, zero, zero, one, one, strength * _signs(images, draw), zero)
    return warp(images, matrices, "zeros", projective=False)


@corruption("scale", "factor, smaller or larger", (1.1, 1.2, 1.35, 1.5, 1.7))
def _scale(images: Tensor, strength: float, draw: Draw) -> Tensor:
    zero = torch.zeros(len(images))
    factor = torch.where(_signs(images, draw) > 0, strength, 1 / strength)
    return warp(images, affine_matrices(zero, zero, zero, factor, factor, zero, zero), "zeros", projective=False)


@corruption("rotation", "degrees, either way", (8, 16, 25, 35, 45))
def _rotation(images: Tensor, strength: float, draw: Draw) -> Tensor:
    return warp(images, rotation_matrices(strength * _signs(images, draw)), "zeros", projective=False)


@corruption("brightness", "added to a range of 1", (0.1, 0.2, 0.3, 0.45, 0.6))
def _brightness(images: Tensor, strength: float, draw: Draw) -> Tensor:
    return images + strength


@corruption("contrast", "part of the contrast taken away", (0.3, 0.5, 0.65, 0.78, 0.88))
def _contrast(images: Tensor, strength: float, draw: Draw) -> Tensor:
    return photometric.contrast(images, torch.full((len(images),), 1 - strength))


# Halfway every picture would be plain grey: the severities pass that point by.
@corruption("inversion", "part of the way to the negative", (0.15, 0.3, 0.7, 0.85, 1.0))
def _inversion(images: Tensor, strength: float, draw: Draw) -> Tensor:
    return torch.lerp(images, photometric.invert(images), strength)


@corruption("occlusion", "side of a grey square over the picture's side", (0.2, 0.28, 0.36, 0.44, 0.52))
def _occlusion(images: Tensor, strength: float, draw: Draw) -> Tensor:
    h, w = images.shape[-2:]
    side = max(1, round(strength * min(h, w)))
    top, left = ((draw.uniform(0, 1, len(images)) * (length - side + 1)).long() for length in (h, w))
    return images.masked_fill(box_mask(torch.stack((top, left, top + side, left + side), dim=1), images.shape), 0.5)


@corruption("jpeg", "100 - quality", (70, 80, 87, 91, 94))
def _jpeg(images: Tensor, strength: float, draw: Draw) -> Tensor:
    grey = images.shape[1] == 1

    def through_jpeg(picture: np.ndarray) -> np.ndarray:
        stream = io.BytesIO()
        Image.fromarray(picture[..., 0] if grey else picture).save(stream, "JPEG", quality=round(100 - strength))
        decoded = np.asarray(Image.open(stream))
        return decoded[..., None] if grey else decoded

    worse = [through_jpeg(picture) for picture in photometric.to_bytes(images).permute(0, 2, 3, 1).numpy()]
    return torch.from_numpy(np.stack(worse)).permute(0, 3, 1, 2).float() / 255
