"""Answers by numpy alone, against the evaluation's own code, scipy and slow loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from fashionlab.common.records import Predictions
from fashionlab.deploy import rules
from fashionlab.evaluation import conformal, outliers
from fashionlab.evaluation.calibration import Temperature, calibrated
from fashionlab.evaluation.outlier_scores import FORMULAS, mahalanobis, whitened

DRAW = np.random.default_rng(0)
LOGITS = DRAW.normal(0, 4, (300, 5)).astype(np.float32)
FEATURES = DRAW.normal(0, 1, (300, 8)).astype(np.float32) @ DRAW.normal(0, 1, (8, 8)).astype(np.float32)
LABELS = DRAW.integers(0, 5, 300)


def test_an_artifact_s_scores_in_float32_are_those_of_the_evaluation_in_float64() -> None:
    assert FORMULAS.keys() == outliers.SCORES.keys() - {"neighbours"}
    fitted = outliers.SCORES["mahalanobis"].fit(FEATURES, LABELS)
    distances = mahalanobis(LOGITS, FEATURES, whitened(**fitted, dtype=np.float32))
    wanted = [min(np.einsum("i,ij,j", one - mean, fitted["precision"], one - mean) for mean in fitted["means"])
              for one in FEATURES.astype(float)]
    assert distances.dtype == np.float64
    np.testing.assert_allclose(distances, wanted, rtol=1e-4)


def test_outlier_scores_of_extreme_logits_are_finite() -> None:
    extreme = np.array([[3e4, -3e4, 0.0], [0, 0, 0], [-3e4, -3e4, -3e4]], dtype=np.float32)
    for score in ("max-softmax", "energy"):
        assert np.isfinite(FORMULAS[score](extreme, extreme, {})).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_and_sets_are_those_of_the_evaluation(temperature: float) -> None:
    answers = rules.Rules(temperature, 0.7, lambda logits, _: logits.max(axis=1).astype(float), 4.0).answers(
        LOGITS, FEATURES)
    np.testing.assert_allclose(answers.probabilities, softmax(LOGITS.astype(float) / temperature, axis=1), rtol=1e-5)
    predictions = Predictions(LOGITS, LABELS, np.arange(300), tuple("abcde"), "test")
    warm = calibrated(predictions, Temperature(temperature))
    np.testing.assert_array_equal(answers.sets, conformal.prediction_sets(warm, "lac", 0.7))
    np.testing.assert_array_equal(answers.outlier, LOGITS.max(axis=1) > 4)
    assert answers.probabilities.dtype == np.float32 and answers.sets.dtype == bool


def test_no_pictures_give_no_answers() -> None:
    learned = whitened(np.zeros((5, 8)), np.eye(8), np.float32)
    for score in FORMULAS.values():
        answers = rules.Rules(1.0, 0.5, lambda logits, seen, score=score: score(logits, seen, learned), 0.0).answers(
            LOGITS[:0], FEATURES[:0])
        assert [len(part) for part in vars(answers).values()] == [0, 0, 0, 0]
