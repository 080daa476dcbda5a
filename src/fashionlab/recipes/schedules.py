"""The `schedule` key of a recipe: how the learning rate moves, told apart by `name`; `training.schedules` does it.

Every schedule gives a factor of the optimizer's `lr`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from fashionlab.recipes.settings import Fraction, Metric, Settings


class _Schedule(Settings):
    """`warmup`: the fraction of all steps in which the factor rises linearly from `warmup_start` to 1."""

    warmup: Fraction = 0.0
    warmup_start: Fraction = 0.0


class Constant(_Schedule):
    name: Literal["constant"] = "constant"


class Cosine(_Schedule):
    """Half a cosine from 1 at the end of the warm-up to `final` at the end of training (Loshchilov and Hutter 2017)."""

    name: Literal["cosine"] = "cosine"
    final: Fraction = 0.0


class Linear(_Schedule):
    """A straight line from 1 at the end of the warm-up to `final` at the end of training."""

    name: Literal["linear"] = "linear"
    final: Fraction = 0.0


class OneCycle(Settings):
    """torch's OneCycleLR with cosine annealing; the optimizer's `lr` is the highest it reaches (Smith 2018).

    Its first phase is the warm-up: `pct_start` of all steps from 1 / div_factor to 1; then down to
    1 / (div_factor * final_div_factor). Momentum is not cycled.
    """

    name: Literal["one-cycle"] = "one-cycle"
    pct_start: Annotated[float, Field(gt=0, lt=1)] = 0.3
    div_factor: Annotated[float, Field(ge=1)] = 25.0
    final_div_factor: PositiveFloat = 1e4


class Step(_Schedule):
    """Multiply by `factor` after every `every` epochs, or after each number of epochs in `milestones`."""

    name: Literal["step"] = "step"
    every: PositiveInt | None = None
    milestones: tuple[PositiveInt, ...] = ()
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.every is None) == (not self.milestones):
            raise ValueError("give either every or milestones (in epochs)")
        if any(later <= earlier for earlier, later in pairwise(self.milestones)):
            raise ValueError("milestones must rise")
        return self


class Plateau(_Schedule):
    """Multiply by `factor` after more than `patience` epochs without improvement, as torch's ReduceLROnPlateau.

    An improvement is a fall of val_loss, or a rise of val_accuracy, by more than the fraction `threshold` of the best.
    """

    name: Literal["plateau"] = "plateau"
    metric: Metric = "val_loss"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: NonNegativeInt = 10
    threshold: NonNegativeFloat = 1e-4
    min_lr: NonNegativeFloat = 0.0


ScheduleSettings = Annotated[Constant | Cosine | Linear | OneCycle | Step | Plateau, Field(discriminator="name")]
