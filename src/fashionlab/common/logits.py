"""From logits to probabilities, in float64. Numpy alone, because a service answers with it."""

from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 [N, K] of logits [N, K]."""
    exponentials = np.exp(_shifted(logits))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def log_total(logits: np.ndarray) -> np.ndarray:
    """float64 [N]: log sum exp of logits [N, K] less their highest; the negative logarithm of the top probability."""
    return np.log(np.exp(_shifted(logits)).sum(axis=1))


def _shifted(logits: np.ndarray) -> np.ndarray:
    """Less the highest, so that no exponential overflows."""
    return logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
