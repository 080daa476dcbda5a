"""What a model gets wrong: its most confident mistakes, the classes it takes for one another, the second thoughts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fashionlab.common.records import Predictions


@dataclass(frozen=True)
class ConfusedPair:
    """Pictures of class `true` taken for class `predicted` (labels): `positions` int64 [count] are rows of the
    predictions, the most confident first; `share` of all pictures of the true class."""

    true: int
    predicted: int
    count: int
    share: float
    positions: np.ndarray


def confidence(predictions: Predictions) -> np.ndarray:
    """The probability of the predicted class, float64 [N]."""
    return predictions.probabilities.max(axis=1)


def confident_mistakes(predictions: Predictions, n: int | None = None) -> np.ndarray:
    """Rows (int64, at most `n`) of the pictures judged wrong, the most confident first; the lower row wins a tie."""
    wrong = np.flatnonzero(predictions.predicted != predictions.labels)
    return wrong[np.argsort(-confidence(predictions)[wrong], kind="stable")][:n]


def confused_pairs(predictions: Predictions, n: int | None = None) -> list[ConfusedPair]:
    """The (true, predicted) pairs of different classes that occur, at most `n`, the most frequent first; the lower
    labels win a tie."""
    rows = confident_mistakes(predictions)
    codes = predictions.labels[rows] * len(predictions.classes) + predictions.predicted[rows]
    support = np.bincount(predictions.labels, minlength=len(predictions.classes))
    distinct, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:n]
    pairs = []
    for code, count in zip(distinct[order].tolist(), counts[order].tolist(), strict=True):
        true, predicted = divmod(code, len(predictions.classes))
        pairs.append(ConfusedPair(true, predicted, count, count / int(support[true]), rows[codes == code]))
    return pairs


def runner_up(predictions: Predictions) -> np.ndarray:
    """The class with the second highest logit, int64 [N]; the lowest label wins a tie. Needs two classes."""
    logits = predictions.logits.astype(np.float64)
    logits[np.arange(len(logits)), predictions.predicted] = -np.inf
    return logits.argmax(axis=1)
