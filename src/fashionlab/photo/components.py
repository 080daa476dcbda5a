"""Connected parts of a mask, in plain numpy."""

from __future__ import annotations

import numpy as np


def components(mask: np.ndarray) -> np.ndarray:
    """Labels int64 [H, W] of the 8-connected parts of a bool mask: 0 outside, else one number a part (not in a row).

    Every pixel takes the smallest number near it, then the number that the pixel so numbered has: the second step
    halves the way to go, so that a few rounds do.
    """
    outside = mask.size
    labels = np.full((mask.shape[0] + 2, mask.shape[1] + 2), outside)
    inner = labels[1:-1, 1:-1]
    inner[mask] = np.flatnonzero(mask)
    followed = np.full(mask.size + 1, outside)
    while True:
        rows = np.minimum(np.minimum(labels[:-2], labels[1:-1]), labels[2:])
        nearest = np.minimum(np.minimum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
        followed[:-1][mask.ravel()] = nearest[mask]
        new = followed[followed[:-1]].reshape(mask.shape)
        if (new == inner).all():
            return np.where(mask, inner + 1, 0)
        inner[:] = new
