"""Confidence intervals of a mean and a paired difference. Of a share: `evaluation.proportions.share`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from fashionlab.common.records import Interval
from fashionlab.studies.statistics.checks import checked_level, correctness, finite, paired


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student's t interval of the mean of independent values, such as one accuracy a seed.

    Raises DataError for fewer than 2 values: one value says nothing about its spread.
    """
    return _t_interval(finite(values, 2, "a mean's interval"), level)


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> Interval:
    """Student's t interval of the mean of b - a over pairs (the same seeds, in the same order).

    Raises DataError for fewer than 2 pairs or rows of different length.
    """
    return _t_interval(paired(a, b), level)


def _t_interval(values: np.ndarray, level: float) -> Interval:
    mean, n = float(values.mean()), len(values)
    half = float(stats.t.isf((1 - checked_level(level)) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, level)


def paired_bootstrap(correct_a: ArrayLike, correct_b: ArrayLike, level: float = 0.95, seed: int = 0,
                     resamples: int = 9999) -> Interval:
    """BCa bootstrap interval of accuracy b - accuracy a over the same pictures (Efron 1987).

    correct_a, correct_b: bool [N], right or wrong on each picture. A picture's difference is -1, 0 or 1, so a resample
    is one multinomial draw of three counts: this is scipy.stats.bootstrap's interval without drawing N pictures a
    time (milliseconds instead of seconds at N = 10,000). Vectors that never or
    always differ give an interval of no width.
    """
    a, b = correctness(correct_a, correct_b)
    n, gains, losses = len(a), int((b & ~a).sum()), int((a & ~b).sum())
    estimate = (gains - losses) / n
    if max(gains, losses, n - gains - losses) == n:
        return Interval(estimate, estimate, estimate, checked_level(level))
    shares = np.array([losses, n - gains - losses, gains]) / n
    counts = np.random.default_rng(seed).multinomial(n, shares, size=resamples)
    draws = (counts[:, 2] - counts[:, 0]) / n
    # Bias: how far the median of the draws is from the estimate; ties count half, for the draws are discrete.
    below = np.mean(draws < estimate) + np.mean(draws == estimate) / 2
    bias = stats.norm.ppf(np.clip(below, 0.5 / resamples, 1 - 0.5 / resamples))
    # Acceleration of a mean: a sixth of the skewness of the values over sqrt(n).
    values = np.array([-1, 0, 1]) - estimate
    acceleration = (shares @ values**3) / (shares @ values**2) ** 1.5 / (6 * np.sqrt(n))
    z = bias + stats.norm.ppf([(1 - checked_level(level)) / 2, (1 + level) / 2])
    low, high = np.quantile(draws, stats.norm.cdf(bias + z / (1 - acceleration * z)))
    return Interval(estimate, float(low), float(high), level)
