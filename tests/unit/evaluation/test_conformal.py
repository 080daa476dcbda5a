"""Conformal sets: thresholds by the book, scores by slow loops, and coverage as promised over many splits."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import beta

from fashionlab.common.records import Predictions
from fashionlab.evaluation.conformal import (
    COVERAGES,
    METHODS,
    aps_scores,
    assess,
    lac_scores,
    prediction_sets,
    threshold,
)


def drawn(seed: int, split: str, n: int = 500, classes: int = 5, scale: float = 2.0) -> Predictions:
    """An overconfident model: labels follow the softmax of logits, which it shows twice as large."""
    draw = np.random.default_rng(seed)
    hidden = draw.normal(0, 2, (n, classes))
    labels = (softmax(hidden, axis=1).cumsum(axis=1) > draw.random((n, 1))).argmax(axis=1)
    names = tuple(f"class {label}" for label in range(classes))
    return Predictions((scale * hidden).astype(np.float32), labels, np.arange(n), names, split)


def test_the_threshold_is_the_rank_of_the_book():
    scores = np.random.default_rng(0).permutation(np.arange(1, 100)) / 1000
    assert threshold(scores, 0.90) == 0.090  # ceil(100 * 0.9) = 90th of 99
    assert threshold(scores, 0.95) == 0.095
    assert threshold(scores, 0.99) == 0.099
    assert threshold(scores[:98], 0.99) == 1.0  # 99th of 98: too few for the promise
    assert threshold(np.array([]), 0.9) == 1.0


@given(st.integers(1, 400), st.sampled_from(COVERAGES))
def test_the_threshold_is_the_quantile_of_numpy(n, coverage):
    scores = np.random.default_rng(n).random(n)
    level = math.ceil(round((n + 1) * coverage, 9)) / n
    expected = 1.0 if level > 1 else np.quantile(scores, level, method="inverted_cdf")
    assert threshold(scores, coverage) == pytest.approx(expected)


def test_adaptive_scores_equal_a_slow_loop():
    draw = np.random.default_rng(1)
    probabilities, draws = draw.dirichlet(np.ones(6), 50), draw.random(50)
    computed = aps_scores(probabilities, draws)
    for row, u, scores in zip(probabilities, draws, computed, strict=True):
        for label, p in enumerate(row):
            assert scores[label] == pytest.approx(sum(q for q in row if q > p) + u * p)
    assert (lac_scores(probabilities, draws) == 1 - probabilities).all()


@pytest.mark.slow
def test_coverage_is_as_promised_over_many_splits():
    """The promise is on average over validation and test pictures; the coverage of one split follows a beta
    distribution (Angelopoulos & Bates 2023, 3.2), so its mean over 200 splits is known to a third of a point."""
    coverages = {(method, promised): [] for method in METHODS for promised in COVERAGES}
    for seed in range(200):
        for row in assess(drawn(2 * seed, "val", n=200), drawn(2 * seed + 1, "test", n=300)):
            coverages[row.method, row.promised].append(row.coverage.estimate)
    for (_, promised), shares in coverages.items():
        rank = math.ceil(round(201 * promised, 9))
        law = beta(rank, 201 - rank)
        spread = math.sqrt(law.var() + law.mean() * (1 - law.mean()) / 300)
        assert np.mean(shares) == pytest.approx(law.mean(), abs=3 * spread / math.sqrt(200))
        assert np.std(shares) == pytest.approx(spread, rel=0.2)


def test_rows_say_what_the_sets_are():
    validation, test = drawn(3, "val"), drawn(4, "test")
    rows = assess(validation, test)
    json.dumps([row.as_json() for row in rows], allow_nan=False)
    assert [(row.method, row.promised) for row in rows] == [(m, c) for m in METHODS for c in COVERAGES]
    for row in rows:
        sets = prediction_sets(test, row.method, row.threshold)
        members = [set(np.flatnonzero(line)) for line in sets]
        held = [label in member for label, member in zip(test.labels, members, strict=True)]
        assert row.coverage.estimate == pytest.approx(np.mean(held))
        assert row.coverage.low < row.coverage.estimate < row.coverage.high
        assert row.mean_size == pytest.approx(np.mean([len(member) for member in members]))
        assert row.singletons == pytest.approx(np.mean([len(member) == 1 for member in members]))
        assert row.empty == pytest.approx(np.mean([not member for member in members]))
        by_class = {f"class {k}": np.mean([h for h, label in zip(held, test.labels, strict=True) if label == k])
                    for k in range(5)}
        worst = row.worst_class
        assert worst.coverage == pytest.approx(min(by_class.values())) == by_class[worst.class_]
        assert worst.n == (test.labels == test.classes.index(worst.class_)).sum()


def test_larger_promises_give_larger_sets():
    rows = assess(drawn(5, "val"), drawn(6, "test"))
    for method in METHODS:
        sizes = [row.mean_size for row in rows if row.method == method]
        assert sizes == sorted(sizes)


def test_too_few_validation_pictures_let_every_class_in():
    test = drawn(8, "test", n=40)
    for row in assess(drawn(7, "val", n=5), test):
        assert (row.mean_size, row.coverage.estimate, row.empty) == (5, 1, 0)


def test_the_same_predictions_give_the_same_sets_and_one_picture_is_enough():
    validation, test = drawn(9, "val"), drawn(10, "test", n=1)
    assert assess(validation, test) == assess(validation, test)
    assert assess(validation, test)[0].worst_class.n == 1
