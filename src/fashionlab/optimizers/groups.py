"""Parameter groups: which parameters learn at which rate, and which of them weight decay leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fashionlab.optimizers.base import OptimizerEntry

_NORMALISATION = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True)
class Exempts:
    """Marks a boolean setting that, when false, keeps weight decay off the parameters for which `covers` holds, a
    function of a parameter's qualified name and the parameter."""

    covers: Callable[[str, nn.Parameter], bool]


def _is_bias_or_norm(name: str, parameter: nn.Parameter) -> bool:
    """Biases and normalisation layers' scales are the parameters of one dimension."""
    return parameter.ndim <= 1


class GroupedOptimizer(OptimizerEntry):
    """Optimizers whose parameters are grouped by learning rate and weight decay.

    bias_lr_factor: normalisation layers' biases learn this much faster, with the same decay a step (airbench takes 64).
    To add an exception from weight decay: another boolean with `Exempts` here.
    """

    weight_decay: NonNegativeFloat = 0.0
    decay_biases_and_norms: Annotated[bool, Exempts(_is_bias_or_norm)] = True
    bias_lr_factor: PositiveFloat = 1.0

    def decays(self, name: str, parameter: nn.Parameter) -> bool:
        """Whether weight decay applies to the parameter of that qualified name."""
        return not any(isinstance(mark, Exempts) and not getattr(self, key) and mark.covers(name, parameter)
                       for key, field in type(self).model_fields.items() for mark in field.metadata)

    def groups(self, model: nn.Module, parameters: Iterable[nn.Parameter],
               lr_scales: Mapping[nn.Parameter, float]) -> list[dict[str, Any]]:
        """One group for each pair of learning rate and weight decay that is asked for; unscaled rates come first."""
        faster = {id(module.bias) for module in model.modules() if isinstance(module, _NORMALISATION)}
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        groups: dict[tuple[float, float], list[Tensor]] = {}
        for parameter in sorted(parameters, key=lambda parameter: -lr_scales.get(parameter, 1.0)):
            factor = self.bias_lr_factor if id(parameter) in faster else 1.0
            lr = self.lr * factor * lr_scales.get(parameter, 1.0)
            decay = self.weight_decay / factor if self.decays(names[id(parameter)], parameter) else 0.0
            groups.setdefault((lr, decay), []).append(parameter)
        return [
            {"params": members, "lr": lr, "initial_lr": lr, "weight_decay": decay}
            for (lr, decay), members in groups.items()
        ]
