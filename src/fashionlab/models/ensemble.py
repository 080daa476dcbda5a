"""Several networks that answer together."""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn
from torch.nn import functional

from fashionlab.models.catalog import MODELS, Card, register, resolve

Members = Annotated[tuple[Annotated[dict[str, Any], AfterValidator(resolve)], ...], Field(min_length=2)]
_TWO_LINEAR: Members = ({"name": "logistic"}, {"name": "logistic"})


class Ensemble(nn.Module):
    """The logarithm of the mean of the members' probabilities: float [B, C, H, W] -> [B, K], to be read as logits.

    Told to answer `apart`, the members' own logits [M, B, K]: what training needs, where each learns for itself.
    """

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, pictures: Tensor, apart: bool = False) -> Tensor:
        each = torch.stack([member(pictures).float() for member in self.members])
        return each if apart else together(each)

    def initialise_from(self, images: Tensor) -> None:
        """Let the members that set weights from training pictures do so: float [N, C, H, W], normalised."""
        for member in self.members:
            if hasattr(member, "initialise_from"):
                member.initialise_from(images)  # type: ignore[operator]


def together(each: Tensor) -> Tensor:
    """The logarithm of the mean probability of members' logits: float [M, B, K] -> [B, K]."""
    return functional.log_softmax(each, dim=2).logsumexp(0) - math.log(len(each))


@register("ensemble", Card(
    description="the mean probability of networks trained side by side, or of finished runs (`fashionlab ensemble`)",
    source="Hansen and Salamon 1990 (doi:10.1109/34.58871); Lakshminarayanan et al. 2017 (arXiv:1612.01474)",
    parameters=15_700, macs=15_680,
))
def ensemble(*, classes: int, channels: int, image_size: int, members: Members = _TWO_LINEAR) -> nn.Module:
    """members: at least two networks, each its `name` and its arguments, as the key `model` of a recipe."""
    given = {"classes": classes, "channels": channels, "image_size": image_size}
    built = []
    for member in members:
        arguments = {key: value for key, value in member.items() if key != "name"}
        built.append(MODELS[member["name"]].build(**given, **arguments))
    return Ensemble(built)
