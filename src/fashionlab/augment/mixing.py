"""Augmentations that mix each picture with a partner from the batch, and the targets with it.

Every picture has its own partner, its own share and its own box.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from fashionlab.augment.base import AUGMENTATIONS, Draw, Mixing, Parameters, column
from fashionlab.augment.pixel import box_mask


def _mix_targets(targets: Tensor, partner: Tensor, own_share: Tensor) -> Tensor:
    return torch.lerp(targets[partner], targets, own_share[:, None])


@AUGMENTATIONS.register("mixup")
class MixUp(Mixing):
    """A weighted mean of two pictures; the weight from Beta(alpha, alpha)."""

    description = "weighted mean of two pictures and of their labels"
    source = "Zhang et al. 2018, arXiv:1710.09412"

    alpha: float = Field(default=0.2, gt=0)
    example: ClassVar = {"alpha": 1.0}

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {"partner": draw.permutation(shape[0]), "own_share": draw.beta(self.alpha, shape[0])}

    def sample(self, shape: torch.Size, draw: Draw) -> Parameters:
        parameters = super().sample(shape, draw)
        if "chosen" in parameters:
            parameters["own_share"] = torch.where(parameters.pop("chosen"), parameters["own_share"], 1.0)
        return parameters

    def apply(self, images: Tensor, targets: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        partner, own_share = parameters["partner"], parameters["own_share"]
        return torch.lerp(images[partner], images, column(own_share)), _mix_targets(targets, partner, own_share)


@AUGMENTATIONS.register("cutmix")
class CutMix(Mixing):
    """A box of one picture pasted into another at the same place.

    The box takes 1 - Beta(alpha, alpha) of the area before it is cut off at the picture's edge; the labels are weighted
    by what is left of it.
    """

    description = "paste a box from another picture; labels weighted by area"
    source = "Yun et al. 2019, arXiv:1905.04899"

    alpha: float = Field(default=1.0, gt=0)

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        n, _, h, w = shape
        side = (1 - draw.beta(self.alpha, n)).sqrt()
        height, width = (side * h).long(), (side * w).long()
        top, left = draw.integers(0, h - 1, n) - height // 2, draw.integers(0, w - 1, n) - width // 2
        box = torch.stack((top.clamp(min=0), left.clamp(min=0),
                           (top + height).clamp(max=h), (left + width).clamp(max=w)), dim=1)
        return {"partner": draw.permutation(n), "box": box}

    def sample(self, shape: torch.Size, draw: Draw) -> Parameters:
        parameters = super().sample(shape, draw)
        if "chosen" in parameters:
            parameters["box"] = parameters["box"] * parameters.pop("chosen")[:, None]
        return parameters

    def apply(self, images: Tensor, targets: Tensor, parameters: Parameters) -> tuple[Tensor, Tensor]:
        partner, box = parameters["partner"], parameters["box"]
        mixed = torch.where(box_mask(box, images.shape), images[partner], images)
        top, left, bottom, right = box.unbind(1)
        pasted = (bottom - top) * (right - left) / (images.shape[-2] * images.shape[-1])
        return mixed, _mix_targets(targets, partner, 1 - pasted)
