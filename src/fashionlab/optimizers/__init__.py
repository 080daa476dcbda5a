"""Optimizers: what a recipe can say of one, and the updates themselves.

A class in a file of this package is one optimizer: its settings are what the recipe's key `optimizer` may say, and its
`build` makes it. The recipe's choice, its checks and `fashionlab list optimizers` come from the registry.

    settings = TypeAdapter(OptimizerSettings).validate_python({"name": "sgd", "lr": 0.1})
    optimizer = build_optimizer(settings, model)
    loss = optimizer.step(closure)
"""

import functools
import operator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from fashionlab.optimizers.base import OPTIMIZERS, Optimizer, OptimizerEntry, build_optimizer

if TYPE_CHECKING:
    OptimizerSettings = OptimizerEntry
else:
    OptimizerSettings = Annotated[functools.reduce(operator.or_, (OPTIMIZERS[name] for name in OPTIMIZERS)),
                                  Field(discriminator="name")]
    """Any registered optimizer's settings, told apart by `name`."""

__all__ = ["OPTIMIZERS", "Optimizer", "OptimizerEntry", "OptimizerSettings", "build_optimizer"]
