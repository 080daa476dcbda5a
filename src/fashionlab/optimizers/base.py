"""What every optimizer is: validated settings with a name, which build it for a network.

All are used alike: ``loss = optimizer.step(closure)``, where `closure` zeroes the gradients, computes the loss of the
batch, calls backward, clips if the recipe says so, and returns the loss. It is called once, by SAM twice, so it must do
the same batch with the same augmentation again. Every group in `param_groups` carries its base rate as `initial_lr`;
a schedule sets `lr`. `state_dict` holds tensors and plain values only.

To add one: a class in any module of this package with `@register`, a `name`, `description`, `source` and an `example`;
the contract tests find it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from pydantic import PositiveFloat
from torch import nn

from fashionlab.common.registry import Registry
from fashionlab.common.settings import Settings

Closure = Callable[[], Any]


class Optimizer(Protocol):
    """What the loop, the schedules and the checkpoints use; torch's own optimizers fit it."""

    @property
    def param_groups(self) -> list[dict[str, Any]]: ...
    def step(self, closure: Closure) -> Any: ...
    def zero_grad(self, set_to_none: bool = True) -> None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


class OptimizerEntry(Settings, ABC):
    """Base of all settings. A subclass narrows `name` to a Literal with that default, under which it is registered.

    lr: the base learning rate that the schedule multiplies.
    """

    description: ClassVar[str]
    """One line for `fashionlab list optimizers`."""
    source: ClassVar[str]
    """Where the method comes from."""
    example: ClassVar[dict[str, Any]] = {}
    """Settings under which it learns; for tests."""
    scales_rates: ClassVar[bool] = True
    """Whether single parameters may have learning rates of their own, which transfer learning needs."""

    name: str
    lr: PositiveFloat

    @abstractmethod
    def build(self, model: nn.Module, parameters: list[nn.Parameter],
              lr_scales: Mapping[nn.Parameter, float]) -> Optimizer:
        """The optimizer over `parameters`, the trainable ones of `model`.

        lr_scales: factors of single parameters' learning rates; empty unless `scales_rates`.
        """


OPTIMIZERS: Registry[type[OptimizerEntry]] = Registry("optimizer", "fashionlab.optimizers")
_Entry = TypeVar("_Entry", bound=type[OptimizerEntry])


def register(entry: _Entry) -> _Entry:
    """Class decorator: an optimizer under its own `name`."""
    OPTIMIZERS.add(entry.model_fields["name"].default, entry)
    return entry


def build_optimizer(settings: OptimizerEntry, model: nn.Module,
                    lr_scales: Mapping[nn.Parameter, float] | None = None) -> Optimizer:
    """The optimizer over `model`'s trainable parameters. Raises UsageError where Muon finds nothing to work on.

    lr_scales: factors of the learning rates of single parameters, only where the settings' `scales_rates`.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return settings.build(model, trainable, lr_scales or {})


@torch.enable_grad()
def loss_of(closure: Closure | None) -> Any:
    """What the closure returns, with gradients also inside of a step that works without; None for no closure."""
    return None if closure is None else closure()
