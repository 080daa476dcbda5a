"""How often the answer, or one of the first k answers, is right."""

from __future__ import annotations

from functools import partial

import numpy as np

from fashionlab.common.records import Predictions
from fashionlab.evaluation.metrics.record import Metric, mean_of


def is_right(predictions: Predictions) -> np.ndarray:
    """Whether the highest logit is the true class's, bool [N]."""
    return predictions.predicted == predictions.labels


def accuracy(predictions: Predictions) -> float:
    """The share of pictures whose highest logit is the true class's."""
    return float(np.mean(is_right(predictions)))


def top_k_accuracy(predictions: Predictions, k: int) -> float:
    """The share of pictures whose true class is among the k highest logits. With k classes or fewer it is 1."""
    return float(np.mean(in_top_k(predictions, k)))


def in_top_k(predictions: Predictions, k: int) -> np.ndarray:
    """Whether the true class is among the k highest logits, bool [N]; the lowest class index wins a tie, as in
    `Predictions.predicted`, so that k = 1 is being right."""
    true = np.take_along_axis(predictions.logits, predictions.labels[:, None], axis=1)
    ahead = (predictions.logits > true).sum(axis=1)
    earlier = np.arange(predictions.logits.shape[1]) < predictions.labels[:, None]
    ahead += ((predictions.logits == true) & earlier).sum(axis=1)
    return ahead < k


_SKLEARN = "scikit-learn, top_k_accuracy_score"

METRICS = (
    Metric("accuracy", "accuracy", "scikit-learn, accuracy_score", accuracy, is_share=True, form=mean_of(is_right),
           headlines={"val": "val_accuracy", "test": "test_accuracy"},
           tables={"summary": "Accuracy", "calibration": "Accuracy"}),
    Metric("top2_accuracy", "top-2 accuracy", _SKLEARN, partial(top_k_accuracy, k=2), is_share=True,
           form=mean_of(partial(in_top_k, k=2)), tables={"summary": "Top-2 accuracy"}),
    Metric("top3_accuracy", "top-3 accuracy", _SKLEARN, partial(top_k_accuracy, k=3), is_share=True,
           form=mean_of(partial(in_top_k, k=3)), headlines={"test": "top3_accuracy"},
           tables={"summary": "Top-3 accuracy"}),
    Metric("top4_accuracy", "top-4 accuracy", _SKLEARN, partial(top_k_accuracy, k=4), is_share=True),
    Metric("top5_accuracy", "top-5 accuracy", _SKLEARN, partial(top_k_accuracy, k=5), is_share=True),
)
