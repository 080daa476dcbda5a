"""What the dashboard's comparison shows of a run: a row a score or cost, with its form and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fashionlab.common.records import SPLITS, SplitName
from fashionlab.evaluation.metrics import COSTS, METRICS, headlines
from fashionlab.evaluation.metrics.record import Metric


@dataclass(frozen=True)
class ScoreRow:
    """`key`: the value's name in the details of a run. `show`: a form that format.js has. `better`: None where neither
    way is."""

    key: str
    label: str
    show: Literal["percent", "decimal", "whole", "duration", "text"]
    better: Literal["high", "low"] | None = None


def score_rows() -> list[ScoreRow]:
    """The metrics that stand at the top of metrics.json, the numbers of pictures, and the costs."""
    scores = [ScoreRow(key, _label(METRICS[name], split), "percent" if METRICS[name].is_share else "decimal",
                       _better(METRICS[name])) for split in SPLITS for key, name in headlines(split).items()]
    costs = [ScoreRow(name, cost.tables["dashboard"], "duration" if cost.unit == "s" else "whole", _better(cost))
             for name, cost in COSTS.items()]
    return [*scores, ScoreRow("test_n", "test pictures", "whole"), ScoreRow("train_n", "training pictures", "whole"),
            *costs, ScoreRow("weights", "weights", "text")]


def _label(metric: Metric, split: SplitName) -> str:
    """A metric that is shown of both splits begins with the split."""
    name = SPLITS[split]
    return f"{name} {metric.title}" if len(metric.headlines) > 1 else f"{metric.title} ({name})"


def _better(metric: Metric) -> Literal["high", "low"]:
    return "high" if metric.higher_is_better else "low"
