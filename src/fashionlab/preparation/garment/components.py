"""Connected parts of a mask, in numpy and a little Python."""

from __future__ import annotations

import numpy as np


def components(mask: np.ndarray) -> np.ndarray:
    """Labels int64 [H, W] of the 8-connected parts of a bool mask: 0 outside, else one number a part (not in a row).

    By runs: stretches of a row that touch one of the row above are joined to it in a union-find forest (He, Chao and
    Suzuki 2008).
    """
    width = mask.shape[1] + 1  # a gap between rows, so that no run goes on in the next
    flat = np.zeros(mask.shape[0] * width + 1, dtype=np.int8)
    flat[1:].reshape(-1, width)[:, :-1] = mask
    steps = np.diff(flat)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    parents = _joined(starts.tolist(), ends.tolist(), width)
    roots = np.array([_root(parents, run) for run in range(len(parents))], dtype=np.int64)
    labels = np.zeros(mask.shape, dtype=np.int64)
    labels[mask] = np.repeat(roots + 1, ends - starts)
    return labels


def _joined(starts: list[int], ends: list[int], width: int) -> list[int]:
    """The forest: for each run (from start to before end, pixels of a picture `width` wide in row order) its parent."""
    parents = list(range(len(starts)))
    above = 0
    for run, (start, end) in enumerate(zip(starts, ends, strict=True)):
        while ends[above] + width < start:  # ends left of this run's upper left neighbour
            above += 1
        other = above
        while starts[other] + width <= end and other < run:
            parents[_root(parents, run)] = _root(parents, other)
            other += 1
    return parents


def _root(parents: list[int], run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run
