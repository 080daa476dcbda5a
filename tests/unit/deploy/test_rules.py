"""Answers by numpy alone, against the evaluation's own code and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from fashionlab.common.records import Predictions
from fashionlab.deploy import rules
from fashionlab.evaluation import conformal, outliers
from fashionlab.evaluation.calibration import Temperature, calibrated

DRAW = np.random.default_rng(0)
LOGITS = DRAW.normal(0, 4, (300, 5)).astype(np.float32)
FEATURES = DRAW.normal(0, 1, (300, 8)).astype(np.float32) @ DRAW.normal(0, 1, (8, 8)).astype(np.float32)
LABELS = DRAW.integers(0, 5, 300)


@pytest.mark.parametrize("score", sorted(rules.SCORES))
def test_strangeness_is_that_of_the_evaluation(score: str) -> None:
    theirs = outliers.SCORES[score]
    fitted = theirs.fit(FEATURES, LABELS)
    learned = rules.whitened(**fitted) if fitted else {}
    found = rules.SCORES[score](LOGITS, FEATURES, learned)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, theirs.strangeness(outliers.Answers(LOGITS, FEATURES), fitted), rtol=1e-4)


def test_strangeness_of_extreme_logits_is_finite() -> None:
    extreme = np.array([[3e4, -3e4, 0.0], [0, 0, 0], [-3e4, -3e4, -3e4]], dtype=np.float32)
    for score in ("max-softmax", "energy"):
        assert np.isfinite(rules.SCORES[score](extreme, extreme, {})).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_probabilities_and_sets_are_those_of_the_evaluation(temperature: float) -> None:
    found = rules.Rules(temperature, 0.7, lambda logits, _: logits.max(axis=1).astype(float), 4.0).answers(
        LOGITS, FEATURES)
    np.testing.assert_allclose(found.probabilities, softmax(LOGITS.astype(float) / temperature, axis=1), rtol=1e-5)
    predictions = Predictions(LOGITS, LABELS, np.arange(300), tuple("abcde"), "test")
    warm = calibrated(predictions, Temperature(temperature))
    np.testing.assert_array_equal(found.sets, conformal.prediction_sets(warm, "lac", 0.7))
    np.testing.assert_array_equal(found.outlier, LOGITS.max(axis=1) > 4)
    assert found.probabilities.dtype == np.float32 and found.sets.dtype == bool


def test_no_pictures_give_no_answers() -> None:
    learned = rules.whitened(np.zeros((5, 8)), np.eye(8))
    for score in rules.SCORES.values():
        found = rules.Rules(1.0, 0.5, lambda logits, seen, score=score: score(logits, seen, learned), 0.0).answers(
            LOGITS[:0], FEATURES[:0])
        assert [len(part) for part in vars(found).values()] == [0, 0, 0, 0]
