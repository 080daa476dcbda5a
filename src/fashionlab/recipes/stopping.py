"""The `early_stopping` key of a recipe; `training.stopping` does it."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveInt

from fashionlab.recipes.settings import Metric, Settings


class EarlyStoppingSettings(Settings):
    """Stop after `patience` epochs in a row that did not better the best value of `metric` by more than `min_delta`."""

    metric: Metric = "val_loss"
    patience: PositiveInt = 10
    min_delta: NonNegativeFloat = 0.0
