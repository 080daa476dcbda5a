"""Drift of the latest pictures, kept up to date while they are answered."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fashionlab.deploy.reference import Reference
from fashionlab.deploy.rules import Answers
from fashionlab.drift import limits
from fashionlab.drift.statistics import kolmogorov_smirnov, stability_index

WINDOW = 500
CLASSES = "classes"  # the name of the figure that is which class was answered


@dataclass(frozen=True)
class FigureDrift:
    """How far one figure is from the reference.

    psi: population stability index; ks: Kolmogorov-Smirnov distance, nan for the answered classes, which have no
    order. limit: of ks, or of psi for the classes; above it, once the window is full, there is an alarm.
    """

    name: str
    psi: float
    ks: float
    limit: float
    alarm: bool


@dataclass(frozen=True)
class Drift:
    """seen: pictures so far; window: how many are in the window now, of `full` that it takes before anything raises an
    alarm; figures: empty before the first picture; alarm: whether any figure has one."""

    seen: int
    window: int
    full: int
    figures: tuple[FigureDrift, ...]
    alarm: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values for strict JSON: null in place of nan."""
        figures = [{key: None if isinstance(value, float) and math.isnan(value) else value
                    for key, value in asdict(figure).items()} for figure in self.figures]
        return {**asdict(self), "figures": figures}


class DriftMonitor:
    """Compares the last `window` pictures with `reference`. May be used from several threads at once.

    classes: the names that `reference.classes` has the shares of. Raises ValueError where a window is no use.
    """

    def __init__(self, reference: Reference, classes: tuple[str, ...], window: int = WINDOW) -> None:
        if window < 1 or len(classes) != len(reference.classes):
            raise ValueError(f"cannot monitor {window} pictures of {len(classes)} classes")
        self.reference, self.window = reference, window
        self._size = min(map(len, reference.values.values()))
        self._bins = {name: reference.histogram(name) for name in reference.values}
        self._kept = {name: np.zeros(window, np.float32) for name in reference.values}
        self._classes = np.zeros(window, np.int64)
        self._seen = 0
        self._lock = threading.Lock()

    def observe(self, figures: Mapping[str, np.ndarray], answers: Answers) -> None:
        """Take in N pictures: what `deploy.reference.statistics` says of them, float [N] each, and their answers."""
        answered = answers.probabilities.argmax(axis=1)
        latest = min(len(answered), self.window)
        with self._lock:
            self._seen += len(answered)
            positions = np.arange(self._seen - latest, self._seen) % self.window
            self._classes[positions] = answered[len(answered) - latest :]
            for name, kept in self._kept.items():
                kept[positions] = figures[name][len(answered) - latest :]

    def report(self) -> Drift:
        """How things stand now."""
        with self._lock:
            seen, held = self._seen, min(self._seen, self.window)
            kept = {name: values[:held].copy() for name, values in self._kept.items()}
            classes = self._classes[:held].copy()
        figures = (*(self._figure(name, values) for name, values in kept.items()), self._answered(classes)
                   ) if held else ()
        return Drift(seen, held, self.window, figures, any(figure.alarm for figure in figures))

    def _figure(self, name: str, values: np.ndarray) -> FigureDrift:
        edges, shares = self._bins[name]
        counts = np.bincount(np.searchsorted(edges, values, side="right") - 1, minlength=len(shares))
        distance = kolmogorov_smirnov(self.reference.values[name], values)
        limit = limits.ks_limit(self.window, self._size, self._figures)
        return FigureDrift(name, float(stability_index(shares, counts, self._size)), distance, limit,
                           len(values) == self.window and distance > limit)

    def _answered(self, classes: np.ndarray) -> FigureDrift:
        shares = self.reference.classes
        index = float(stability_index(shares, np.bincount(classes, minlength=len(shares)), self._size))
        limit = limits.psi_limit(self.window, self._size, self._figures, len(shares))
        return FigureDrift(CLASSES, index, math.nan, limit, len(classes) == self.window and index > limit)

    @property
    def _figures(self) -> int:
        return len(self._kept) + 1
