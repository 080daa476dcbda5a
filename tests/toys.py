"""Small things that tests of several folders are made of."""

from __future__ import annotations

import gzip
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit status and what it printed."""

    code: int
    out: str
    err: str


def unmeasured() -> dict[str, str]:
    """The environment for a process in which coverage.py would be in the way: it writes a file and is imported."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def idx_bytes(array: np.ndarray) -> bytes:
    """`array` (uint8) as an IDX file's bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def toy_pictures(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Learnable pictures uint8 [n, 28, 28] with a bright bar whose place tells the class, and labels uint8 [n]."""
    draw = np.random.default_rng(seed)
    labels = np.arange(n, dtype=np.uint8) % 10
    pictures = draw.integers(0, 60, (n, 28, 28), dtype=np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        picture[2 + 2 * label : 6 + 2 * label, 4:24] += 150
    return pictures, labels


def write_toy_data(folder: Path) -> Path:
    """The four Fashion-MNIST files in small, in `folder`: 600 training and 200 test pictures."""
    for prefix, n, seed in (("train", 600, 1), ("t10k", 200, 2)):
        pictures, labels = toy_pictures(n, seed)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(pictures)))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    return folder
