"""Policies: every picture gets an operation of its own from a common list, geometric or photometric.

The list and the strengths are torchvision's (RandAugment, TrivialAugmentWide), with bilinear instead of nearest
resampling. A policy's own geometry is not composed with its neighbours': its operations come in random order.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from fashionlab.augment import photometric
from fashionlab.augment.base import AUGMENTATIONS, Draw, Parameters, Pixel
from fashionlab.augment.geometry import Mode, linear_matrices, rotation_matrices, warp

OPERATIONS = (
    "identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast",
    "sharpness", "posterize", "solarize", "autocontrast", "equalize",
)
_GEOMETRIC = range(1, 6)
_SIGNED = range(1, 10)
BINS = 31


@dataclass(frozen=True)
class Strengths:
    """What the highest magnitude means: shear as a tangent, shifts in pixels (x, y), degrees, distance of a blending
    factor from 1, bits that posterize takes away."""

    shear: float
    translate: tuple[float, float]
    rotate: float
    factor: float
    bits: int

    def matrices(self, operation: Tensor, level: Tensor, shape: torch.Size) -> Tensor:
        """[B, 3, 3] for geometric operations; level [B] in [-1, 1]. Shears are about the top left corner, as PIL's."""
        h, w = shape[-2:]
        zero, one = torch.zeros_like(level), torch.ones_like(level)
        shear_x, shear_y, shift_x, shift_y = (torch.where(operation == number, level, zero) for number in range(1, 5))
        shear_x, shear_y = shear_x * self.shear, shear_y * self.shear
        shift_x, shift_y = (shift_x * self.translate[0]).trunc(), (shift_y * self.translate[1]).trunc()
        moved = linear_matrices(one, shear_x, shear_y, one, shear_x * h / 2 - shift_x, shear_y * w / 2 - shift_y)
        turned = rotation_matrices(level * self.rotate)
        return torch.where((operation == OPERATIONS.index("rotate"))[:, None, None], turned, moved)

    def photometric(self) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
        """Functions of pictures and level [B] (in [-1, 1] for the signed ones, else in [0, 1])."""
        return {
            "brightness": lambda images, level: photometric.brightness(images, 1 + level * self.factor),
            "color": lambda images, level: photometric.saturation(images, 1 + level * self.factor),
            "contrast": lambda images, level: photometric.contrast(images, 1 + level * self.factor),
            "sharpness": lambda images, level: photometric.sharpness(images, 1 + level * self.factor),
            "posterize": lambda images, level: photometric.posterize(images, 8 - (level * self.bits).round().long()),
            "solarize": lambda images, level: photometric.solarize(images, 1 - level),
            "autocontrast": lambda images, level: photometric.autocontrast(images),
            "equalize": lambda images, level: photometric.equalize(images),
        }


class _Policy(Pixel):
    """Parameters: `operation` int64 [B, n], places in OPERATIONS, and `level` float32 [B, n]: the magnitude as a part
    of the highest, negative where a signed operation goes the other way."""

    kind = "policy"
    mode: Mode = "zeros"

    @abstractmethod
    def strengths(self, shape: torch.Size) -> Strengths:
        """For pictures of `shape` [B, C, H, W]."""

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        for operation, level in zip(parameters["operation"].unbind(1), parameters["level"].unbind(1), strict=True):
            images = self._apply_round(images, operation, level)
        return images

    def _apply_round(self, images: Tensor, operation: Tensor, level: Tensor) -> Tensor:
        strengths = self.strengths(images.shape)
        changed = images.clone()
        moved = ((operation >= _GEOMETRIC.start) & (operation < _GEOMETRIC.stop)).nonzero()[:, 0]
        if len(moved):
            matrices = strengths.matrices(operation[moved], level[moved], images.shape)
            changed.index_copy_(0, moved, warp(images.index_select(0, moved), matrices, self.mode, projective=False))
        for name, function in strengths.photometric().items():
            rows = (operation == OPERATIONS.index(name)).nonzero()[:, 0]
            if len(rows):
                changed.index_copy_(0, rows, function(images.index_select(0, rows), level[rows]))
        return changed

    def _signs(self, operation: Tensor, draw: Draw) -> Tensor:
        """1, or -1 for half of the signed operations; float32 like `operation`."""
        signed = (operation >= _SIGNED.start) & (operation < _SIGNED.stop)
        return 1 - 2.0 * (signed & (draw.integers(0, 1, *operation.shape) == 1))


@AUGMENTATIONS.register("rand_augment")
class RandAugment(_Policy):
    """`n` random operations one after another, all of one `magnitude` (0 to 30)."""

    description = "n random operations of one magnitude, each picture its own"
    source = "Cubuk et al. 2020, arXiv:1909.13719; torchvision RandAugment"

    n: int = Field(default=2, ge=1)
    magnitude: int = Field(default=9, ge=0, lt=BINS)

    def strengths(self, shape: torch.Size) -> Strengths:
        h, w = shape[-2:]
        return Strengths(shear=0.3, translate=(150 / 331 * w, 150 / 331 * h), rotate=30, factor=0.9, bits=4)

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        operation = draw.integers(0, len(OPERATIONS) - 1, shape[0], self.n)
        return {"operation": operation, "level": self._signs(operation, draw) * (self.magnitude / (BINS - 1))}


@AUGMENTATIONS.register("trivial_augment")
class TrivialAugment(_Policy):
    """One random operation of random magnitude (the "wide" space)."""

    description = "one random operation of random magnitude, each picture its own"
    source = "Müller and Hutter 2021, arXiv:2103.10158; torchvision TrivialAugmentWide"

    def strengths(self, shape: torch.Size) -> Strengths:
        return Strengths(shear=0.99, translate=(32, 32), rotate=135, factor=0.99, bits=6)

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        operation = draw.integers(0, len(OPERATIONS) - 1, shape[0], 1)
        level = draw.integers(0, BINS - 1, shape[0], 1) / (BINS - 1)
        return {"operation": operation, "level": self._signs(operation, draw) * level}
