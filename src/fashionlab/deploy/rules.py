"""From a network's logits and features to answers: calibrated probabilities, prediction sets, outliers.

Numpy alone, because a service answers with it. `fashionlab.evaluation` does the learning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fashionlab.common.logits import softmax


@dataclass(frozen=True)
class Answers:
    """What a classifier says of N pictures.

    probabilities: float32 [N, K], calibrated. sets: bool [N, K], the classes in each picture's prediction set.
    outlier_score: float64 [N], higher for pictures less like the training pictures. outlier: bool [N], above the
    threshold.
    """

    probabilities: np.ndarray
    sets: np.ndarray
    outlier_score: np.ndarray
    outlier: np.ndarray


@dataclass(frozen=True)
class Rules:
    """What was learned from validation pictures.

    temperature divides all logits (Guo 2017). limit: of 1 - probability, for a class to be in the set (split conformal,
    LAC; Sadinle 2019). outlier_score: from logits [N, K] and features [N, D] to float64 [N]. threshold: a picture
    whose score is above it is an outlier.
    """

    temperature: float
    limit: float
    outlier_score: Callable[[np.ndarray, np.ndarray], np.ndarray]
    threshold: float

    def answers(self, logits: np.ndarray, features: np.ndarray) -> Answers:
        """logits float32 [N, K], features float32 [N, D]; N may be 0."""
        probabilities = softmax(logits / self.temperature)
        outlier_score = self.outlier_score(logits, features)
        return Answers(probabilities.astype(np.float32), 1 - probabilities <= self.limit, outlier_score,
                       outlier_score > self.threshold)
