"""Arrays that lie in a file and are read where they are needed: more pictures than memory holds."""

from __future__ import annotations

import mmap

import numpy as np


def release(array: np.ndarray) -> None:
    """Let go of what was read of a memory-mapped array; of any other nothing happens.

    The pages stay in the system's cache while there is room, but are no longer this process's memory: without that a
    training would, an epoch later, hold the whole set.
    """
    mapping = getattr(array, "_mmap", None)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def rows_at_once(array: np.ndarray, size: int = 64 << 20) -> int:
    """How many rows of `array` are about `size` bytes, at least one."""
    return max(1, size // max(1, array[:1].nbytes))


def consecutive(array: np.ndarray, indices: np.ndarray) -> np.ndarray | None:
    """`array[indices]` as a view, where the array is memory-mapped and the indices (int [M]) follow one another."""
    if isinstance(array, np.memmap) and len(indices) and (np.diff(indices) == 1).all():
        return array[indices[0] : indices[-1] + 1]
    return None
