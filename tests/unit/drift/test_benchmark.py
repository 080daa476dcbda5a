"""benchmarks/drift.py looks at millions of windows with a fast form of what DriftMonitor does one window at a time."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from fashionlab.deploy.reference import Reference
from fashionlab.deploy.rules import Answers
from fashionlab.drift.monitor import CLASSES, WINDOW, DriftMonitor

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "drift.py"


@pytest.fixture
def benchmark():
    spec = importlib.util.spec_from_file_location("drift_benchmark", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pictures(n: int, seed: int, shift: float) -> tuple[dict[str, np.ndarray], Answers]:
    """ink with few different values, distance with many."""
    draw = np.random.default_rng(seed)
    probabilities = np.eye(3, dtype=np.float32)[draw.choice(3, n, p=(0.5, 0.3, 0.2))]
    figures = {"ink": (draw.normal(shift, 1, n).round() / 8).astype(np.float32),
               "distance": draw.normal(shift, 1, n).astype(np.float32)}
    return figures, Answers(probabilities, probabilities > 0, np.zeros(n), np.zeros(n, bool))


def test_windows_have_the_statistics_and_limits_of_the_monitor(benchmark):
    reference = Reference.of(*pictures(900, 0, 0.0))
    figures, answers = pictures(WINDOW + 40, 1, 0.3)
    limits = benchmark.Limits(reference)
    values = {**figures, CLASSES: answers.probabilities.argmax(axis=1)}
    windows = {name: limits.windows(name, values[name], 20) for name in limits.values}
    for number, start in enumerate((0, 20, 40)):
        rows = slice(start, start + WINDOW)
        monitor = DriftMonitor(reference, ("a", "b", "c"))
        monitor.observe({name: column[rows] for name, column in figures.items()},
                        Answers(*(column[rows] for column in vars(answers).values())))
        for figure in monitor.report().figures:
            statistic = figure.psi if figure.name == CLASSES else figure.ks
            assert windows[figure.name][number] == pytest.approx(statistic, abs=1e-6)
            assert limits.values[figure.name] == figure.limit
    assert {len(column) for column in windows.values()} == {3}


def test_an_alarm_that_returns_within_a_window_is_the_same(benchmark):
    over = np.zeros(4 * WINDOW, bool)
    assert benchmark.episodes(over) == 0
    over[[10, 11, WINDOW, 3 * WINDOW]] = True
    assert benchmark.episodes(over) == 2
