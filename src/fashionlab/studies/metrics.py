"""The numbers of metrics.json that a study may ask about: what each is called, its unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fashionlab.common.errors import DataError, unknown
from fashionlab.evaluation.metrics import METRICS as SCORES
from fashionlab.runs.metrics import Metrics


@dataclass(frozen=True)
class Metric:
    """`path`: where the number stands in metrics.json; `unit` times `scale` is what people read: shares are in points
    (1 point = 0.01). `split`: whose pictures it is about, None for a cost."""

    name: str
    title: str
    unit: str
    scale: float
    higher_is_better: bool
    path: tuple[str, ...]
    split: str | None = None

    @property
    def is_time(self) -> bool:
        """Runs side by side disturb one another's times."""
        return "second" in self.name

    def read(self, metrics: Metrics, source: str) -> float:
        """The number out of `metrics`, unscaled. Raises DataError, naming `source`, when it is not there."""
        value: Any = metrics
        for part in self.path:
            value = getattr(value, part, None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise DataError(f"{source}: its metrics.json holds no number called {self.name}")
        return float(value)


# Scores that are no share of pictures, or better when lower; every other score is a share, and more is better.
_TITLES = {"nll": "negative log-likelihood", "brier": "Brier score", "ece": "expected calibration error"}
_UNITS = {"nll": "nats", "brier": ""}
_LOWER_IS_BETTER = {"nll", "brier", "ece"}
_COSTS = (
    Metric("train_seconds", "training time", "s", 1.0, False, ("train_seconds",)),
    Metric("images_per_second", "training speed", "pictures/s", 1.0, True, ("images_per_second",)),
    Metric("epochs", "epochs trained", "epochs", 1.0, False, ("epochs",)),
    Metric("parameters", "parameters", "", 1.0, False, ("parameters",)),
)
# Names that metrics.json has at its top, and where the same number stands with the other scores of its split.
_TOP = {"val_accuracy": "val.accuracy", "test_accuracy": "test.accuracy", "top3_accuracy": "test.top3_accuracy",
        "macro_f1": "test.macro_f1", "nll": "test.nll", "brier": "test.brier", "ece": "test.ece"}


def names() -> list[str]:
    """Every name that a study's `metric` may have: those at the top of metrics.json, val.<score> and test.<score>."""
    scores = [f"{split}.{score}" for split in ("val", "test") for score in SCORES]
    return [*_TOP, *(cost.name for cost in _COSTS), *scores]


def find_metric(name: str) -> Metric:
    """Raises UsageError with the nearest valid name for an unknown one."""
    if name not in names():
        raise unknown("metric", name, names())
    for cost in _COSTS:
        if cost.name == name:
            return cost
    split, _, score = _TOP.get(name, name).partition(".")
    unit = _UNITS.get(score, "points")
    title = f"{_TITLES.get(score, score.replace('_', ' '))} on the {'test' if split == 'test' else 'validation'} split"
    return Metric(name, title, unit, 100.0 if unit == "points" else 1.0, score not in _LOWER_IS_BETTER, (split, score),
                  split)
