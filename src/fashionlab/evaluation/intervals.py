"""Bootstrap intervals over pictures: what would the figure have been on other test pictures of the same kind?

They hold the trained model fixed. How much another seed would change is for `fashionlab.studies.statistics` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np
from scipy.sparse import csr_array

from fashionlab.common.records import Interval, Predictions
from fashionlab.evaluation import metrics

RESAMPLES = 1000
# Resamples at a time: 50 x 10,000 counts of 8 bytes are small enough for the processor's cache.
_CHUNK = 50

Combine = Callable[[np.ndarray], np.ndarray]
Form = Callable[[Predictions], tuple[csr_array, Combine, bool]]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Statistic:
    """A figure that is a function of column means over pictures, which makes resampling it a matrix product.

    estimate: its value on the pictures at hand. columns: sparse [N, F], a row a picture. combine: the column means of R
    resamples, [F, R], to their R values. absolute: `combine` adds up absolute values, see `bootstrap`.
    """

    estimate: float
    columns: csr_array
    combine: Combine
    absolute: bool = False


def intervals(predictions: Predictions, *, level: float = 0.95, resamples: int = RESAMPLES,
              seed: int = 0) -> dict[str, Interval]:
    """The bootstrap interval of each metric that `statistics` knows, by its name in `metrics.METRICS`."""
    return bootstrap(statistics(predictions), level=level, resamples=resamples, seed=seed)


def bootstrap(figures: Mapping[Key, Statistic], *, level: float = 0.95, resamples: int = RESAMPLES,
              seed: int = 0) -> dict[Key, Interval]:
    """Intervals of figures of the same N pictures from the same `resamples` draws of N pictures with replacement.

    Percentile intervals (Efron 1979), except for calibration errors. These add up absolute gaps, so chance counts as
    error: the estimate is too high by up to the gaps that chance alone makes (Kumar 2019), and every resample once
    more. Theirs is estimate +- z standard errors of the resamples, the lower end moved down by those gaps of chance. It
    covers at least `level`, in simulations 97 to 100 % for 95 %.
    """
    draw = np.random.default_rng(seed)
    values: dict[Key, list[np.ndarray]] = {name: [] for name in figures}
    transposed = {name: figure.columns.T.tocsr() for name, figure in figures.items()}
    pictures = max((len(figure.columns.indptr) - 1 for figure in figures.values()), default=0)
    for start in range(0, resamples, _CHUNK):
        counts = np.stack([np.bincount(draw.integers(0, pictures, pictures), minlength=pictures)
                           for _ in range(min(_CHUNK, resamples - start))], axis=1).astype(np.float64)
        for name, figure in figures.items():
            values[name].append(figure.combine(transposed[name] @ counts / pictures))
    return {name: _interval(figure, np.concatenate(values[name]), level) for name, figure in figures.items()}


def _interval(figure: Statistic, draws: np.ndarray, level: float) -> Interval:
    estimate = figure.estimate
    if not figure.absolute:
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        # Where nothing varies, the two sums of the same numbers may differ in the last digit.
        return Interval(estimate, min(float(low), estimate), max(float(high), estimate), level)
    reach = NormalDist().inv_cdf((1 + level) / 2) * float(draws.std())
    # The mean of |x| is sqrt(2 / pi) standard deviations where x is normal around 0.
    pictures = len(figure.columns.indptr) - 1
    chance = figure.combine(np.sqrt(2 / np.pi * figure.columns.power(2).sum(axis=0)[:, None]) / pictures)
    return Interval(estimate, max(0.0, estimate - reach - float(chance[0])), estimate + reach, level)


def statistics(predictions: Predictions, names: Sequence[str] | None = None) -> dict[str, Statistic]:
    """The metrics `names` of `metrics.METRICS` (all that have an interval, if None) as statistics over the pictures."""
    return {name: Statistic(float(metrics.METRICS[name](predictions)), *_FORMS[name](predictions))
            for name in names or _FORMS}


def _scattered(where: np.ndarray, values: np.ndarray, columns: int) -> csr_array:
    """Sparse [N, columns] with picture i's `values[i]` in the columns `where[i]`; both are [N] or [N, M]."""
    pictures, each = len(where), where.size // len(where)
    starts = np.arange(pictures + 1) * each
    return csr_array((values.ravel().astype(np.float64), where.ravel(), starts), shape=(pictures, columns))


def _class_counts(predictions: Predictions) -> csr_array:
    """K columns for right answers of each class, K for its pictures, K for the answers that name it."""
    classes, labels, predicted = len(predictions.classes), predictions.labels, predictions.predicted
    where = np.stack([labels, classes + labels, 2 * classes + predicted], axis=1)
    values = np.stack([predicted == labels, np.ones(len(labels)), np.ones(len(labels))], axis=1)
    return _scattered(where, values, 3 * classes)


def _macro(means: np.ndarray, score: str) -> np.ndarray:
    right, pictures, answers = np.split(means, 3)
    among = {"precision": answers, "recall": pictures, "f1": (pictures + answers) / 2}[score]
    return np.divide(right, among, out=np.zeros_like(right), where=among > 0).mean(axis=0)


def _mean(pictures: Callable[[Predictions], np.ndarray]) -> Form:
    def form(predictions: Predictions) -> tuple[csr_array, Combine, bool]:
        values = pictures(predictions)
        return _scattered(np.zeros(len(values), dtype=np.int64), values, 1), lambda means: means[0], False

    return form


def _macro_of(score: str) -> Form:
    return lambda predictions: (_class_counts(predictions), lambda means: _macro(means, score), False)


def _binned(which: Callable[[np.ndarray], np.ndarray]) -> Form:
    """ECE: a column a bin, with the gaps of the pictures in it. Bins stay where the pictures at hand put them."""
    def form(predictions: Predictions) -> tuple[csr_array, Combine, bool]:
        bins = which(predictions.probabilities.max(axis=1))
        return _scattered(bins, metrics.confidence_gaps(predictions), metrics.ECE_BINS), _total, True

    return form


def _classwise(predictions: Predictions) -> tuple[csr_array, Combine, bool]:
    gaps, bins = predictions.probabilities - metrics.one_hot(predictions), metrics.ECE_BINS
    classes = gaps.shape[1]
    which = metrics.equal_width_bins(predictions.probabilities) + np.arange(classes) * bins
    return _scattered(which, gaps, classes * bins), lambda means: _total(means) / classes, True


def _total(means: np.ndarray) -> np.ndarray:
    return np.abs(means).sum(axis=0)


_FORMS: dict[str, Form] = {
    "accuracy": _mean(lambda predictions: predictions.predicted == predictions.labels),
    "top2_accuracy": _mean(lambda predictions: metrics.in_top_k(predictions, 2)),
    "top3_accuracy": _mean(lambda predictions: metrics.in_top_k(predictions, 3)),
    "macro_precision": _macro_of("precision"),
    "macro_recall": _macro_of("recall"),
    "macro_f1": _macro_of("f1"),
    "nll": _mean(metrics.picture_nll),
    "brier": _mean(metrics.picture_brier),
    "ece": _binned(metrics.equal_width_bins),
    "ece_equal_mass": _binned(metrics.equal_mass_bins),
    "ece_classwise": _classwise,
}
