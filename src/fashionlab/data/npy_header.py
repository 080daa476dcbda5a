"""What a .npy file says of itself before its numbers."""

from __future__ import annotations

import math
from typing import BinaryIO

import numpy as np
import psutil

from fashionlab.common.errors import DataError


def read_header(stream: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array whose file begins here. Raises ValueError for what is none, and for a pickle."""
    version = np.lib.format.read_magic(stream)
    if version[0] == 1:
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        raise ValueError("an array of Python objects is a pickle, which is not loaded; save it as numbers, or "
                         "text with array.astype(str)")
    return shape, dtype


def check_memory(shape: tuple[int, ...], dtype: np.dtype, where: str) -> None:
    """Raises DataError for an array that is larger than this machine's memory."""
    size = math.prod(shape) * dtype.itemsize
    memory = psutil.virtual_memory().total
    if size > memory:
        raise DataError(f"{where}: {list(shape)} of {dtype} are {size / 2**30:,.1f} GiB, this machine has "
                        f"{memory / 2**30:,.1f} GiB of memory; save the arrays as .npy files in one folder, "
                        "whose bytes stay on the disk")
