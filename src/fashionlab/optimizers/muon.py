"""Muon: orthogonalised updates for filters and hidden matrices, another optimizer for what is left."""

# torch._foreach_* are used as torch.optim uses them; pyright takes the underscore for private.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn

from fashionlab.common.errors import UsageError
from fashionlab.common.settings import BelowOne
from fashionlab.models.ensemble import Ensemble
from fashionlab.optimizers.adam import AdamW
from fashionlab.optimizers.base import Closure, Optimizer, OptimizerEntry, loss_of, register
from fashionlab.optimizers.sgd import Sgd


@register
class Muon(OptimizerEntry):
    """Orthogonalised updates for filters and hidden matrices; `others` says how the remaining parameters learn.

    steps: Newton-Schulz iterations. normalise_weights: scale each matrix to Frobenius norm sqrt(rows) before a step;
    only for weights that a normalisation layer follows. airbench94_muon (Jordan 2024) does so, with lr 0.24,
    momentum 0.6, steps 3, and SGD for the others.
    """

    description = "orthogonalised momentum for filters and hidden matrices, another optimizer for the others"
    source = "Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon)"
    scales_rates = False

    name: Literal["muon"] = "muon"
    lr: PositiveFloat = 0.02
    momentum: BelowOne = 0.95
    nesterov: bool = True
    weight_decay: NonNegativeFloat = 0.0
    steps: PositiveInt = 5
    normalise_weights: bool = False
    others: Annotated[Sgd | AdamW, Field(discriminator="name")] = AdamW()

    def build(self, model: nn.Module, parameters: list[nn.Parameter],
              lr_scales: Mapping[nn.Parameter, float]) -> Optimizer:
        matrices: set[int] = set()
        for network in model.members if isinstance(model, Ensemble) else (model,):
            layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
            last_linear = next((layer for layer in reversed(layers) if isinstance(layer, nn.Linear)), None)
            matrices |= {id(layer.weight) for layer in layers if layer is not last_linear}
        hidden = [parameter for parameter in parameters if id(parameter) in matrices]
        others = [parameter for parameter in parameters if id(parameter) not in matrices]
        if not hidden:
            raise UsageError("optimizer 'muon': the model has no filters and no hidden matrices to train; "
                             "use sgd or adamw")
        muon = MuonOptimizer(hidden, **self.model_dump(exclude={"name", "others"}))
        return Together([muon, self.others.build(model, others, {})]) if others else muon


def orthogonalise(matrix: Tensor, steps: int) -> Tensor:
    """Bring all singular values of `matrix` [rows, columns] near 1 (0.7 to 1.2 after 5 steps), its directions kept.

    Newton-Schulz iteration with the quintic's coefficients of Jordan et al. 2024
    (https://kellerjordan.github.io/posts/muon), in bfloat16 on GPUs as published; CPUs keep float32.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.to(torch.bfloat16 if matrix.is_cuda else torch.float32)
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.T
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.addmm(x, polynomial, x, beta=a)
    return (x if wide else x.T).to(matrix.dtype)


class MuonOptimizer(torch.optim.Optimizer):
    """Momentum, orthogonalised (Jordan et al. 2024), for weights [out, ...] read as matrices [out, rest].

    The update is scaled by sqrt(max(1, rows / columns)) and weight decay is decoupled, as in torch.optim.Muon, which
    takes matrices only and knows no `normalise_weights` (airbench94_muon: Frobenius norm sqrt(rows) before every step).
    """

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, momentum: float, nesterov: bool, weight_decay: float,
                 steps: int, normalise_weights: bool) -> None:
        super().__init__(parameters, {
            "lr": lr, "initial_lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay,
            "steps": steps, "normalise_weights": normalise_weights,
        })

    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        loss = loss_of(closure)
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            gradients = [weight.grad for weight in weights]
            for weight in weights:
                if not self.state[weight]:
                    self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
            momenta = [self.state[weight]["momentum_buffer"] for weight in weights]
            if not weights:
                continue
            torch._foreach_mul_(momenta, group["momentum"])
            torch._foreach_add_(momenta, gradients)
            updates = torch._foreach_add(gradients, momenta, alpha=group["momentum"]) if group["nesterov"] else momenta
            for weight, update in zip(weights, updates, strict=True):
                self._move(weight, update.flatten(1), group)
        return loss

    def _move(self, weight: Tensor, update: Tensor, group: dict[str, Any]) -> None:
        rows, columns = update.shape
        direction = orthogonalise(update, group["steps"]).view(weight.shape)
        if group["normalise_weights"]:
            weight.mul_(rows**0.5 / weight.norm().clamp(min=1e-7))
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(direction, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)


class Together:
    """Several optimizers, each over parameters of its own, used as one."""

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Closure) -> Any:
        loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
