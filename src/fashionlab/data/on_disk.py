"""What is made of memory-mapped arrays, and would not fit into memory either: it lies on the disk as they do."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence

import numpy as np

from fashionlab.common.errors import FashionlabError
from fashionlab.common.mapped import consecutive, release, rows_at_once

_AT_ONCE = 8 << 20  # bytes that are copied together


def empty_like(images: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 of `shape`, to be filled: on the disk where `images` are and it exceeds the memory budget.

    The file has no name and is gone when the array is. Raises FashionlabError where the cache cannot hold it.
    """
    from fashionlab.data.decoded_cache import memory_budget, user_cache  # needs platformdirs: a service goes without

    size = math.prod(shape)
    if not isinstance(images, np.memmap) or size <= memory_budget():
        return np.empty(shape, dtype=np.uint8)
    folder = user_cache() / "decoded"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as stream:
            # Without its blocks reserved, a full disk would end the process (SIGBUS) on writing to the mapping.
            os.posix_fallocate(stream.fileno(), 0, size)
            return np.memmap(stream, dtype=np.uint8, mode="w+", shape=shape)
    except OSError as error:
        raise FashionlabError(f"cannot write {folder}: {error.strerror or error}; it takes {size / 2**20:,.0f} MiB to "
                              "copy pictures that do not fit into memory") from error


def rows(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """`images[indices]`, uint8 [M, C, H, W], of pictures uint8 [N, C, H, W] and int [M]; without a copy where that can
    be, else as `empty_like`."""
    view = consecutive(images, indices)
    if view is not None:
        return view
    if not isinstance(images, np.memmap):
        return images[indices]
    chosen, step = empty_like(images, (len(indices), *images.shape[1:])), rows_at_once(images, _AT_ONCE)
    for start in range(0, len(indices), step):
        chosen[start : start + step] = images[indices[start : start + step]]
        release(images)
        release(chosen)
    return chosen


def joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """All of `arrays`, uint8 [N, C, H, W], one after the other; as `empty_like` where one is memory-mapped."""
    if len(arrays) == 1:
        return arrays[0]
    mapped = next((array for array in arrays if isinstance(array, np.memmap)), None)
    if mapped is None:
        return np.concatenate(arrays)
    whole = empty_like(mapped, (sum(map(len, arrays)), *mapped.shape[1:]))
    first = 0
    for array in arrays:
        own, step = whole[first : first + len(array)], rows_at_once(array, _AT_ONCE)
        for start in range(0, len(array), step):
            own[start : start + step] = array[start : start + step]
            release(array)
            release(whole)
        first += len(array)
    return whole
