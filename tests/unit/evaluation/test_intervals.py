"""Bootstrap intervals over pictures against scipy's, against slow resampling, and by how often they cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax
from sklearn import metrics as sklearn

from fashionlab.common.records import Predictions
from fashionlab.evaluation.intervals import bootstrap, intervals, statistics
from fashionlab.evaluation.metrics import METRICS, headings


def drawn(seed: int, n: int = 500, classes: int = 4, sharpness: float = 1.0) -> Predictions:
    """Predictions whose labels are drawn from their own probabilities: perfectly calibrated at sharpness 1."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2, (n, classes))
    labels = (softmax(logits, axis=1).cumsum(axis=1) > draw.random((n, 1))).argmax(axis=1)
    names = tuple(f"class {label}" for label in range(classes))
    return Predictions((sharpness * logits).astype(np.float32), labels, np.arange(n), names, "test")


def taken(predictions: Predictions, places: np.ndarray) -> Predictions:
    return Predictions(predictions.logits[places], predictions.labels[places], np.arange(len(places)),
                       predictions.classes, predictions.split)


def test_estimates_are_the_metrics_themselves():
    predictions = drawn(0)
    for name, interval in intervals(predictions, resamples=50).items():
        assert interval.estimate == METRICS[name](predictions)
        assert interval.low <= interval.estimate <= interval.high


# The equal-mass bins of a resample would lie elsewhere: they are held where the sample put them.
@pytest.mark.parametrize("name", sorted(statistics(drawn(0)).keys() - {"ece_equal_mass"}))
def test_each_resample_is_the_metric_of_the_resampled_pictures(name):
    predictions = drawn(1, n=120)
    draws = np.random.default_rng(3)
    resamples = [draws.integers(0, 120, 120) for _ in range(40)]
    values = np.sort([METRICS[name](taken(predictions, rows)) for rows in resamples])
    signed = {name: replace(statistics(predictions)[name], absolute=False)}
    for level in (0.5, 0.9, 0.99):
        interval = bootstrap(signed, level=level, resamples=40, seed=3)[name]
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        assert interval.low == pytest.approx(min(low, interval.estimate))
        assert interval.high == pytest.approx(max(high, interval.estimate))


@pytest.mark.parametrize("name", ["accuracy", "nll"])
def test_agrees_with_scipy(name):
    predictions = drawn(2, n=800)
    values = statistics(predictions, [name])[name].columns.toarray()[:, 0]
    oracle = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0))
    interval = intervals(predictions, resamples=4000)[name]
    width = interval.high - interval.low
    assert interval.low == pytest.approx(oracle.confidence_interval.low, abs=0.05 * width)
    assert interval.high == pytest.approx(oracle.confidence_interval.high, abs=0.05 * width)


def test_the_interval_of_a_calibration_error_allows_for_the_gaps_of_chance():
    """Below: 1.96 standard errors of resamples, and the ECE that a calibrated model as often right would show."""
    predictions = drawn(3, n=2000, sharpness=3.0)
    interval = intervals(predictions)["ece"]
    confidence, right = predictions.probabilities.max(axis=1), predictions.predicted == predictions.labels
    which = np.clip(np.ceil(confidence * 15) - 1, 0, 14).astype(int)
    draw = np.random.default_rng(0)

    def ece(places: np.ndarray, truth: np.ndarray) -> float:
        gaps = np.bincount(which[places], weights=(confidence - truth)[places], minlength=15)
        return float(np.abs(gaps).sum() / 2000)

    error = np.std([ece(draw.integers(0, 2000, 2000), right) for _ in range(1000)])
    assert interval.high == pytest.approx(interval.estimate + 1.96 * error, rel=0.01)
    # Chance as it is in each bin: right as often as there, by chance alone.
    share = (np.bincount(which, weights=right, minlength=15) / np.maximum(1, np.bincount(which, minlength=15)))[which]
    alone = np.mean([np.abs(np.bincount(which, weights=(draw.random(2000) < share) - share)).sum() / 2000
                     for _ in range(1000)])
    assert interval.estimate - 1.96 * error - 2 * alone < interval.low < interval.estimate - 1.96 * error - 0.9 * alone


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    predictions = drawn(4)
    assert intervals(predictions, resamples=100) == intervals(predictions, resamples=100)
    assert intervals(predictions, resamples=100) != intervals(predictions, resamples=100, seed=1)


