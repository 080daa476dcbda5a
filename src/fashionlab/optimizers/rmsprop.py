"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import nn

from fashionlab.common.settings import BelowOne
from fashionlab.optimizers.base import register
from fashionlab.optimizers.groups import GroupedOptimizer


@register
class RmsProp(GroupedOptimizer):
    """torch.optim.RMSprop."""

    description = "steps over the root of the mean squared gradient, with momentum where asked for"
    source = "Tieleman and Hinton 2012 (Coursera, lecture 6.5)"

    name: Literal["rmsprop"] = "rmsprop"
    lr: PositiveFloat = 1e-3
    alpha: BelowOne = 0.99
    eps: PositiveFloat = 1e-8
    momentum: BelowOne = 0.0

    def build(self, model: nn.Module, parameters: list[nn.Parameter],
              lr_scales: Mapping[nn.Parameter, float]) -> torch.optim.Optimizer:
        groups = self.groups(model, parameters, lr_scales)
        return torch.optim.RMSprop(groups, alpha=self.alpha, eps=self.eps, momentum=self.momentum)
