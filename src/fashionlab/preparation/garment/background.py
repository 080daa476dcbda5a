"""The background of a photo, known from its border: a smooth surface that the garment does not disturb."""

from __future__ import annotations

import numpy as np

_RING = 0.015  # width of the border, of the longest edge
_SAMPLES = 400  # border pixels that are fitted
_ROUNDS = 4
_LEAST_SPREAD = 2.0  # of 255: what compression alone does


def border(values: np.ndarray, width: int | None = None) -> np.ndarray:
    """The outermost pixels of [..., H, W] as [..., N]: `width` of them on each side, by default 1.5 % of the longest
    edge but at least two."""
    width = width or max(2, round(_RING * max(values.shape[-2:])))
    between = values[..., width:-width, :]
    parts = (values[..., :width, :], values[..., -width:, :], between[..., :width], between[..., -width:])
    return np.concatenate([part.reshape(*values.shape[:-2], -1) for part in parts], axis=-1)


def surface(pixels: np.ndarray) -> np.ndarray:
    """The background behind `pixels` (uint8 [C, H, W]) as float32 of that shape, 0-255.

    A polynomial of the second degree in both directions, a channel each, fitted to the border by iteratively reweighted
    least squares with Tukey's biweight, starting from the median: up to half of the border may be garment.
    """
    x, y = (np.linspace(-1, 1, edge, dtype=np.float32) for edge in (pixels.shape[2], pixels.shape[1]))
    across, down = (border(np.broadcast_to(axis, pixels.shape[1:])) for axis in (x[None, :], y[:, None]))
    step = max(1, len(across) // _SAMPLES)
    c = _fit(_terms(across[::step], down[::step]), border(pixels)[:, ::step].T.astype(np.float32))[..., None, None]
    x, y = x[None, :], y[:, None]
    values = x * (c[1] + c[4] * y)  # in place from here on: fresh memory costs more than the arithmetic
    values += c[0] + c[2] * y + c[5] * (y * y)
    values += c[3] * (x * x)
    return values.clip(0, 255, out=values)


def _terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _fit(terms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients [6, C]. A slight ridge on all but the level keeps a border that is mostly hidden from bending it."""
    ridge = 1e-3 * len(terms) * np.diag(np.array([0, 1, 1, 1, 1, 1], dtype=np.float32))
    coefficients = np.zeros((6, values.shape[1]), dtype=np.float32)
    coefficients[0] = np.median(values, axis=0)
    for _ in range(_ROUNDS):
        distance = np.abs(values - terms @ coefficients).max(axis=1)
        cut = 6 * max(float(np.median(distance)), _LEAST_SPREAD)
        weighted = terms * ((1 - (distance / cut).clip(0, 1) ** 2) ** 2)[:, None]
        coefficients = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ values)
    return coefficients
