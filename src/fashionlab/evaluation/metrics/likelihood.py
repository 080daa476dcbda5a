"""Proper scores of the probabilities: best, on average, where they are the true ones."""

from __future__ import annotations

import numpy as np

from fashionlab.common.records import Predictions
from fashionlab.evaluation.metrics.record import Metric, mean_of


def negative_log_likelihood(predictions: Predictions) -> float:
    """The mean of -log p(true class) in nats, from the logits: no probability underflows to log 0."""
    return float(np.mean(picture_nll(predictions)))


def picture_nll(predictions: Predictions) -> np.ndarray:
    """-log p(true class) of every picture in nats, float64 [N]."""
    logits = predictions.logits.astype(np.float64)
    highest = logits.max(axis=1)
    log_sum = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return log_sum - np.take_along_axis(logits, predictions.labels[:, None], axis=1)[:, 0]


def brier(predictions: Predictions) -> float:
    """The mean over pictures of the squared distance of probabilities and one-hot truth, 0 to 2."""
    return float(np.mean(picture_brier(predictions)))


def picture_brier(predictions: Predictions) -> np.ndarray:
    """The squared distance of probabilities and one-hot truth of every picture, float64 [N]."""
    return ((predictions.probabilities - one_hot(predictions)) ** 2).sum(axis=1)


def one_hot(predictions: Predictions) -> np.ndarray:
    """The truth as float64 [N, K]."""
    return np.eye(len(predictions.classes))[predictions.labels]


METRICS = (
    Metric("nll", "negative log-likelihood", "Good 1952", negative_log_likelihood, higher_is_better=False, unit="nats",
           form=mean_of(picture_nll), headlines={"test": "nll"},
           tables={"summary": "NLL, nats", "calibration": "NLL, nats", "comparison": "NLL"}),
    Metric("brier", "Brier score", "Brier 1950", brier, higher_is_better=False, unit="", form=mean_of(picture_brier),
           headlines={"test": "brier"},
           tables={"summary": "Brier score", "calibration": "Brier score", "comparison": "Brier"}),
)
