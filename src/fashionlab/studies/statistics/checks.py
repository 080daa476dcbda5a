"""What every statistic asks of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fashionlab.common.errors import DataError, UsageError

# Differences that are equal up to rounding are equal: 0.9 - 0.8 and 0.7 - 0.6 differ by 1e-16.
_ROUNDING = 1e-12


def checked_level(level: float) -> float:
    """Raises UsageError when `level` is no probability between 0 and 1."""
    if not 0 < level < 1:
        raise UsageError(f"level {level}: expected a share between 0 and 1, such as 0.95")
    return level


def finite(values: ArrayLike, at_least: int, what: str = "values") -> np.ndarray:
    """`values` as float64 [n]. Raises DataError when they are fewer than `at_least`, not in one row or not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise DataError(f"{what}: expected one row of finite numbers")
    if len(array) < at_least:
        raise DataError(f"{what}: {len(array)} given, at least {at_least} needed")
    return array


def paired(a: ArrayLike, b: ArrayLike, at_least: int = 2) -> np.ndarray:
    """The differences b - a, float64 [n]; those equal up to rounding are made equal. Raises DataError as `finite`."""
    first, second = finite(a, at_least, "paired values"), finite(b, at_least, "paired values")
    if len(first) != len(second):
        raise DataError(f"paired values: {len(first)} on one side, {len(second)} on the other")
    differences = second - first
    scale = max(1e-300, float(np.abs(first).max()), float(np.abs(second).max())) if len(first) else 1.0
    if len(first) and np.ptp(differences) <= _ROUNDING * scale:
        constant = float(differences.mean())
        return np.full(len(first), 0.0 if abs(constant) <= _ROUNDING * scale else constant)
    return differences


def correctness(*vectors: ArrayLike) -> list[np.ndarray]:
    """Right-or-wrong vectors of the same pictures as bool [n]. Raises DataError when they do not fit together."""
    arrays = [np.asarray(vector) for vector in vectors]
    if any(array.ndim != 1 or not np.isin(array, (0, 1)).all() for array in arrays):
        raise DataError("right or wrong: expected one row of true and false for each model")
    if len({len(array) for array in arrays}) != 1 or not len(arrays[0]):
        raise DataError(f"right or wrong: the models were scored on {', '.join(str(len(a)) for a in arrays)} pictures; "
                        "expected the same pictures, at least one")
    return [array.astype(bool) for array in arrays]
