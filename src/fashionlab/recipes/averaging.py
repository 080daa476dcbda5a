"""The `averaging` key of a recipe: which weights besides the last ones are kept; `training.averaging` does it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from fashionlab.recipes.settings import BelowOne, Settings


class Ema(Settings):
    """Exponential moving average, updated every `every` steps: average = decay * average + (1 - decay) * weights.

    decay_warmup: the n-th update (from 0) uses min(decay, (1 + n) / (10 + n)), so that short runs forget their start.
    """

    name: Literal["ema"] = "ema"
    decay: BelowOne = 0.999
    every: PositiveInt = 1
    decay_warmup: bool = False


class Swa(Settings):
    """Stochastic weight averaging: the mean of the weights after every epoch past `start_epoch` (Izmailov 2018).

    The first `start_epoch` epochs are trained as usual. From then on the factor of the optimizer's `lr` is `lr_factor`;
    without it the schedule goes on.
    """

    name: Literal["swa"] = "swa"
    start_epoch: NonNegativeInt
    lr_factor: PositiveFloat | None = None


class Lookahead(Settings):
    """Slow weights pulled along every `every` steps and copied back into the model (Zhang et al. 2019).

    As in airbench94 the pull weakens as training goes on: slow = d * slow + (1 - d) * weights with
    d = decay ** every * (step / all steps) ** 3.
    """

    name: Literal["lookahead"] = "lookahead"
    every: PositiveInt = 5
    decay: BelowOne = 0.95


AveragingSettings = Annotated[Ema | Swa | Lookahead, Field(discriminator="name")]
