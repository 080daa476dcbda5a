"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import model_validator
from torch import nn

from fashionlab.common.settings import BelowOne
from fashionlab.optimizers.base import register
from fashionlab.optimizers.groups import GroupedOptimizer


@register
class Sgd(GroupedOptimizer):
    """torch.optim.SGD: weight decay is added to the gradient."""

    description = "stochastic gradient descent, with momentum (Nesterov's too) where asked for"
    source = "Robbins and Monro 1951; Sutskever et al. 2013"
    example: ClassVar[dict[str, Any]] = {"lr": 0.1, "momentum": 0.9}

    name: Literal["sgd"] = "sgd"
    momentum: BelowOne = 0.0
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs momentum > 0")
        return self

    def build(self, model: nn.Module, parameters: list[nn.Parameter],
              lr_scales: Mapping[nn.Parameter, float]) -> torch.optim.Optimizer:
        groups = self.groups(model, parameters, lr_scales)
        return torch.optim.SGD(groups, momentum=self.momentum, nesterov=self.nesterov)
