"""Tests of trained models on the same pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats import contingency_tables

from fashionlab.common.errors import DataError
from fashionlab.studies.statistics.checks import correctness


@dataclass(frozen=True)
class McNemar:
    """Pictures that only the first and only the second model got right, and the exact two-sided p."""

    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class CochransQ:
    """Q and its p (chi-squared with models - 1 degrees of freedom)."""

    statistic: float
    p: float


def mcnemar_exact(correct_a: ArrayLike, correct_b: ArrayLike) -> McNemar:
    """McNemar's exact test that two models are right equally often (McNemar 1947; binomial on the discordant pictures).

    correct_a, correct_b: bool [N], right or wrong on the same pictures.
    """
    a, b = correctness(correct_a, correct_b)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    table = np.array([[int((a & b).sum()), only_a], [only_b, int((~a & ~b).sum())]])
    result: Any = contingency_tables.mcnemar(table, exact=True)
    return McNemar(only_a, only_b, float(result.pvalue))


def cochrans_q(correct: ArrayLike) -> CochransQ:
    """Cochran's Q test that several models are right equally often (Cochran 1950).

    correct: bool [models, N], at least 2 models. Models that agree on every picture give Q = 0 and p = 1.
    """
    rows = np.asarray(correct)
    if rows.ndim != 2 or len(rows) < 2:
        raise DataError("Cochran's Q: expected right or wrong of at least 2 models, [models, pictures]")
    table = np.stack(correctness(*rows)).astype(int)
    if (table == table[0]).all():
        return CochransQ(0.0, 1.0)
    result: Any = contingency_tables.cochrans_q(table.T)
    return CochransQ(float(result.statistic), float(result.pvalue))
