"""Adam and AdamW, in torch's fused kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn

from fashionlab.common.settings import BelowOne
from fashionlab.optimizers.base import Closure, loss_of, register
from fashionlab.optimizers.groups import GroupedOptimizer


@register
class Adam(GroupedOptimizer):
    """torch.optim.Adam: weight decay is added to the gradient."""

    description = "adaptive moments; weight decay is added to the gradient"
    source = "Kingma and Ba 2015 (arXiv:1412.6980)"

    name: Literal["adam"] = "adam"
    lr: PositiveFloat = 1e-3
    betas: tuple[BelowOne, BelowOne] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8

    def build(self, model: nn.Module, parameters: list[nn.Parameter],
              lr_scales: Mapping[nn.Parameter, float]) -> torch.optim.Optimizer:
        return FusedAdam(self.groups(model, parameters, lr_scales), betas=self.betas, eps=self.eps, fused=True)


@register
class AdamW(Adam):
    """torch.optim.AdamW: weight decay shrinks the weights directly (Loshchilov and Hutter 2019)."""

    description = "Adam with weight decay that shrinks the weights directly"
    source = "Loshchilov and Hutter 2019 (arXiv:1711.05101)"

    name: Literal["adamw"] = "adamw"  # pyright: ignore[reportIncompatibleVariableOverride]
    weight_decay: NonNegativeFloat = 0.01

    def build(self, model: nn.Module, parameters: list[nn.Parameter],
              lr_scales: Mapping[nn.Parameter, float]) -> torch.optim.Optimizer:
        return FusedAdamW(self.groups(model, parameters, lr_scales), betas=self.betas, eps=self.eps, fused=True)


class _Aligned(torch.optim.Optimizer):
    """Makes torch's fused kernels safe, which take one pass over memory where the plain ones take a dozen.

    On CPUs they silently mix up elements when a weight, its gradient and its averages lie in memory in different orders
    (channels_last and not), as can happen after a checkpoint is loaded.
    """

    def step(self, closure: Closure | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        loss = loss_of(closure)
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                weight.grad = _in_order_of(weight, weight.grad)
                state = self.state[weight]
                state.update({key: _in_order_of(weight, value) for key, value in state.items()
                              if value.shape == weight.shape})
        super().step()
        return loss


def _in_order_of(weight: Tensor, tensor: Tensor) -> Tensor:
    return tensor if tensor.stride() == weight.stride() else torch.empty_like(weight).copy_(tensor)


class FusedAdam(_Aligned, torch.optim.Adam):
    """torch's Adam in one kernel (Kingma and Ba 2015)."""


class FusedAdamW(_Aligned, torch.optim.AdamW):
    """torch's AdamW in one kernel (Loshchilov and Hutter 2019)."""
