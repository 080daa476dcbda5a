"""Shares and AUROC with their intervals: closed forms that hold up near 0 and 1, where a bootstrap has no width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from fashionlab.common.errors import DataError
from fashionlab.common.records import Interval


def share(count: int, n: int) -> Interval:
    """`count` of `n` with Wilson's 95 % score interval (Wilson 1927; Newcombe 1998, method 3).

    Raises DataError unless 0 <= count <= n and n >= 1.
    """
    if not 0 <= count <= n or n < 1:
        raise DataError(f"a share of {count} in {n}: expected 0 <= count <= n with n at least 1")
    interval = binomtest(count, n).proportion_ci(0.95, method="wilson")
    return Interval(count / n, float(interval.low), float(interval.high))


def auroc(negative: np.ndarray, positive: np.ndarray) -> Interval:
    """The chance that a `positive` score (float [M]) is above a `negative` one (float [N]), ties counting half, with
    Newcombe's 95 % interval (Newcombe 2006, Statistics in Medicine 25:559, method 5). Raises DataError if either is
    empty."""
    if not len(negative) or not len(positive):
        raise DataError("AUROC needs scores of both kinds")
    labels = np.concatenate([np.zeros(len(negative)), np.ones(len(positive))])
    area = float(roc_auc_score(labels, np.concatenate([negative, positive])))
    pairs, half = len(negative) * len(positive), (len(negative) + len(positive)) / 2 - 1
    z = float(norm.ppf(0.975))

    def beyond(true: float) -> float:
        """Positive where `area` is too far from `true` to be chance, by the variance that `true` would give."""
        variance = true * (1 - true) * (1 + half * (1 - true) / (2 - true) + half * true / (1 + true)) / pairs
        return (area - true) ** 2 - z**2 * variance

    return Interval(area, _root(beyond, 0.0, area), _root(beyond, 1.0, area))


def _root(function: Callable[[float], float], end: float, area: float) -> float:
    """The border between `end` (0 or 1) and the estimate; `end` itself when the estimate lies there."""
    if area == end:
        return end
    # Not from `area` itself: where that is 0 or 1 it is a root too, as no variance is left there.
    return brentq(function, end, area + (end - area) * 1e-12)  # pyright: ignore[reportReturnType]
