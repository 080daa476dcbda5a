"""Statistics against published worked examples, against R's and scipy's answers, and on what cannot be computed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.records import Interval
from fashionlab.evaluation.proportions import share
from fashionlab.studies.statistics import (
    TESTS,
    cochrans_q,
    holm,
    mcnemar_exact,
    mean_interval,
    paired_bootstrap,
    paired_difference,
    paired_equivalence,
    paired_permutation,
    paired_t_test,
)

# Student 1908, hours of sleep gained with two drugs; R's data set `sleep`.
SLEEP_A = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_B = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Darwin's maize, crossed minus selfed, in eighths of an inch; Fisher 1935, The Design of Experiments, 17 and 21.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def answers(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Right-or-wrong vectors with these counts."""
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return a, b


@pytest.mark.parametrize(("successes", "n", "low", "high"), [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)])
def test_wilsons_interval_is_newcombes_table(successes, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    found = share(successes, n)
    assert (round(found.low, 4), round(found.high, 4), found.estimate) == (low, high, successes / n)


def test_the_paired_interval_and_test_are_students():
    """R: t.test(sleep$extra[11:20], sleep$extra[1:10], paired = TRUE)."""
    found = paired_difference(SLEEP_A, SLEEP_B)
    assert (found.estimate, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858))
    assert paired_t_test(SLEEP_A, SLEEP_B) == pytest.approx(0.002833, abs=5e-7)
    differences = np.subtract(SLEEP_B, SLEEP_A)
    assert mean_interval(differences) == found
    assert mean_interval(differences, 0.9).low > found.low


def test_fishers_permutation_test_of_darwins_maize():
    """863 of the 32,768 sign patterns give a sum of at least 314, and as many one of at most -314."""
    zeros = [0] * 15
    assert paired_permutation(zeros, MAIZE) == pytest.approx(2 * 863 / 2**15)
    assert paired_t_test(zeros, MAIZE) == pytest.approx(0.0497, abs=5e-5)


@given(st.lists(st.integers(-20, 20), min_size=2, max_size=7))
def test_the_permutation_test_counts_every_sign_pattern(differences):
    sums = np.array([np.dot(signs, differences) for signs in itertools.product((-1, 1), repeat=len(differences))])
    one_sided = min(np.mean(sums >= sum(differences)), np.mean(sums <= sum(differences)))
    expected = min(1.0, 2 * one_sided)
    assert paired_permutation(np.zeros(len(differences)), differences) == pytest.approx(expected)


@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_the_smallest_p_of_n_seeds(n):
    assert paired_permutation(np.zeros(n), np.arange(1, n + 1)) == 2 / 2**n


def test_many_pairs_are_sampled_the_same_way_each_time():
    differences = np.random.default_rng(0).normal(0.4, 1, 30)
    p = paired_permutation(np.zeros(30), differences)
    assert p == paired_permutation(np.zeros(30), differences) != paired_permutation(np.zeros(30), differences, seed=1)
    assert p == pytest.approx(paired_t_test(np.zeros(30), differences), abs=0.01)


def test_mcnemars_exact_test_is_agrestis_and_rs():
    """Agresti 1990, p. 350 (presidential approval; R: binom.test(86, 236)), and the example of R's exact2x2."""
    found = mcnemar_exact(*answers(794, 150, 86, 570))
    assert (found.only_a, found.only_b) == (150, 86)
    assert found.p == pytest.approx(3.716e-05, abs=5e-9)
    assert mcnemar_exact(*answers(21, 2, 9, 12)).p == pytest.approx(0.06543, abs=5e-6)
    assert mcnemar_exact(*answers(5, 0, 0, 5)).p == mcnemar_exact(*answers(5, 3, 3, 5)).p == 1


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_exact_test_is_a_binomial_test(only_a, only_b):
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar_exact(*answers(3, only_a, only_b, 2)).p == pytest.approx(expected)


def test_cochrans_q_is_that_of_the_sas_manual():
    """SAS/STAT, PROC FREQ, "Cochran's Q test": three drugs, 46 patients, Q = 8.4706, p = 0.0145."""
    outcomes = {"FFF": 6, "UFF": 2, "FFU": 16, "UFU": 4, "FUF": 2, "UUF": 6, "FUU": 4, "UUU": 6}
    table = np.array([[letter == "F" for letter in drugs] for drugs, n in outcomes.items() for _ in range(n)]).T
    found = cochrans_q(table)
    assert (round(found.statistic, 4), round(found.p, 4)) == (8.4706, 0.0145)


def test_cochrans_q_of_two_models_is_mcnemars_chi_squared():
    """Without continuity correction, (b - c)^2 / (b + c): Agresti's 17.36."""
    found = cochrans_q(np.array(answers(794, 150, 86, 570)))
    assert found.statistic == pytest.approx(64**2 / 236)


def test_cochrans_q_of_models_that_agree_finds_nothing():
    a, _ = answers(3, 2, 0, 0)
    assert (cochrans_q([a, a, a]).statistic, cochrans_q([a, a, a]).p) == (0, 1)


