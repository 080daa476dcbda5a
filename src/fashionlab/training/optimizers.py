"""Optimizers from a recipe's settings.

All are used alike: ``loss = optimizer.step(closure)``, where `closure` zeroes the gradients, computes the loss of the
batch, calls backward, clips if the recipe says so, and returns the loss. It is called once, by SAM twice, so it must do
the same batch with the same augmentation again. Every group in `param_groups` carries its base rate as `initial_lr`;
a schedule sets `lr`. `state_dict` holds tensors and plain values only.
"""

# torch._foreach_* are used as torch.optim uses them; pyright takes the underscore for private.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fashionlab.common.errors import UsageError
from fashionlab.models.ensemble import Ensemble
from fashionlab.recipes import optimizers as settings_of
from fashionlab.recipes.optimizers import OptimizerSettings

Closure = Callable[[], Any]
_NORMALISATION = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)


class Optimizer(Protocol):
    """What the loop, the schedules and the checkpoints use; torch's own optimizers fit it."""

    @property
    def param_groups(self) -> list[dict[str, Any]]: ...
    def step(self, closure: Closure) -> Any: ...
    def zero_grad(self, set_to_none: bool = True) -> None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


def build_optimizer(settings: OptimizerSettings, model: nn.Module,
                    lr_scales: Mapping[nn.Parameter, float] | None = None) -> Optimizer:
    """The optimizer over `model`'s trainable parameters. Raises UsageError where Muon finds nothing to work on.

    lr_scales: factors of the learning rates of single parameters, which Muon does not take.
    """
    scales = lr_scales or {}
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if isinstance(settings, settings_of.Muon):
        return _build_muon(settings, model, trainable)
    if isinstance(settings, settings_of.Sam):
        return Sam(_build_plain(settings, model, trainable, scales), model, settings.rho)
    return _build_plain(settings, model, trainable, scales)


def _build_plain(
    settings: settings_of.Sgd | settings_of.Adam | settings_of.RmsProp, model: nn.Module,
    parameters: Iterable[nn.Parameter], lr_scales: Mapping[nn.Parameter, float],
) -> torch.optim.Optimizer:
    groups = _groups(settings, model, parameters, lr_scales)
    match settings:
        case settings_of.Sgd():
            return torch.optim.SGD(groups, momentum=settings.momentum, nesterov=settings.nesterov)
        case settings_of.AdamW():
            return FusedAdamW(groups, betas=settings.betas, eps=settings.eps, fused=True)
        case settings_of.Adam():
            return FusedAdam(groups, betas=settings.betas, eps=settings.eps, fused=True)
        case settings_of.RmsProp():
            return torch.optim.RMSprop(groups, alpha=settings.alpha, eps=settings.eps, momentum=settings.momentum)


class _Aligned(torch.optim.Optimizer):
    """Makes torch's fused kernels safe, which take one pass over memory where the plain ones take a dozen.

    On CPUs they silently mix up elements when a weight, its gradient and its averages lie in memory in different orders
    (channels_last and not), as can happen after a checkpoint is loaded.
    """

    def step(self, closure: Closure | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        loss = _loss_of(closure)
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


@torch.enable_grad()
def _loss_of(closure: Closure | None) -> Any:
    """What the closure returns, with gradients also inside of a step that works without; None for no closure."""
    return None if closure is None else closure()


def _in_order_of(weight: Tensor, tensor: Tensor) -> Tensor:
    return tensor if tensor.stride() == weight.stride() else torch.empty_like(weight).copy_(tensor)


class FusedAdam(_Aligned, torch.optim.Adam):
    """torch's Adam in one kernel (Kingma and Ba 2015)."""


class FusedAdamW(_Aligned, torch.optim.AdamW):
    """torch's AdamW in one kernel (Loshchilov and Hutter 2019)."""


def _groups(
    settings: settings_of.Sgd | settings_of.Adam | settings_of.RmsProp, model: nn.Module,
    parameters: Iterable[nn.Parameter], lr_scales: Mapping[nn.Parameter, float],
) -> list[dict[str, Any]]:
    """One group for each pair of learning rate and weight decay that is asked for; unscaled rates come first."""
    faster = {id(module.bias) for module in model.modules() if isinstance(module, _NORMALISATION)}
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for parameter in sorted(parameters, key=lambda parameter: -lr_scales.get(parameter, 1.0)):
        factor = settings.bias_lr_factor if id(parameter) in faster else 1.0
        decays = settings.decay_biases_and_norms or parameter.ndim > 1
        lr = settings.lr * factor * lr_scales.get(parameter, 1.0)
        key = lr, settings.weight_decay / factor if decays else 0.0
        groups.setdefault(key, []).append(parameter)
    return [
        {"params": members, "lr": lr, "initial_lr": lr, "weight_decay": decay}
        for (lr, decay), members in groups.items()
    ]


def _build_muon(settings: settings_of.Muon, model: nn.Module, trainable: list[nn.Parameter]) -> Optimizer:
    matrices: set[int] = set()
    for network in model.members if isinstance(model, Ensemble) else (model,):
        layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
        last_linear = next((layer for layer in reversed(layers) if isinstance(layer, nn.Linear)), None)
        matrices |= {id(layer.weight) for layer in layers if layer is not last_linear}
    hidden = [parameter for parameter in trainable if id(parameter) in matrices]
    others = [parameter for parameter in trainable if id(parameter) not in matrices]
    if not hidden:
        raise UsageError("optimizer 'muon': the model has no filters and no hidden matrices to train; use sgd or adamw")
    muon = Muon(hidden, **settings.model_dump(exclude={"name", "others"}))
    return Together([muon, _build_plain(settings.others, model, others, {})]) if others else muon


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


class Muon(torch.optim.Optimizer):
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
        loss = _loss_of(closure)
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


class Sam:
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
        loss = _loss_of(closure)
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
