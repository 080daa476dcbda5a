"""The numbers of metrics.json that a study may ask about: a metric, and the split that it is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fashionlab.common.errors import DataError, unknown
from fashionlab.common.records import SPLITS, SplitName
from fashionlab.evaluation.metrics import COSTS, METRICS, headlines
from fashionlab.evaluation.metrics.record import Metric
from fashionlab.runs.metrics import Metrics


@dataclass(frozen=True)
class StudyMetric:
    """`name`: as a study declares it. `split`: whose pictures it is about, None for a cost. A value times `scale` is in
    `unit`: shares are in points (1 point = 0.01)."""

    name: str
    metric: Metric
    split: SplitName | None = None

    @property
    def title(self) -> str:
        if self.split is None:
            return self.metric.title
        return f"{self.metric.title} on the {SPLITS[self.split]} split"

    @property
    def unit(self) -> str:
        return self.metric.unit

    @property
    def scale(self) -> float:
        return self.metric.scale

    @property
    def higher_is_better(self) -> bool:
        return self.metric.higher_is_better

    @property
    def is_time(self) -> bool:
        """Runs side by side disturb one another's times."""
        return self.metric.is_time

    @property
    def path(self) -> tuple[str, ...]:
        """Where the number stands in metrics.json."""
        return (self.metric.name,) if self.split is None else (self.split, self.metric.name)

    def read(self, metrics: Metrics, source: str) -> float:
        """The number out of `metrics`, unscaled. Raises DataError, naming `source`, when it is not there."""
        value: Any = metrics
        for part in self.path:
            value = getattr(value, part, None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise DataError(f"{source}: its metrics.json holds no number called {self.name}")
        return float(value)


def _all() -> dict[str, StudyMetric]:
    top = [StudyMetric(key, METRICS[name], split) for split in SPLITS for key, name in headlines(split).items()]
    costs = [StudyMetric(name, cost) for name, cost in COSTS.items()]
    scores = [StudyMetric(f"{split}.{name}", metric, split) for split in SPLITS for name, metric in METRICS.items()]
    return {one.name: one for one in (*top, *costs, *scores)}


def names() -> list[str]:
    """Every name that a study's `metric` may have: those at the top of metrics.json, val.<score> and test.<score>."""
    return list(_all())


def find_metric(name: str) -> StudyMetric:
    """Raises UsageError with the nearest valid name for an unknown one."""
    known = _all()
    if name not in known:
        raise unknown("metric", name, known)
    return known[name]
