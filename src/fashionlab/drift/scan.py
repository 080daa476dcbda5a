"""Drift within a set of pictures, monitored from first to last as if they had come in one after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.deploy.reference import Reference
from fashionlab.deploy.rules import Answers
from fashionlab.drift.monitor import WINDOW, DriftMonitor

STEP = 10  # pictures between two looks
LEAST = 50  # pictures below which limits are too far off to tell anything


@dataclass(frozen=True)
class Scanned:
    """One figure over all windows. statistic: "ks", or "psi" for the answered classes; largest: its largest value in
    any window; limit: above it is an alarm; alarm: whether any window raised one; raised: the first picture (from 0)
    at whose window there was an alarm, None without one."""

    name: str
    statistic: str
    largest: float
    limit: float
    alarm: bool
    raised: int | None


@dataclass(frozen=True)
class Scan:
    """window: pictures in each window; pictures: all of them."""

    pictures: int
    window: int
    figures: tuple[Scanned, ...]

    @property
    def alarm(self) -> bool:
        return any(figure.alarm for figure in self.figures)


def scan(reference: Reference, classes: tuple[str, ...], figures: Mapping[str, np.ndarray], answers: Answers) -> Scan:
    """Look at every `STEP`-th window of N pictures: their `figures`, float [N] each, and their answers.

    A window is of 500 pictures, or of all where there are fewer. Raises DataError for less than `LEAST`.
    """
    n = len(answers.probabilities)
    if n < LEAST:
        raise DataError(f"{n} readable pictures do not tell drift from chance; it takes {LEAST}, better {WINDOW}")
    monitor = DriftMonitor(reference, classes, min(n, WINDOW))
    scanned: dict[str, Scanned] = {}
    start = 0
    while start < n:
        stop = min(max(start + STEP, monitor.window), n)
        rows = slice(start, stop)
        monitor.observe({name: values[rows] for name, values in figures.items()},
                        Answers(answers.probabilities[rows], answers.sets[rows], answers.outlier_score[rows],
                                answers.outlier[rows]))
        for figure in monitor.report().figures:
            statistic, value = ("psi", figure.psi) if math.isnan(figure.ks) else ("ks", figure.ks)
            before = scanned.get(figure.name)
            raised = before.raised if before and before.alarm else stop - 1 if figure.alarm else None
            scanned[figure.name] = Scanned(figure.name, statistic, max(value, before.largest if before else 0.0),
                                           figure.limit, raised is not None, raised)
        start = stop
    return Scan(n, monitor.window, tuple(scanned.values()))
