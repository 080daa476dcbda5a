"""Measuring several ways of doing one thing side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def side_by_side(sides: Mapping[str, Callable[[], int]], rounds: int) -> dict[str, list[float]]:
    """Items a second of every side, one figure a round.

    Each side is a function that does a fixed piece of work and returns how many items it worked through. The sides take
    turns, and who begins changes from round to round, so that what else the machine does hits all of them. One round
    before the first is not counted: it warms up caches and starts worker processes.
    """
    names = list(sides)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            items = sides[name]()
            seconds = time.perf_counter() - start
            if number >= 0:
                rates[name].append(items / seconds)
    return rates


def summary(rates: list[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    figures = {"median": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}
    return {name: round(figure, 1) for name, figure in figures.items()}
