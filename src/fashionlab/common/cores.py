"""How many processor cores there are for us."""

from __future__ import annotations

import os

import psutil


def usable_cores() -> int:
    """The physical cores that this process may use, at least 1."""
    cores = psutil.cpu_count(logical=False) or 1
    return min(cores, len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else cores
