"""From a network's logits and features to answers: calibrated probabilities, prediction sets, "not a garment".

Numpy alone, because a service answers with it. `fashionlab.evaluation` does the learning; the tests compare
this with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Arrays = dict[str, np.ndarray]


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


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 [N, K]."""
    exponentials = np.exp(_shifted(logits))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _shifted(logits: np.ndarray) -> np.ndarray:
    return logits.astype(np.float64) - logits.max(axis=1, keepdims=True)


def max_softmax(logits: np.ndarray, features: np.ndarray, learned: Arrays) -> np.ndarray:
    """As `evaluation.outliers.MaxSoftmax`: the negative logarithm of the highest probability."""
    return np.log(np.exp(_shifted(logits)).sum(axis=1))


def energy(logits: np.ndarray, features: np.ndarray, learned: Arrays) -> np.ndarray:
    """As `evaluation.outliers.Energy`: -log sum exp."""
    return -np.log(np.exp(_shifted(logits)).sum(axis=1)) - logits.max(axis=1)


def mahalanobis(logits: np.ndarray, features: np.ndarray, learned: Arrays) -> np.ndarray:
    """As `evaluation.outliers.Mahalanobis`: the squared distance to the nearest class mean.

    learned: root float32 [D, D], under which the covariance becomes the identity, and the class means there, centres
    float32 [K, D] (see `whitened`).
    """
    seen = features @ learned["root"]
    return np.min([((seen - centre) ** 2).sum(axis=1) for centre in learned["centres"]], axis=0).astype(np.float64)


def whitened(means: np.ndarray, precision: np.ndarray) -> Arrays:
    """What `mahalanobis` needs, from class means [K, D] and the inverse covariance [D, D]."""
    root = np.linalg.cholesky(precision)
    return {"root": root.astype(np.float32), "centres": (means @ root).astype(np.float32)}


# Distances to stored pictures ("neighbours") are left to runs: their bank of features is larger than most networks.
SCORES: dict[str, Callable[[np.ndarray, np.ndarray, Arrays], np.ndarray]] = {
    "max-softmax": max_softmax, "energy": energy, "mahalanobis": mahalanobis,
}
