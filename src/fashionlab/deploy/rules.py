"""From a network's logits and features to answers: calibrated probabilities, prediction sets, "not a garment".

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
    strangeness: float64 [N], higher for stranger pictures. outlier: bool [N], stranger than the threshold.
    """

    probabilities: np.ndarray
    sets: np.ndarray
    strangeness: np.ndarray
    outlier: np.ndarray


@dataclass(frozen=True)
class Rules:
    """What was learned from validation pictures.

    temperature divides all logits (Guo 2017). limit: of 1 - probability, for a class to be in the set (split conformal,
    LAC; Sadinle 2019). strangeness: from logits [N, K] and features [N, D] to float64 [N]. threshold: a stranger
    picture is an outlier.
    """

    temperature: float
    limit: float
    strangeness: Callable[[np.ndarray, np.ndarray], np.ndarray]
    threshold: float

    def answers(self, logits: np.ndarray, features: np.ndarray) -> Answers:
        """logits float32 [N, K], features float32 [N, D]; N may be 0."""
        probabilities = softmax(logits / self.temperature)
        strangeness = self.strangeness(logits, features)
        return Answers(probabilities.astype(np.float32), 1 - probabilities <= self.limit, strangeness,
                       strangeness > self.threshold)
