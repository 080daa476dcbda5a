"""Shares and AUROC against statsmodels, a slow loop and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from fashionlab.common.errors import DataError
from fashionlab.evaluation.proportions import auroc, share

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=30)  # whole numbers: many ties


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_share_against_statsmodels(counts: tuple[int, int]) -> None:
    count, n = counts
    interval = share(count, n)
    assert interval.estimate == count / n and interval.level == 0.95
    np.testing.assert_allclose([interval.low, interval.high], proportion_confint(count, n, method="wilson"), atol=1e-12)


@given(scores, scores)
def test_auroc_against_pairs(negative: list[int], positive: list[int]) -> None:
    wins = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    interval = auroc(np.array(negative, float), np.array(positive, float))
    assert interval.estimate == pytest.approx(np.mean(wins))
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    assert interval.high - interval.low > 0, "a few pictures never make us certain"
    mirrored = auroc(np.array(positive, float), np.array(negative, float))
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - interval.high, 1 - interval.low), abs=1e-9)


@pytest.mark.slow
def test_the_interval_of_auroc_covers() -> None:
    """Normal scores whose distance gives the AUROC `true`; 300 repetitions, so that 95 % comes out as 95 +- 3."""
    true, n = 0.9, 60
    draw = np.random.default_rng(0)
    distance = np.sqrt(2) * norm.ppf(true)
    covered = 0
    for _ in range(300):
        interval = auroc(draw.normal(size=n), draw.normal(distance, size=n))
        covered += interval.low <= true <= interval.high
    assert 0.92 <= covered / 300 <= 0.98


def test_more_pictures_make_it_narrower() -> None:
    widths = []
    for n in (10, 100, 1000):
        interval = auroc(np.zeros(n), np.ones(n))
        assert interval.estimate == interval.high == 1
        widths.append(interval.high - interval.low)
    assert widths[0] > widths[1] > widths[2] > 0


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(DataError):
        share(0, 0)
    for negative, positive in ((0, 3), (3, 0)):
        with pytest.raises(DataError):
            auroc(np.zeros(negative), np.zeros(positive))
