"""Verdicts: each word when it is due, honesty about failures and few seeds, and how many seeds more would decide."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from fashionlab.common.errors import UsageError
from fashionlab.studies.statistics import holm, judge, paired_difference, paired_equivalence, paired_t_test
from fashionlab.studies.statistics.verdicts import Values

BASE = {0: 0.930, 1: 0.932, 2: 0.931, 3: 0.929, 4: 0.933}


def plus(*gains: float | None) -> Values:
    return {seed: None if gain is None else BASE[seed] + gain for seed, gain in enumerate(gains)}


BETTER, WORSE = plus(0.010, 0.011, 0.009, 0.010, 0.012), plus(-0.010, -0.011, -0.009, -0.010, -0.012)
SAME, SMALL = plus(0.0002, -0.0001, 0, 0.0001, -0.0002), plus(0.0005, 0.0006, 0.0004, 0.0005, 0.0006)
UNCLEAR = plus(0.004, -0.003, 0.005, -0.002, 0.003)


def one(arm: Values, baseline: Values = BASE, **settings: object):
    return judge(baseline, {"arm": arm}, **{"smallest_difference": 0.002, **settings})["arm"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("arm", "word"), [
    (BETTER, "better"), (WORSE, "worse"), (SAME, "equivalent"), (UNCLEAR, "undecided")])
def test_each_word_when_it_is_due(arm, word):
    found = one(arm)
    assert (found.word, found.n, found.failed) == (word, 5, 0)
    json.dumps(asdict(found), allow_nan=False)


def test_a_significant_difference_too_small_to_matter_is_equivalent():
    assert one(SMALL).p_corrected < 0.05
    assert one(SMALL).word == "equivalent"
    assert one(SMALL, smallest_difference=0.0).word == "better"


def test_where_lower_is_better_the_words_turn_round():
    assert one(BETTER, higher_is_better=False).word == "worse"
    assert one(WORSE, higher_is_better=False).word == "better"
    assert one(WORSE, higher_is_better=False).difference.estimate < 0
    assert one(SAME, higher_is_better=False).word == "equivalent"


def test_a_verdict_holds_the_evidence():
    arms = {"better": BETTER, "unclear": UNCLEAR, "same": SAME}
    verdicts = judge(BASE, arms, smallest_difference=0.002)
    baseline = list(BASE.values())
    p = [paired_t_test(baseline, list(arm.values())) for arm in arms.values()]
    same = [paired_equivalence(baseline, list(arm.values()), 0.002) for arm in arms.values()]
    assert list(verdicts) == list(arms)
    assert [verdict.p for verdict in verdicts.values()] == p
    assert [verdict.p_corrected for verdict in verdicts.values()] == holm(p)
    assert [verdict.p_equivalence for verdict in verdicts.values()] == holm(same)
    assert verdicts["better"].difference == paired_difference(baseline, list(BETTER.values()))


def test_more_comparisons_ask_for_more_evidence():
    arm = plus(0.004, 0.001, 0.005, 0.002, 0.007)
    assert one(arm, smallest_difference=0.001).word == "better"
    crowd = {f"arm {i}": UNCLEAR for i in range(9)}
    assert judge(BASE, {"arm": arm, **crowd}, smallest_difference=0.001)["arm"].word == "undecided"
    # Declared arms count even before they have data.
    empty = {f"arm {i}": {} for i in range(9)}
    assert judge(BASE, {"arm": arm, **empty}, smallest_difference=0.001)["arm"].word == "undecided"


@pytest.mark.parametrize("arm", [{}, {0: 0.99}, {0: 0.99, 7: 0.99}, {0: 0.99, 1: None}])
def test_fewer_than_two_complete_seeds_are_undecided(arm):
    found = one(arm)
    assert (found.word, found.difference, found.p, found.more_seeds) == ("undecided", None, None, None)
    assert "at least 2" in found.reason


def test_seeds_are_matched_by_number_not_by_place():
    arm = {seed: value + 0.01 for seed, value in reversed(BASE.items())} | {9: 0.1}
    assert one({**arm, 0: arm[0] + 0.0001}).difference.estimate == pytest.approx(0.01002)


def test_no_arms_no_verdicts():
    assert judge(BASE, {}, smallest_difference=0.002) == {}


def test_failures_count_against_their_side():
    failing = {**BASE, 5: None}
    assert one({**BETTER, 5: None}).word == "undecided"
    assert one({**SAME, 5: None}).word == "undecided"
    assert one({**WORSE, 5: None}).word == "worse"
    assert one({**BETTER, 5: 0.94}, failing).word == "better"
    assert one({**WORSE, 5: 0.92}, failing).word == "undecided"
    assert one({**SAME, 5: 0.93}, failing).word == "undecided"
    found = one({**BETTER, 5: None}, failing)
    assert (found.failed, found.n, found.more_seeds) == (2, 5, None)
    assert "failed runs of the arm: 1" in found.reason and "better" in found.reason


def test_equal_values_in_all_seeds():
    assert one(dict(BASE)).word == "equivalent"
    assert one(dict(BASE), smallest_difference=0).word == "undecided"
    assert one(plus(0.01, 0.01, 0.01, 0.01, 0.01)).word == "undecided"  # p = 2 / 2^5: no spread, no t test
    flat = dict.fromkeys(range(8), 0.5)
    assert one(dict.fromkeys(range(8), 0.6), flat).word == "better"


def test_the_permutation_test_cannot_decide_with_five_seeds():
    found = one(BETTER, test="permutation")
    assert (found.word, found.p) == ("undecided", 2 / 2**5)
    assert found.more_seeds == 1  # 2 / 2^6 is below 0.05
    six = {**BASE, 5: 0.931}
    assert one({**BETTER, 5: 0.9415}, six, test="permutation").word == "better"


def test_more_seeds_would_decide_with_the_promised_chance():
    """As many seeds as are asked for, drawn with the observed mean and spread, decide in about 80 % of repetitions."""
    verdict = one(UNCLEAR, smallest_difference=0.001)
    gains = np.array(list(UNCLEAR.values())) - np.array(list(BASE.values()))
    seeds = 5 + verdict.more_seeds
    draws = np.random.default_rng(0).normal(gains.mean(), gains.std(ddof=1), (2000, seeds))
    decided = np.mean(stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05)
    assert decided == pytest.approx(0.80, abs=0.03)


def test_more_seeds_to_show_equivalence():
    gains = np.array([0.003, -0.003, 0.002, -0.002, 0.0])
    verdict = one(plus(*gains))
    assert verdict.word == "undecided"
    seeds = 5 + verdict.more_seeds
    draws = np.random.default_rng(1).normal(0, gains.std(ddof=1), (2000, seeds))
    shown = np.mean([stats.ttest_1samp(draws, side, axis=1, alternative=which).pvalue < 0.05
                     for side, which in ((-0.002, "greater"), (0.002, "less"))], axis=0) == 1
    shown = np.mean(shown)
    assert shown == pytest.approx(0.80, abs=0.05)


def test_what_no_thousand_seeds_would_decide():
    noise = plus(0.0001, -0.0001, 0.0001, -0.0001, 0.000001)
    assert one(noise, smallest_difference=0).more_seeds is None


@pytest.mark.parametrize(("settings", "word"), [
    ({"test": "paired_tt"}, "did you mean 'paired_t'"), ({"smallest_difference": -1.0}, "-1.0"),
    ({"smallest_difference": float("nan")}, "nan"), ({"level": 95.0}, "95")])
def test_wrong_settings_are_refused(settings, word):
    with pytest.raises(UsageError, match=word):
        one(BETTER, **settings)
