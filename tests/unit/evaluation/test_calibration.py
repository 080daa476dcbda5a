"""Calibration methods against torch and scikit-learn, on predictions whose miscalibration is known."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.isotonic import IsotonicRegression

from fashionlab.common.errors import DataError
from fashionlab.common.records import Predictions
from fashionlab.evaluation.calibration import (
    FIGURES,
    METHODS,
    Isotonic,
    Temperature,
    VectorScaling,
    assess,
    calibrated,
    fit_all,
    load_calibrators,
    parameters,
    reliability_bins,
)
from fashionlab.evaluation.metrics import METRICS
from fashionlab.evaluation.metrics.calibration_error import expected_calibration_error
from fashionlab.evaluation.metrics.likelihood import negative_log_likelihood


def drawn(seed: int, n: int = 4000, classes: int = 5, scale: object = 1.0, offset: object = 0.0,
          split: str = "val") -> Predictions:
    """Labels drawn from the softmax of hidden logits; the predictions show `scale` * (hidden - offset)."""
    draw = np.random.default_rng(seed)
    hidden = draw.normal(0, 2, (n, classes))
    labels = (softmax(hidden, axis=1).cumsum(axis=1) > draw.random((n, 1))).argmax(axis=1)
    shown = (np.asarray(scale) * (hidden - np.asarray(offset))).astype(np.float32)
    return Predictions(shown, labels, np.arange(n), tuple(f"class {label}" for label in range(classes)), split)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature):
    assert Temperature.fit(drawn(0, n=20_000, scale=temperature)).temperature == pytest.approx(temperature, rel=0.03)


def torch_fit(predictions: Predictions, vector: bool) -> float:
    """The smallest NLL that torch's L-BFGS finds with one factor, or with a factor and an offset for each class."""
    logits, labels = torch.tensor(predictions.logits).double(), torch.tensor(predictions.labels)
    classes = logits.shape[1] if vector else 1
    scale = torch.ones(classes, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=vector)
    optimizer = torch.optim.LBFGS([scale, bias] if vector else [scale], max_iter=200, line_search_fn="strong_wolfe",
                                  tolerance_grad=1e-10, tolerance_change=1e-14)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(logits * scale + bias, labels)
        value.backward()
        return value

    optimizer.step(loss)
    return float(loss().detach())


@pytest.mark.parametrize(("method", "vector"), [(Temperature, False), (VectorScaling, True)])
def test_no_parameters_fit_better_by_torch(method, vector):
    predictions = drawn(1, scale=[0.5, 2, 1, 3, 1], offset=[0, 1, -1, 0, 2])
    fitted = calibrated(predictions, method.fit(predictions))
    assert negative_log_likelihood(fitted) == pytest.approx(torch_fit(predictions, vector), abs=1e-5)


def test_vector_scaling_undoes_what_was_done_to_each_class():
    scale, offset = np.array([0.5, 2.0, 1.0, 1.5, 0.8]), np.array([0.0, 0.5, -0.5, 0.2, 0.3])
    fitted = VectorScaling.fit(drawn(2, n=50_000, scale=scale, offset=offset))
    assert np.allclose(fitted.scale, 1 / scale, rtol=0.06)
    assert np.allclose(np.array(fitted.bias) - fitted.bias[0], offset - offset[0], atol=0.08)


def test_isotonic_equals_scikit_learn_one_against_the_rest():
    validation, test = drawn(3, scale=2.5), drawn(4, n=500, scale=2.5, split="test")
    rarest = 1 / (len(validation.labels) + 2)
    curves = [IsotonicRegression(y_min=rarest, y_max=1 - rarest, out_of_bounds="clip")
              .fit(validation.probabilities[:, label], validation.labels == label) for label in range(5)]
    expected = np.stack([curve.predict(test.probabilities[:, label]) for label, curve in enumerate(curves)], axis=1)
    expected /= expected.sum(axis=1, keepdims=True)
    fitted = calibrated(test, Isotonic.fit(validation))
    assert fitted.probabilities == pytest.approx(expected)


