"""The best value of a validation metric over the epochs, for early stopping and for the plateau schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fashionlab.common.errors import DivergedError
from fashionlab.recipes.settings import Metric


class BestSoFar:
    """The best value of a metric so far (low for val_loss, high for val_accuracy) and the epochs since.

    An epoch is better when it beats the best by more than `least`, or, if `relative`, that share of the best.
    """

    def __init__(self, metric: Metric, least: float, *, relative: bool = False) -> None:
        self.metric = metric
        self.least = least
        self.relative = relative
        self.best: float | None = None
        self.epochs_since_best = 0

    def update(self, metrics: Mapping[str, float]) -> bool:
        """Note an epoch's metrics; True if it is the best so far. Raises DivergedError for NaN and infinity."""
        value = float(metrics[self.metric])
        if not math.isfinite(value):
            raise DivergedError(f"{self.metric} became {value}: the training diverged; try a lower learning rate")
        better = self.best is None or self._gain(value, self.best) > 0
        self.best = value if better else self.best
        self.epochs_since_best = 0 if better else self.epochs_since_best + 1
        return better

    def _gain(self, value: float, best: float) -> float:
        sign = -1 if self.metric == "val_loss" else 1
        margin = self.least * best if self.relative else self.least
        return sign * (value - best) - margin

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "epochs_since_best": self.epochs_since_best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.epochs_since_best = state["best"], state["epochs_since_best"]
