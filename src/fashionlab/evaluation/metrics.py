"""Classification metrics of stored predictions: scikit-learn where it does the job, float64 numpy elsewhere.

A new metric is one entry: a function of Predictions to a plain number with ``@metric("its name")``.
No metric is ever NaN: a share of nothing is 0, as scikit-learn's ``zero_division=0``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import Predictions

METRICS: dict[str, Callable[[Predictions], float]] = {}
ECE_BINS = 15


def scores(predictions: Predictions) -> dict[str, Any]:
    """Every registered metric by its name, and `n`, `per_class` and `confusion`: plain numbers and lists, fit for JSON.

    `per_class` has one {class, precision, recall, f1, support} a class; `confusion[i][j]` counts pictures of class i
    that were called j. Raises DataError when there are no pictures, no finite logits, or a label outside the classes.
    """
    _check(predictions)
    return {
        "n": len(predictions.labels),
        **{name: float(function(predictions)) for name, function in METRICS.items()},
        "per_class": per_class(predictions),
        "confusion": confusion(predictions),
    }


def metric(name: str) -> Callable[[Callable[[Predictions], float]], Callable[[Predictions], float]]:
    """Register a metric under `name`. Raises ValueError when the name is taken."""

    def register(function: Callable[[Predictions], float]) -> Callable[[Predictions], float]:
        if name in METRICS:
            raise ValueError(f"metric {name!r} is registered twice")
        METRICS[name] = function
        return function

    return register


def _check(predictions: Predictions) -> None:
    where = f"predictions on {predictions.split}"
    if not len(predictions.labels):
        raise DataError(f"{where}: no pictures, nothing to score")
    if not np.isfinite(predictions.logits).all():
        row = int(np.flatnonzero(~np.isfinite(predictions.logits).all(axis=1))[0])
        raise DataError(f"{where}: the logits of picture {int(predictions.indices[row])} are not finite")
    if not 0 <= predictions.labels.min() <= predictions.labels.max() < len(predictions.classes):
        raise DataError(f"{where}: labels from {predictions.labels.min()} to {predictions.labels.max()}, "
                        f"expected 0 to {len(predictions.classes) - 1}")


@metric("accuracy")
def accuracy(predictions: Predictions) -> float:
    """The share of pictures whose highest logit is the true class's."""
    return float(np.mean(predictions.predicted == predictions.labels))


def top_k_accuracy(predictions: Predictions, k: int) -> float:
    """The share of pictures whose true class is among the k highest logits. With k classes or fewer it is 1."""
    return float(np.mean(in_top_k(predictions, k)))


def in_top_k(predictions: Predictions, k: int) -> np.ndarray:
    """Whether the true class is among the k highest logits, bool [N]; the lowest class index wins a tie, as in
    `Predictions.predicted`, so that k = 1 is being right."""
    true = np.take_along_axis(predictions.logits, predictions.labels[:, None], axis=1)
    ahead = (predictions.logits > true).sum(axis=1)
    earlier = np.arange(predictions.logits.shape[1]) < predictions.labels[:, None]
    ahead += ((predictions.logits == true) & earlier).sum(axis=1)
    return ahead < k


for _k in range(2, 6):
    metric(f"top{_k}_accuracy")(lambda predictions, k=_k: top_k_accuracy(predictions, k))


def _averaged(score: str, average: str) -> Callable[[Predictions], float]:
    def function(predictions: Predictions) -> float:
        return _precision_recall_f1(predictions, average)[("precision", "recall", "f1").index(score)]

    return function


for _average in ("macro", "micro", "weighted"):
    for _score in ("precision", "recall", "f1"):
        metric(f"{_average}_{_score}")(_averaged(_score, _average))


@metric("nll")
def negative_log_likelihood(predictions: Predictions) -> float:
    """The mean of -log p(true class) in nats, from the logits: no probability underflows to log 0."""
    return float(np.mean(picture_nll(predictions)))


def picture_nll(predictions: Predictions) -> np.ndarray:
    """-log p(true class) of every picture in nats, float64 [N]."""
    logits = predictions.logits.astype(np.float64)
    highest = logits.max(axis=1)
    log_sum = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return log_sum - np.take_along_axis(logits, predictions.labels[:, None], axis=1)[:, 0]


@metric("brier")
def brier(predictions: Predictions) -> float:
    """The mean over pictures of the squared distance of probabilities and one-hot truth, 0 to 2 (Brier 1950)."""
    return float(np.mean(picture_brier(predictions)))


