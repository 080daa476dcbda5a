"""Outlier scores that numpy alone can compute, so that an artifact can hold them and a service answers with them.

Each is a function of logits [N, K], penultimate features [N, D] and what was learned of training pictures; it gives
float64 [N], higher the less a picture is like the training pictures. `outliers` does the learning.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from fashionlab.common.logits import log_total

Arrays = dict[str, np.ndarray]
Formula = Callable[[np.ndarray, np.ndarray, Arrays], np.ndarray]


def max_softmax(logits: np.ndarray, features: np.ndarray, learned: Arrays) -> np.ndarray:
    """The highest probability is low (Hendrycks and Gimpel 2017, arXiv:1610.02136); its negative logarithm, which keeps
    apart what rounds to 1."""
    return log_total(logits)


def energy(logits: np.ndarray, features: np.ndarray, learned: Arrays) -> np.ndarray:
    """All logits are low: -log sum exp, at temperature 1 (Liu et al. 2020, arXiv:2010.03759)."""
    return -log_total(logits) - logits.max(axis=1)


def mahalanobis(logits: np.ndarray, features: np.ndarray, learned: Arrays) -> np.ndarray:
    """The squared Mahalanobis distance to the nearest class mean is large, with one covariance for all classes (Lee et
    al. 2018, arXiv:1807.03888). learned: what `whitened` gives; computed in its precision."""
    seen = features.astype(learned["root"].dtype, copy=False) @ learned["root"]
    return np.min([((seen - centre) ** 2).sum(axis=1) for centre in learned["centres"]], axis=0).astype(np.float64)


def whitened(means: np.ndarray, precision: np.ndarray, dtype: DTypeLike) -> Arrays:
    """What `mahalanobis` needs, of class means [K, D] and the inverse covariance [D, D]: coordinates in which the
    covariance is the identity and the distance the common one. root [D, D] leads there, centres [K, D] are the means
    there. Artifacts hold float32, which halves them; detectors of runs compute in float64."""
    root = np.linalg.cholesky(precision)
    return {"root": root.astype(dtype), "centres": (means @ root).astype(dtype)}


FORMULAS: dict[str, Formula] = {"max-softmax": max_softmax, "energy": energy, "mahalanobis": mahalanobis}
