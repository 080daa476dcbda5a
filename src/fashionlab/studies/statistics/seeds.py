"""Tests over seeds, where each pair is one seed trained both ways, and the correction for several comparisons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from fashionlab.common.errors import DataError, UsageError
from fashionlab.studies.statistics.checks import finite, paired

# Up to this many sign patterns are counted through, all of them; beyond it that many are drawn.
_EXACT_PATTERNS = 2**15


def paired_t_test(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p of Student's paired t test. Raises DataError for fewer than 2 pairs.

    Differences without any spread leave the t test without a denominator: p is then that of `paired_permutation`, which
    needs none. (The limit, p = 0, would call two seeds certain that happened to differ by the same number of pictures.)
    """
    differences = paired(a, b)
    if np.ptp(differences) == 0:
        return paired_permutation(a, b)
    result: Any = stats.ttest_1samp(differences, 0.0)
    return float(result.pvalue)


def paired_permutation(a: ArrayLike, b: ArrayLike, seed: int = 0) -> float:
    """Two-sided p of the paired permutation test: every difference keeps its size, its sign is as good as the other.

    Exact up to 15 pairs; beyond, from 32,768 random patterns drawn with `seed`. The smallest p that n seeds can reach
    is 2 / 2^n: 0.25 with 3 seeds, 0.0625 with 5, 0.03125 with 6, so fewer than 6 can never pass 0.05. Raises DataError
    for fewer than 2 pairs.
    """
    differences = paired(a, b)
    if not differences.any():
        return 1.0
    result = stats.permutation_test((differences,), _mean, permutation_type="samples", vectorized=True,
                                    n_resamples=_EXACT_PATTERNS, rng=np.random.default_rng(seed))
    return float(result.pvalue)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    return values.mean(axis=axis)


# The tests that a study may declare, by name.
TESTS: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "paired_t": paired_t_test,
    "permutation": paired_permutation,
}


def paired_equivalence(a: ArrayLike, b: ArrayLike, margin: float) -> float:
    """p of two one-sided paired t tests that the mean of b - a lies within +-margin (TOST, Schuirmann 1987).

    p < 0.05 exactly when the 90 % t interval of the difference lies inside (-margin, margin). Raises UsageError when
    margin is negative, DataError for fewer than 2 pairs.
    """
    if not margin >= 0:
        raise UsageError(f"the smallest difference that matters is {margin}; expected a number from 0")
    differences = paired(a, b)
    if np.ptp(differences) == 0:
        return 0.0 if abs(differences[0]) < margin else 1.0
    return float(ttost_paired(differences, np.zeros(len(differences)), -margin, margin)[0])


def holm(p_values: Sequence[float] | np.ndarray) -> list[float]:
    """Holm's corrected p values, in the given order: all below 0.05 may be claimed with a 5 % chance that any is wrong
    (Holm 1979). Raises DataError when one is no probability."""
    values = finite(p_values, 0, "p values")
    if not len(values):
        return []
    if values.min() < 0 or values.max() > 1:
        raise DataError("p values: expected numbers from 0 to 1")
    corrected: Any = multipletests(values, method="holm")[1]
    return corrected.tolist()