def picture_brier(predictions: Predictions) -> np.ndarray:
    """The squared distance of probabilities and one-hot truth of every picture, float64 [N]."""
    return ((predictions.probabilities - one_hot(predictions)) ** 2).sum(axis=1)


def one_hot(predictions: Predictions) -> np.ndarray:
    """The truth as float64 [N, K]."""
    return np.eye(len(predictions.classes))[predictions.labels]


@metric("ece")
def expected_calibration_error(predictions: Predictions, bins: int = ECE_BINS) -> float:
    """The mean distance of confidence (the highest probability) and accuracy over equal-width bins of confidence,
    weighted by their pictures (Naeini 2015, Guo 2017). Bins are open on the left: (0, 1/15], (1/15, 2/15], ..."""
    return _ece(predictions, equal_width_bins(predictions.probabilities.max(axis=1), bins))


@metric("ece_equal_mass")
def equal_mass_calibration_error(predictions: Predictions, bins: int = ECE_BINS) -> float:
    """ECE over bins of confidence that hold equally many pictures (adaptive binning, Nixon 2019)."""
    return _ece(predictions, equal_mass_bins(predictions.probabilities.max(axis=1), bins))


@metric("ece_classwise")
def classwise_calibration_error(predictions: Predictions, bins: int = ECE_BINS) -> float:
    """The mean over classes of the equal-width ECE of that class's probability (static calibration error, Nixon 2019;
    Kull 2019): it asks of every probability, not of the highest alone, that it comes true as often as it says."""
    gaps = predictions.probabilities - one_hot(predictions)
    which = equal_width_bins(predictions.probabilities, bins) + np.arange(gaps.shape[1]) * bins
    return float(np.abs(np.bincount(which.ravel(), weights=gaps.ravel())).sum() / gaps.size)


def _ece(predictions: Predictions, which: np.ndarray) -> float:
    gaps = np.bincount(which, weights=confidence_gaps(predictions))
    return float(np.abs(gaps).sum() / len(which))


def confidence_gaps(predictions: Predictions) -> np.ndarray:
    """Confidence minus 1 where right, minus 0 where wrong, float64 [N]: its mean in a bin is the bin's gap."""
    return predictions.probabilities.max(axis=1) - (predictions.predicted == predictions.labels)


def equal_width_bins(shares: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """The bin of each share of any shape: 0 for [0, 1/bins], 1 for (1/bins, 2/bins], ..."""
    return np.clip(np.ceil(shares * bins).astype(np.int64) - 1, 0, bins - 1)


def equal_mass_bins(shares: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """The bin of each share [N] when the sorted shares are cut into `bins` equal parts (one apart when N does not
    divide; equal shares in order of their place)."""
    rank = np.empty(len(shares), dtype=np.int64)
    rank[np.argsort(shares, kind="stable")] = np.arange(len(shares))
    return rank * bins // len(shares)


def per_class(predictions: Predictions) -> list[dict[str, Any]]:
    """Precision, recall, F1 and support of every class, in label order."""
    precision, recall, f1, support = _precision_recall_f1(predictions, None)
    return [
        {"class": name, "precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i]),
         "support": int(support[i])}
        for i, name in enumerate(predictions.classes)
    ]


def confusion(predictions: Predictions) -> list[list[int]]:
    """Counts [true class][predicted class]."""
    n = len(predictions.classes)
    return np.bincount(predictions.labels * n + predictions.predicted, minlength=n * n).reshape(n, n).tolist()


def classification_report(predictions: Predictions) -> str:
    """The table that scikit-learn prints, with 4 digits: every class, accuracy, macro and weighted averages."""
    from sklearn.metrics import classification_report as report

    _check(predictions)
    every = range(len(predictions.classes))
    return str(report(
        predictions.labels, predictions.predicted, labels=list(every), target_names=list(predictions.classes), digits=4,
        zero_division=0))  # pyright: ignore[reportArgumentType]


def _precision_recall_f1(predictions: Predictions, average: Any) -> Any:
    from sklearn.metrics import precision_recall_fscore_support

    every = range(len(predictions.classes))
    return precision_recall_fscore_support(
        predictions.labels, predictions.predicted, labels=list(every), average=average,
        zero_division=0)  # pyright: ignore[reportArgumentType]
