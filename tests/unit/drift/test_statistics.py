"""Statistics and limits against scipy, slow loops, and simulated chance."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy import stats

from fashionlab.drift import limits
from fashionlab.drift.statistics import kolmogorov_smirnov, stability_index

FEW = arrays(np.float32, st.integers(1, 40), elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0]))
MANY = arrays(np.float32, st.integers(1, 40), elements=st.floats(-5, 5, width=32))


@given(st.one_of(FEW, MANY), st.one_of(FEW, MANY))
def test_the_distance_is_scipy_s_and_a_slow_loop_s(reference: np.ndarray, window: np.ndarray):
    distance = kolmogorov_smirnov(np.sort(reference), window)
    if len(reference) + len(window) > 2:  # there its p-value divides by zero
        assert distance == pytest.approx(stats.ks_2samp(reference, window, method="asymp").statistic)
    values = np.concatenate([reference, window])
    gaps = [abs((reference <= value).mean() - (window <= value).mean()) for value in values]
    assert distance == pytest.approx(max(gaps))


def test_against_a_known_distribution():
    draw = np.random.default_rng(0)
    quantiles = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    for shift in (0.0, 0.3, 3.0):
        window = draw.normal(shift, 1, 500)
        distance = kolmogorov_smirnov(quantiles, window)
        assert distance == pytest.approx(stats.ks_1samp(window, stats.norm.cdf).statistic, abs=1e-4)


@given(st.integers(1, 6).flatmap(lambda bins: st.tuples(
    arrays(np.int64, bins, elements=st.integers(0, 50)), arrays(np.int64, (3, bins), elements=st.integers(0, 50)))))
def test_the_stability_index_is_a_slow_loop_s(drawn: tuple[np.ndarray, np.ndarray]):
    before, now = drawn
    size, bins = int(before.sum()), len(before)
    index = stability_index(before / max(size, 1), now, size)
    for row, counts in enumerate(now.tolist()):
        total = 0.0
        for old, new in zip(before.tolist(), counts, strict=True):
            expected, actual = (old + 0.5) / (size + bins / 2), (new + 0.5) / (sum(counts) + bins / 2)
            total += (actual - expected) * math.log(actual / expected)
        assert index[row] == pytest.approx(total, abs=1e-12) and index[row] >= -1e-12


def test_the_stability_index_of_many_pictures_is_the_plain_one():
    before, now = np.full(5, 0.2), np.array([0.1, 0.15, 0.2, 0.25, 0.3])
    expected = sum((a - e) * math.log(a / e) for a, e in zip(now, before, strict=True))
    assert stability_index(before, now * 1e7, 1e7) == pytest.approx(expected, rel=1e-5)


def test_limits_are_those_of_their_formulas():
    chance = limits.BUDGET / limits.PICTURES / 5
    for bins, above in ((2, 1.24), (10, 1.05), (100, 1.01)):
        exact = stats.chi2.isf(chance, bins - 1) * (1 / 500 + 1 / 5000)
        assert exact <= limits.psi_limit(500, 5000, 5, bins) <= above * exact
    window = limits.ks_limit(500, 10**12, 5)
    assert 2 * math.exp(-2 * 500 * window**2) == pytest.approx(chance, rel=1e-3)
    assert limits.ks_limit(500, 100, 5) > limits.ks_limit(500, 5000, 5) > limits.ks_limit(1000, 5000, 5)


SHARES = {"even": np.full(10, 0.1), "skewed": np.r_[0.5, np.full(9, 0.5 / 9)], "two": np.array([0.5, 0.5]),
          "many": np.full(40, 1 / 40), "rare": np.r_[np.full(9, 0.99 / 9), 0.01]}


CHANCE = 1e-3


@pytest.fixture
def one_window(monkeypatch: pytest.MonkeyPatch):
    """Limits for a single look at one figure, that chance exceeds once in a thousand."""
    monkeypatch.setattr(limits, "PICTURES", 1)
    monkeypatch.setattr(limits, "BUDGET", CHANCE)


@pytest.mark.parametrize("size", [1000, 5000])
@pytest.mark.parametrize("shares", SHARES.values(), ids=SHARES)
def test_chance_exceeds_the_limit_of_the_index_about_as_rarely_as_it_says(one_window, shares, size):
    draw = np.random.default_rng(1)
    limit = limits.psi_limit(500, size, 1, len(shares))
    over = [stability_index(before / size, draw.multinomial(500, shares, 200), size) > limit
            for before in draw.multinomial(size, shares, 500)]
    assert np.mean(over) < 3 * CHANCE


@pytest.mark.parametrize("size", [100, 5000])
@pytest.mark.parametrize("levels", [4, 10**6], ids=["few values", "many values"])
def test_chance_exceeds_the_limit_of_the_distance_more_rarely_than_it_says(one_window, size, levels):
    draw = np.random.default_rng(2)
    limit = limits.ks_limit(500, size, 1)
    over = [kolmogorov_smirnov(reference, draw.integers(0, levels, 500)) > limit
            for reference in np.sort(draw.integers(0, levels, (20, size))) for _ in range(100)]
    assert np.mean(over) < CHANCE
