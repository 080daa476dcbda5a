"""DriftMonitor: a sliding window, in any order of batches and threads; a scan over many windows."""

from __future__ import annotations

import json
import math
import threading

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from fashionlab.common.errors import DataError
from fashionlab.deploy.reference import Reference
from fashionlab.deploy.rules import Answers
from fashionlab.drift import limits
from fashionlab.drift.monitor import DriftMonitor
from fashionlab.drift.scan import LEAST, scan
from fashionlab.drift.statistics import kolmogorov_smirnov, stability_index

CLASSES = ("a", "b", "c")
DRAW = np.random.default_rng(0)


def pictures(n: int, shift: float = 0.0, shares: tuple[float, ...] = (0.5, 0.3, 0.2)
             ) -> tuple[dict[str, np.ndarray], Answers]:
    probabilities = np.eye(3, dtype=np.float32)[DRAW.choice(3, n, p=shares)]
    figures = {name: DRAW.normal(shift, 1, n).astype(np.float32) for name in ("ink", "distance")}
    return figures, Answers(probabilities, probabilities > 0, np.zeros(n), np.zeros(n, bool))


def part(seen: tuple[dict[str, np.ndarray], Answers], rows: slice) -> tuple[dict[str, np.ndarray], Answers]:
    return ({name: values[rows] for name, values in seen[0].items()},
            Answers(*(values[rows] for values in vars(seen[1]).values())))


REFERENCE = Reference.of(*pictures(3000))


@given(st.lists(st.integers(0, 70), max_size=8))
def test_the_window_is_the_latest_pictures_however_they_come(sizes: list[int]):
    monitor, n = DriftMonitor(REFERENCE, CLASSES, window=50), sum(sizes)
    seen = pictures(n)
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        monitor.observe(*part(seen, slice(start, start + size)))
    report = monitor.report()
    assert (report.seen, report.window, report.full) == (n, min(n, 50), 50)
    if n == 0:
        assert not report.figures and not report.alarm
        return
    figures, answers = part(seen, slice(max(0, n - 50), n))
    by_name = {figure.name: figure for figure in report.figures}
    assert list(by_name) == ["ink", "distance", "classes"]
    for name, values in figures.items():
        assert by_name[name].ks == kolmogorov_smirnov(REFERENCE.values[name], values)
        edges, shares = REFERENCE.histogram(name)
        counts = np.histogram(values, [-1e9, *edges[1:-1], 1e9])[0]
        assert by_name[name].psi == pytest.approx(float(stability_index(shares, counts, 3000)))
        assert by_name[name].limit == limits.ks_limit(50, 3000, 3)
    counts = answers.probabilities.sum(axis=0, dtype=np.float64)
    assert by_name["classes"].psi == pytest.approx(float(stability_index(REFERENCE.classes, counts, 3000)))
    assert math.isnan(by_name["classes"].ks) and by_name["classes"].limit == limits.psi_limit(50, 3000, 3, 3)


def test_nothing_is_alarming_before_the_window_is_full():
    monitor = DriftMonitor(REFERENCE, CLASSES)
    monitor.observe(*pictures(499, shift=9, shares=(0, 0, 1)))
    assert not monitor.report().alarm
    monitor.observe(*pictures(1, shift=9, shares=(0, 0, 1)))
    assert [figure.alarm for figure in monitor.report().figures] == [True, True, True] and monitor.report().alarm
    monitor.observe(*pictures(500))
    assert not monitor.report().alarm


def test_each_figure_has_an_alarm_of_its_own():
    monitor = DriftMonitor(REFERENCE, CLASSES)
    monitor.observe(*pictures(500, shares=(0.1, 0.1, 0.8)))
    assert [figure.name for figure in monitor.report().figures if figure.alarm] == ["classes"]
    figures, answers = pictures(500)
    monitor.observe({**figures, "ink": figures["ink"] + 1}, answers)
    assert [figure.name for figure in monitor.report().figures if figure.alarm] == ["ink"]


def test_the_report_is_strict_json():
    monitor = DriftMonitor(REFERENCE, CLASSES, 5)
    assert json.loads(json.dumps(monitor.report().as_json(), allow_nan=False)) == {
        "seen": 0, "window": 0, "full": 5, "figures": [], "alarm": False}
    monitor.observe(*pictures(1))
    figures = json.loads(json.dumps(monitor.report().as_json(), allow_nan=False))["figures"]
    assert figures[-1]["ks"] is None and set(figures[0]) == {"name", "psi", "ks", "limit", "alarm"}


def test_threads_do_not_disturb_one_another():
    monitor, seen = DriftMonitor(REFERENCE, CLASSES), pictures(7)

    def work() -> None:
        for _ in range(200):
            monitor.observe(*seen)
            assert monitor.report().window <= 500

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = monitor.report()
    assert (report.seen, report.window) == (4 * 200 * 7, 500)


def test_a_reference_with_one_value_and_a_single_picture():
    single = Reference({"ink": np.array([0.5], np.float32)}, np.array([1.0]))
    monitor = DriftMonitor(single, ("only",), 1)
    answers = Answers(np.ones((1, 1), np.float32), np.ones((1, 1), bool), np.zeros(1), np.zeros(1, bool))
    monitor.observe({"ink": np.array([0.5], np.float32)}, answers)
    assert [figure.alarm for figure in monitor.report().figures] == [False, False]


@pytest.mark.parametrize(("classes", "window"), [(CLASSES, 0), (("a", "b"), 500)])
def test_what_cannot_be_monitored_is_refused(classes: tuple[str, ...], window: int):
    with pytest.raises(ValueError, match="cannot monitor"):
        DriftMonitor(REFERENCE, classes, window)


def test_a_scan_finds_when_pictures_changed():
    before, after = pictures(2000), pictures(700, shift=3)
    figures = {name: np.concatenate([values, after[0][name]]) for name, values in before[0].items()}
    answers = Answers(*(np.concatenate(both) for both in zip(vars(before[1]).values(), vars(after[1]).values(),
                                                             strict=True)))
    result = scan(REFERENCE, CLASSES, figures, answers)
    ink, distance, classes = result.figures
    assert result.alarm and result.pictures == 2700 and result.window == 500
    assert ink.statistic == "ks" and classes.statistic == "psi" and not classes.alarm and classes.raised is None
    for figure in (ink, distance):
        assert figure.raised is not None and 2000 < figure.raised < 2000 + 200
        last = kolmogorov_smirnov(REFERENCE.values[figure.name], figures[figure.name][-500:])
        assert figure.largest == pytest.approx(last, abs=0.05)


def test_a_scan_of_few_pictures_is_of_one_window():
    assert scan(REFERENCE, CLASSES, *pictures(LEAST)).window == LEAST
    assert scan(REFERENCE, CLASSES, *pictures(LEAST, shift=9)).figures[0].raised == LEAST - 1
    with pytest.raises(DataError, match=f"{LEAST - 1} readable pictures"):
        scan(REFERENCE, CLASSES, *pictures(LEAST - 1))
