"""The `optimizer` key of a recipe: one class per optimizer, told apart by `name`; `training.optimizers` builds them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from fashionlab.recipes.settings import BelowOne, Settings


class _Optimizer(Settings):
    """What all have in common. `lr` is the base learning rate that the schedule multiplies.

    decay_biases_and_norms: False keeps weight decay off all parameters of one dimension.
    bias_lr_factor: normalisation layers' biases learn this much faster, with the same decay a step (airbench takes 64).
    """

    lr: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    decay_biases_and_norms: bool = True
    bias_lr_factor: PositiveFloat = 1.0


class Sgd(_Optimizer):
    """torch.optim.SGD: weight decay is added to the gradient."""

    name: Literal["sgd"] = "sgd"
    momentum: BelowOne = 0.0
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs momentum > 0")
        return self


class Adam(_Optimizer):
    """torch.optim.Adam: weight decay is added to the gradient."""

    name: Literal["adam"] = "adam"
    lr: PositiveFloat = 1e-3
    betas: tuple[BelowOne, BelowOne] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8


class AdamW(Adam):
    """torch.optim.AdamW: weight decay shrinks the weights directly (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"] = "adamw"  # pyright: ignore[reportIncompatibleVariableOverride]
    weight_decay: NonNegativeFloat = 0.01


class RmsProp(_Optimizer):
    """torch.optim.RMSprop."""

    name: Literal["rmsprop"] = "rmsprop"
    lr: PositiveFloat = 1e-3
    alpha: BelowOne = 0.99
    eps: PositiveFloat = 1e-8
    momentum: BelowOne = 0.0


class Muon(Settings):
    """Orthogonalised updates for filters and hidden matrices; `others` says how the remaining parameters learn.

    steps: Newton-Schulz iterations. normalise_weights: scale each matrix to Frobenius norm sqrt(rows) before a step;
    only for weights that a normalisation layer follows. airbench94_muon (Jordan 2024) does so, with lr 0.24,
    momentum 0.6, steps 3, and SGD for the others.
    """

    name: Literal["muon"] = "muon"
    lr: PositiveFloat = 0.02
    momentum: BelowOne = 0.95
    nesterov: bool = True
    weight_decay: NonNegativeFloat = 0.0
    steps: PositiveInt = 5
    normalise_weights: bool = False
    others: Annotated[Sgd | AdamW, Field(discriminator="name")] = AdamW()


class Sam(Sgd):
    """Sharpness-aware minimisation around SGD: two forward and backward passes a step (Foret et al. 2020)."""

    name: Literal["sam"] = "sam"  # pyright: ignore[reportIncompatibleVariableOverride]
    rho: PositiveFloat = 0.05


OptimizerSettings = Annotated[Sgd | Adam | AdamW | RmsProp | Muon | Sam, Field(discriminator="name")]
