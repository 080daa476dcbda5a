"""How far a window of pictures lies from the reference."""

from __future__ import annotations

import numpy as np


def kolmogorov_smirnov(reference: np.ndarray, window: np.ndarray) -> float:
    """The largest distance, 0 to 1, of the distribution functions of two samples (Smirnov 1939); neither may be empty.

    reference, float [M], is in rising order, window, float [N], in any. Equal values are allowed.
    """
    values = np.sort(window)
    above = np.arange(1, len(values) + 1) / len(values) - np.searchsorted(reference, values, "right") / len(reference)
    below = np.searchsorted(reference, values, "left") / len(reference) - np.arange(len(values)) / len(values)
    return float(max(above.max(), below.max()))


def stability_index(reference: np.ndarray, counts: np.ndarray, size: float) -> np.ndarray:
    """Population stability index, float64 [...], of counts [..., B] in B bins, of which reference [B] are the shares.

    The sum of (a - e) ln(a / e) over the bins, a and e the shares now and in the reference (Siddiqi 2006). Half a
    picture is added to each bin of either (Jeffreys), as an empty one would make it infinite. size: the pictures
    behind the reference.
    """
    bins = len(reference)
    expected = (reference * size + 0.5) / (size + bins / 2)
    actual = (counts + 0.5) / (counts.sum(axis=-1, keepdims=True) + bins / 2)
    return ((actual - expected) * np.log(actual / expected)).sum(axis=-1)