def test_holms_correction_by_hand():
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1 raised to the one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holms_correction_by_a_slow_loop(p_values):
    expected, highest = [0.0] * len(p_values), 0.0
    for step, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - step) * p_values[place]))
        expected[place] = highest
    assert holm(p_values) == pytest.approx(expected)


@pytest.mark.parametrize("margin", [0.5, 1.5, 2.2, 2.29, 2.30, 3.0])
def test_equivalence_is_shown_when_the_90_percent_interval_lies_inside(margin):
    inside = paired_difference(SLEEP_A, SLEEP_B, 0.90)
    shown = -margin < inside.low and inside.high < margin
    assert (paired_equivalence(SLEEP_A, SLEEP_B, margin) < 0.05) == shown
    larger = max(stats.ttest_rel(SLEEP_B, np.add(SLEEP_A, side), alternative=which).pvalue
                 for side, which in ((-margin, "greater"), (margin, "less")))
    assert paired_equivalence(SLEEP_A, SLEEP_B, margin) == pytest.approx(larger)


@pytest.mark.parametrize("counts", [(9200, 180, 120, 500), (50, 3, 9, 38), (400, 1, 0, 99), (0, 30, 70, 0)])
def test_the_paired_bootstrap_is_scipys_bca_interval(counts):
    a, b = answers(*counts)
    n = len(a)
    values = b.astype(float) - a
    found = paired_bootstrap(a, b, resamples=20_000)
    oracle = stats.bootstrap((values,), np.mean, n_resamples=20_000 if n < 1000 else 4000, batch=50, method="BCa",
                             rng=np.random.default_rng(1)).confidence_interval
    assert found.estimate == pytest.approx(values.mean())
    assert found.low == pytest.approx(oracle.low, abs=max(0.06 * (found.high - found.low), 1 / n + 1e-12))
    assert found.high == pytest.approx(oracle.high, abs=max(0.06 * (found.high - found.low), 1 / n + 1e-12))


def test_the_paired_bootstrap_is_seeded_and_has_no_width_where_nothing_varies():
    a, b = answers(50, 5, 9, 38)
    assert paired_bootstrap(a, b) == paired_bootstrap(a, b)
    assert paired_bootstrap(a, b, resamples=500) != paired_bootstrap(a, b, resamples=500, seed=1)
    assert paired_bootstrap(a, a) == Interval(0.0, 0.0, 0.0)
    assert paired_bootstrap([False], [True], level=0.9) == Interval(1.0, 1.0, 1.0, 0.9)


@pytest.mark.parametrize("test", TESTS.values())
def test_differences_without_spread_neither_crash_nor_convince(test):
    """0.9 - 0.8 and 0.7 - 0.6 differ in the last bit: a t test would divide by that."""
    assert test([0.8, 0.6], [0.9, 0.7]) == 0.5
    assert test([0.8] * 7, [0.9] * 7) == 2 / 2**7
    assert test([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]) == 1
    assert test([0, 0], [0, 0]) == 1


def test_equivalence_without_spread():
    assert paired_equivalence([0.8, 0.6], [0.9, 0.7], 0.11) == 0
    assert paired_equivalence([0.8, 0.6], [0.9, 0.7], 0.09) == 1
    assert paired_equivalence([0.5, 0.6], [0.5, 0.6], 0.0) == 1
    found = paired_difference([0.8, 0.6], [0.9, 0.7])
    assert found.low == found.high == found.estimate == pytest.approx(0.1)


@pytest.mark.parametrize(("call", "word"), [
    (lambda: mean_interval([0.9]), "1 given, at least 2"),
    (lambda: mean_interval([]), "0 given, at least 2"),
    (lambda: mean_interval([[1, 2]]), "one row"),
    (lambda: mean_interval([0.9, float("nan")]), "finite"),
    (lambda: paired_difference([1, 2, 3], [1, 2]), "3 on one side, 2 on the other"),
    (lambda: paired_t_test([1], [2]), "at least 2"),
    (lambda: paired_permutation([1], [2]), "at least 2"),
    (lambda: share(3, 2), "3 in 2"),
    (lambda: share(0, 0), "n at least 1"),
    (lambda: mcnemar_exact([True], [True, False]), "1, 2 pictures"),
    (lambda: mcnemar_exact([], []), "at least one"),
    (lambda: mcnemar_exact([2, 3], [1, 0]), "true and false"),
    (lambda: cochrans_q([[True, False]]), "at least 2 models"),
    (lambda: cochrans_q([True, False]), "at least 2 models"),
    (lambda: holm([0.5, 1.5]), "from 0 to 1"),
])
def test_what_cannot_be_computed_says_why(call, word):
    with pytest.raises(DataError, match=word):
        call()


@pytest.mark.parametrize("call", [
    lambda: mean_interval([1, 2], 95), 
    lambda: paired_equivalence([1], [1], -1)])
def test_wrong_settings_are_refused(call):
    with pytest.raises(UsageError, match="expected"):
        call()