def test_perfect_and_single_predictions_have_intervals_without_width():
    labels = np.arange(20) % 4
    perfect = replace(drawn(5, n=20), logits=(100 * np.eye(4)[labels]).astype(np.float32), labels=labels)
    assert (intervals(perfect)["accuracy"].low, intervals(perfect)["ece"].high) == (1.0, 0.0)
    for name, interval in intervals(drawn(6, n=1)).items():
        assert interval.high == pytest.approx(interval.estimate)
        assert name.startswith("ece") or interval.low == pytest.approx(interval.estimate)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true:UserWarning")
@pytest.mark.parametrize("name", ["macro_precision", "macro_recall", "macro_f1", "balanced_accuracy"])
def test_classes_without_pictures_count_as_scikit_learn_counts_them(name):
    """One class has neither pictures nor answers, one so few that many a resample lacks it: each resample has the mean
    that scikit-learn gives by default for its labels."""
    predictions = drawn(7, n=30)
    logits, labels = predictions.logits.copy(), predictions.labels % 2
    logits[:, 2:] = -100
    labels[0], logits[0, 3] = 3, 100
    predictions = replace(predictions, logits=logits, labels=labels)
    draws = np.random.default_rng(5)
    resamples = [draws.integers(0, 30, 30) for _ in range(200)]
    assert {len({*labels[rows], *predictions.predicted[rows]}) for rows in resamples} == {2, 3}
    oracle = {"macro_precision": sklearn.precision_score, "macro_recall": sklearn.recall_score,
              "macro_f1": sklearn.f1_score, "balanced_accuracy": sklearn.balanced_accuracy_score}[name]
    how = {} if name == "balanced_accuracy" else {"average": "macro", "zero_division": 0}
    values = [oracle(labels[rows], predictions.predicted[rows], **how) for rows in resamples]
    for level in (0.2, 0.95):
        interval = bootstrap(statistics(predictions, [name]), level=level, resamples=200, seed=5)[name]
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        assert interval.low == pytest.approx(min(low, interval.estimate))
        assert interval.high == pytest.approx(max(high, interval.estimate))
    assert interval.estimate == pytest.approx(oracle(labels, predictions.predicted, **how))


def test_a_metric_without_an_interval_is_named():
    with pytest.raises(ValueError, match="micro_f1 has no interval"):
        statistics(drawn(0), ["micro_f1"])


def test_every_metric_shown_with_its_interval_has_one():
    assert set(headings("calibration")) | set(headings("summary")) <= set(statistics(drawn(0)))


def test_no_figures_need_no_pictures():
    assert bootstrap({}) == {}


@pytest.mark.slow
@pytest.mark.parametrize("sharpness", [1.0, 2.0])
def test_intervals_cover_the_truth(sharpness):
    """200 samples of 500 pictures, from a calibrated and an overconfident model: 95 % of 200 is 190 +- 3.1."""
    whole = drawn(8, n=100_000, sharpness=sharpness)
    names = ["accuracy", "macro_f1", "brier", "ece"]
    truth = {name: METRICS[name](whole) for name in names}
    held = dict.fromkeys(names, 0)
    for i, places in enumerate(np.random.default_rng(9).integers(0, 100_000, (200, 500))):
        for name, interval in bootstrap(statistics(taken(whole, places), names), resamples=200, seed=i).items():
            held[name] += interval.low <= truth[name] <= interval.high
    shares = {name: count / 200 for name, count in held.items()}
    assert all(0.92 <= shares[name] <= 0.98 for name in names[:-1]), shares
    assert shares["ece"] >= 0.95, shares
