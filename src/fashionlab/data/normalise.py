"""Mean and deviation of the training pictures."""

from __future__ import annotations

import numpy as np

from fashionlab.common.mapped import release, rows_at_once
from fashionlab.common.records import PictureSet

_CHUNK = 4 << 20  # bytes; counting takes eight times as many


def normalisation(pictures: PictureSet, indices: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and (population) deviation per channel of the pictures at `indices` (int [M]), on the scale 0 to 1.

    Exact: counts how often each of the 256 values occurs. A channel of one value only has deviation 1, so that dividing
    by it is harmless.
    """
    channels = pictures.images.shape[1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    step = rows_at_once(pictures.images, _CHUNK)
    for start in range(0, len(indices), step):
        chunk = pictures.images[indices[start : start + step]]
        for channel in range(channels):
            counts[channel] += np.bincount(chunk[:, channel].ravel(), minlength=256)
        release(pictures.images)
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = (counts * (values - mean[:, None]) ** 2).sum(axis=1) / counts.sum(axis=1)
    deviation = np.sqrt(variance)
    deviation[np.count_nonzero(counts, axis=1) == 1] = 1.0
    return tuple(mean.tolist()), tuple(deviation.tolist())
