"""Sharpness-aware minimisation around SGD."""

# torch._foreach_* are used as torch.optim uses them; pyright takes the underscore for private.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from pydantic import PositiveFloat
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fashionlab.optimizers.base import Closure, Optimizer, loss_of, register
from fashionlab.optimizers.sgd import Sgd


@register
class Sam(Sgd):
    """Sharpness-aware minimisation around SGD: two forward and backward passes a step (Foret et al. 2020)."""

    description = "sharpness-aware minimisation around SGD: two passes a step"
    source = "Foret et al. 2020 (arXiv:2010.01412)"

    name: Literal["sam"] = "sam"  # pyright: ignore[reportIncompatibleVariableOverride]
    rho: PositiveFloat = 0.05

    def build(self, model: nn.Module, parameters: list[nn.Parameter],  # pyright: ignore[reportIncompatibleMethodOverride]
              lr_scales: Mapping[nn.Parameter, float]) -> Optimizer:
        return SamOptimizer(super().build(model, parameters, lr_scales), model, self.rho)


class SamOptimizer:
    """Sharpness-aware minimisation (Foret et al. 2020): the gradient at the worst point within `rho`, used by `base`.

    The first pass finds the point weights + rho * gradient / norm over all parameters, the second pass its gradient.
    Batch-norm statistics follow the first pass only. `step` returns the first pass's loss.
    """

    def __init__(self, base: torch.optim.Optimizer, model: nn.Module, rho: float) -> None:
        self.base = base
        self.model = model
        self.rho = rho

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return self.base.param_groups

    @torch.no_grad()
    def step(self, closure: Closure) -> Any:
        loss = loss_of(closure)
        weights = [weight for group in self.param_groups for weight in group["params"] if weight.grad is not None]
        gradients = [weight.grad for weight in weights]
        norm = torch.nn.utils.get_total_norm(gradients)
        before = [weight.clone() for weight in weights]
        torch._foreach_add_(weights, torch._foreach_mul(gradients, self.rho / (norm + 1e-12)))
        try:
            with torch.enable_grad(), _statistics_kept(self.model):
                closure()
        finally:
            torch._foreach_copy_(weights, before)
        self.base.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.base.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        return self.base.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.base.load_state_dict(state_dict)


@contextlib.contextmanager
def _statistics_kept(model: nn.Module) -> Iterator[None]:
    """Inside the block batch norm in training mode uses the batch's statistics and leaves the running ones alone."""
    tracking = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    for module in tracking:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in tracking:
            module.track_running_stats = True
