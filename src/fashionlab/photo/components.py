"""Connected parts of a mask, in plain numpy."""

from __future__ import annotations

import numpy as np


def components(mask: np.ndarray) -> np.ndarray:
    """Labels int64 [H, W] of the 8-connected parts of a bool mask: 0 outside, else one number a part (not in a row).

    Every pixel takes the smallest number near it, then the number that the pixel so numbered has: the second step
    halves the way to go, so that a few rounds do.
    """
    height, width = mask.shape
    numbers = np.arange(1, mask.size + 1).reshape(height, width)
    outside = mask.size + 1
    labels = np.where(mask, numbers, outside)
    while True:
        padded = np.pad(labels, 1, constant_values=outside)
        rows = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
        nearest = np.where(mask, np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]), outside)
        followed = np.append(nearest.ravel(), [outside])
        new = followed[nearest - 1]
        if (new == labels).all():
            return np.where(mask, labels, 0)
        labels = new