def test_isotonic_is_what_scikit_learns_own_calibrator_makes_of_the_same_scores():
    """Its curves have no floor, so that probabilities near 0 differ by about 1 / n."""
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.frozen import FrozenEstimator

    class Softmax(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(5)

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def fit(self, X: np.ndarray, y: np.ndarray) -> Softmax:
            return self

        def predict(self, X: np.ndarray) -> np.ndarray:
            return X.argmax(axis=1)

        def predict_proba(self, X: np.ndarray) -> np.ndarray:
            return softmax(X, axis=1)

    validation, test = drawn(5, scale=2.5), drawn(6, n=300, scale=2.5, split="test")
    oracle = CalibratedClassifierCV(FrozenEstimator(Softmax()), method="isotonic")
    oracle.fit(validation.logits.astype(np.float64), validation.labels)
    probabilities = calibrated(test, Isotonic.fit(validation)).probabilities
    assert probabilities == pytest.approx(oracle.predict_proba(test.logits.astype(np.float64)), abs=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_mends_an_overconfident_model(method):
    validation, test = drawn(7, scale=3.0), drawn(8, scale=3.0, split="test")
    fitted = calibrated(test, METHODS[method].fit(validation))
    assert expected_calibration_error(test) > 0.1
    assert expected_calibration_error(fitted) < 0.05
    assert negative_log_likelihood(fitted) < negative_log_likelihood(test)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.floats(0.1, 8), st.integers(1, 30))
def test_a_temperature_never_changes_an_answer_and_never_fits_worse(seed, scale, n):
    predictions = drawn(seed, n=n, scale=scale)
    calibrator = Temperature.fit(predictions)
    fitted = calibrated(predictions, calibrator)
    assert (fitted.predicted == predictions.predicted).all()
    assert negative_log_likelihood(fitted) <= negative_log_likelihood(predictions) + 1e-6
    assert 1 / 20 <= calibrator.temperature <= 20


@pytest.mark.parametrize("labels", [[0], [0, 0, 0], [0, 1, 0, 1]])
def test_few_pictures_all_right_and_classes_never_seen_give_finite_scores(labels):
    truth, classes = np.array(labels), ("a", "b", "c")
    validation = Predictions(9 * np.eye(3, dtype=np.float32)[truth], truth, np.arange(len(truth)), classes, "val")
    test = Predictions(np.array([[1e4, -1e4, 0]], dtype=np.float32), np.array([2]), np.arange(1), classes, "test")
    assessed = assess(test, fit_all(validation))
    json.dumps({name: {key: asdict(one) for key, one in figures.items()} for name, figures in assessed.items()},
               allow_nan=False)
    assert assessed["isotonic"]["nll"].estimate < assessed["none"]["nll"].estimate == 1e4


def test_assess_gives_the_metrics_of_each_version_with_intervals():
    validation, test = drawn(9, n=800, scale=2.0), drawn(10, n=600, scale=2.0, split="test")
    calibrators = fit_all(validation)
    assessed = assess(test, calibrators)
    assert list(assessed) == ["none", *METHODS]
    for name, figures in assessed.items():
        version = test if name == "none" else calibrated(test, calibrators[name])
        assert list(figures) == list(FIGURES)
        for figure, interval in figures.items():
            assert interval.estimate == METRICS[figure](version)
            assert interval.low <= interval.estimate <= interval.high


def test_what_was_learned_is_kept_to_the_last_digit(tmp_path):
    calibrators = fit_all(drawn(11, n=300))
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(parameters(calibrators)))
    assert load_calibrators(path) == calibrators


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '{"other": {}}', '{"temperature": {"warmth": 1}}',
                                     '{"temperature": 3}'])
def test_an_unusable_file_is_named(tmp_path, content):
    path = tmp_path / "calibration.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=r"calibration\.json.*fashionlab evaluate"):
        load_calibrators(path)


def test_reliability_bins_are_those_of_the_metric_and_of_scikit_learn():
    predictions = drawn(12, scale=2.0)
    bins = reliability_bins(predictions.probabilities, predictions.labels)
    ece = (bins.count * np.abs(bins.confidence - bins.accuracy)).sum() / bins.count.sum()
    assert ece == pytest.approx(expected_calibration_error(predictions))
    right = predictions.predicted == predictions.labels
    share, confidence = calibration_curve(right, predictions.probabilities.max(axis=1), n_bins=15)
    filled = bins.count > 0
    assert bins.accuracy[filled] == pytest.approx(share)
    assert bins.confidence[filled] == pytest.approx(confidence)
    assert bins.edges == pytest.approx(np.arange(15) / 15)


def test_empty_bins_are_zero():
    predictions = replace(drawn(13, n=1), logits=np.array([[9, 0, 0, 0, 0]], dtype=np.float32), labels=np.array([0]))
    bins = reliability_bins(predictions.probabilities, predictions.labels, bins=10)
    assert bins.count.tolist() == [0] * 9 + [1]
    assert (bins.confidence[:9] == 0).all() and bins.accuracy[9] == 1


def test_a_few_pictures_that_are_all_right_do_not_make_the_network_surer() -> None:
    logits = np.array([[1.0, 0.2, 0.1], [0.3, 0.9, 0.0], [0.0, 0.1, 2.0]], np.float32)
    right = Predictions(logits, np.arange(3), np.arange(3), ("a", "b", "c"), "val")
    assert Temperature.fit(right).temperature == 1.0
    assert Temperature.fit(replace(right, labels=np.array([0, 1, 1]))).temperature != 1.0
