"""What the statistics promise, measured: wrong claims in 5 % +- 1 of 2,000 repetitions, intervals that cover 95 % +- 1.

The standard error of a share of 5 % in 2,000 repetitions is 0.5 points, so +- 1 point is two of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fashionlab.evaluation.proportions import share
from fashionlab.studies.statistics import (
    judge,
    mean_interval,
    paired_bootstrap,
    paired_difference,
    paired_equivalence,
    paired_permutation,
    paired_t_test,
)

pytestmark = pytest.mark.slow
REPETITIONS = 2000


def pairs(seeds: int, difference: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two recipes' accuracies, [REPETITIONS, seeds]: the seed moves both (split, order), the rest is each one's own."""
    draw = np.random.default_rng(seed)
    shared = draw.normal(0.93, 0.002, (REPETITIONS, seeds))
    first, second = draw.normal(0, 0.001, (2, REPETITIONS, seeds))
    return shared + first, shared + second + difference


@pytest.mark.parametrize("seeds", [3, 5])
def test_the_t_test_is_wrong_in_5_percent(seeds):
    wrong = np.mean([paired_t_test(a, b) < 0.05 for a, b in zip(*pairs(seeds), strict=True)])
    assert wrong == pytest.approx(0.05, abs=0.01)


def test_the_permutation_test_is_wrong_in_5_percent():
    wrong = np.mean([paired_permutation(a, b) < 0.05 for a, b in zip(*pairs(8), strict=True)])
    assert wrong == pytest.approx(0.05, abs=0.01)


def test_the_permutation_test_of_5_seeds_is_never_wrong_as_it_never_claims():
    assert not any(paired_permutation(a, b) < 0.05 for a, b in zip(*(part[:100] for part in pairs(5)), strict=True))


def test_equivalence_is_claimed_wrongly_in_5_percent_at_the_margin():
    wrong = np.mean([paired_equivalence(a, b, 0.002) < 0.05 for a, b in zip(*pairs(6, difference=0.002), strict=True)])
    assert wrong == pytest.approx(0.05, abs=0.01)


def words(arms: int, difference: float, smallest_difference: float, repetitions: int = REPETITIONS) -> list[set[str]]:
    """The words of many studies with 6 seeds whose arms all differ by `difference` from the baseline."""
    draw = np.random.default_rng(1)
    baselines = draw.normal(0.93, 0.002, (repetitions, 6))
    results = baselines[:, None] + draw.normal(difference, 0.001, (repetitions, arms, 6))
    found = []
    for baseline, values in zip(baselines, results, strict=True):
        verdicts = judge(dict(enumerate(baseline)), {str(i): dict(enumerate(row)) for i, row in enumerate(values)},
                         smallest_difference=smallest_difference)
        found.append({verdict.word for verdict in verdicts.values()})
    return found


def test_a_verdict_claims_a_difference_where_there_is_none_in_5_percent():
    found = words(arms=1, difference=0.0, smallest_difference=0.0)
    assert np.mean([bool({"better", "worse"} & each) for each in found]) == pytest.approx(0.05, abs=0.01)


def test_any_of_three_verdicts_claims_a_difference_where_there_is_none_in_5_percent():
    found = words(arms=3, difference=0.0, smallest_difference=0.0, repetitions=500)
    assert np.mean([bool({"better", "worse"} & each) for each in found]) == pytest.approx(0.05, abs=0.02)


def test_a_verdict_of_equivalence_is_wrong_in_5_percent_at_the_margin():
    found = words(arms=1, difference=0.002, smallest_difference=0.002, repetitions=500)
    assert np.mean(["equivalent" in each for each in found]) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_t_intervals_cover(n):
    a, b = pairs(n, difference=0.001, seed=2)
    paired = [paired_difference(x, y) for x, y in zip(a, b, strict=True)]
    assert np.mean([found.low <= 0.001 <= found.high for found in paired]) == pytest.approx(0.95, abs=0.01)
    single = [mean_interval(row) for row in a]
    assert np.mean([found.low <= 0.93 <= found.high for found in single]) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("n", [100, 400])
def test_wilsons_interval_covers_on_average(n):
    """Exact: the chance of each count, for shares from 1 to 99 %. Wilson's is right on average, not for every share."""
    found = [share(count, n) for count in range(n + 1)]
    low, high = np.array([each.low for each in found]), np.array([each.high for each in found])
    shares = np.linspace(0.01, 0.99, 99)
    held = (low[:, None] <= shares) & (shares <= high[:, None])
    covered = (stats.binom.pmf(np.arange(n + 1)[:, None], n, shares) * held).sum(axis=0)
    assert covered.mean() == pytest.approx(0.95, abs=0.01)
    assert covered.min() > 0.90


def test_the_paired_bootstrap_covers():
    """2,000 pictures, of which one model wins 3 % and the other 4 %."""
    counts = np.random.default_rng(3).multinomial(2000, [0.03, 0.93, 0.04], REPETITIONS)
    held = 0
    for only_a, same, only_b in counts:
        a = np.repeat([True, True, False], [only_a, same, only_b])
        b = np.repeat([False, True, True], [only_a, same, only_b])
        found = paired_bootstrap(a, b, resamples=999)
        held += found.low <= 0.01 <= found.high
    assert held / REPETITIONS == pytest.approx(0.95, abs=0.01)
