"""Classification metrics of stored predictions: scikit-learn where it does the job, float64 numpy elsewhere.

A new metric is one entry: a `Metric` in the METRICS of a file of this package. Scores, intervals, reports, studies and
the dashboard read everything from it. No metric is ever NaN: a share of nothing is 0, as scikit-learn's
``zero_division=0``. Importing this loads neither scikit-learn nor scipy: the dashboard reads the records.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import Predictions, SplitName
from fashionlab.evaluation.metrics import accuracy, calibration_error, classes, costs, likelihood
from fashionlab.evaluation.metrics.classes import confusion, per_class
from fashionlab.evaluation.metrics.record import Metric, Table


def by_name(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """The records by their names, in their order. Raises ValueError when two have the same."""
    records: dict[str, Metric] = {}
    for metric in metrics:
        if metric.name in records:
            raise ValueError(f"metric {metric.name!r} is registered twice")
        records[metric.name] = metric
    return records


METRICS = by_name((*accuracy.METRICS, *classes.METRICS, *likelihood.METRICS, *calibration_error.METRICS))
COSTS = by_name(costs.COSTS)


def headings(table: Table) -> dict[str, str]:
    """The names of the metrics that `table` shows, with their headings there."""
    return {name: metric.tables[table] for name, metric in METRICS.items() if table in metric.tables}


def headlines(split: SplitName) -> dict[str, str]:
    """The names at the top of metrics.json that hold scores of `split`, with the metrics' names."""
    return {metric.headlines[split]: name for name, metric in METRICS.items() if split in metric.headlines}


def scores(predictions: Predictions) -> dict[str, Any]:
    """Every metric by its name, and `n`, `per_class` and `confusion`: plain numbers and lists, fit for JSON.

    `per_class` has one {class, precision, recall, f1, support} a class; `confusion[i][j]` counts pictures of class i
    that were called j. Raises DataError when there are no pictures, no finite logits, or a label outside the classes.
    """
    check(predictions)
    return {
        "n": len(predictions.labels),
        **{name: metric(predictions) for name, metric in METRICS.items()},
        "per_class": per_class(predictions),
        "confusion": confusion(predictions),
    }


def classification_report(predictions: Predictions) -> str:
    """`classes.classification_report`. Raises DataError for what `scores` raises it for."""
    check(predictions)
    return classes.classification_report(predictions)


def check(predictions: Predictions) -> None:
    """Raises DataError for predictions that cannot be scored."""
    where = f"predictions on {predictions.split}"
    if not len(predictions.labels):
        raise DataError(f"{where}: no pictures, nothing to score")
    if not np.isfinite(predictions.logits).all():
        row = int(np.flatnonzero(~np.isfinite(predictions.logits).all(axis=1))[0])
        raise DataError(f"{where}: the logits of picture {int(predictions.indices[row])} are not finite")
    if not 0 <= predictions.labels.min() <= predictions.labels.max() < len(predictions.classes):
        raise DataError(f"{where}: labels from {predictions.labels.min()} to {predictions.labels.max()}, "
                        f"expected 0 to {len(predictions.classes) - 1}")
