"""Arrays of pictures in the order of axes that files have."""

from __future__ import annotations

import numpy as np


def from_channels_last(images: np.ndarray) -> np.ndarray:
    """[N, C, H, W] of grey pictures [N, H, W], or of any [N, H, W, C]."""
    return images[:, None] if images.ndim == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def to_channels_last(images: np.ndarray) -> np.ndarray:
    """[N, H, W] of grey and [N, H, W, 3] of colour pictures, the order in which files keep them."""
    return images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
