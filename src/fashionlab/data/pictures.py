"""Arrays of pictures in the orders of axes that files have."""

from __future__ import annotations

import numpy as np

from fashionlab.common.errors import DataError


def from_channels_last(images: np.ndarray, where: str) -> np.ndarray:
    """uint8 [N, C, H, W] of an array [N, H, W], [N, H, W, C] or (where the last axis is not 1 or 3) [N, C, H, W]."""
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    raise DataError(f"{where}: pictures of shape {list(images.shape)}, expected [N, H, W] or [N, H, W, 3]")


def to_channels_last(images: np.ndarray) -> np.ndarray:
    """[N, H, W] of grey and [N, H, W, 3] of colour pictures, the order in which files keep them."""
    return images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
