"""The watcher: a sliding window, in any order of batches and threads."""

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
from fashionlab.drift.scan import LEAST, scan
from fashionlab.drift.statistics import kolmogorov_smirnov, stability_index
from fashionlab.drift.watcher import Watcher

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
    watcher, n = Watcher(REFERENCE, CLASSES, window=50), sum(sizes)
    seen = pictures(n)
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        watcher.observe(*part(seen, slice(start, start + size)))
    found = watcher.report()
    assert (found.seen, found.window, found.full) == (n, min(n, 50), 50)
    if n == 0:
        assert not found.figures and not found.alarm
        return
    figures, answers = part(seen, slice(max(0, n - 50), n))
    by_name = {one.name: one for one in found.figures}
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
    watcher = Watcher(REFERENCE, CLASSES)
    watcher.observe(*pictures(499, shift=9, shares=(0, 0, 1)))
    assert not watcher.report().alarm
    watcher.observe(*pictures(1, shift=9, shares=(0, 0, 1)))
    assert [one.alarm for one in watcher.report().figures] == [True, True, True] and watcher.report().alarm
    watcher.observe(*pictures(500))
    assert not watcher.report().alarm


def test_each_figure_has_an_alarm_of_its_own():
    watcher = Watcher(REFERENCE, CLASSES)
    watcher.observe(*pictures(500, shares=(0.1, 0.1, 0.8)))
    assert [one.name for one in watcher.report().figures if one.alarm] == ["classes"]
    figures, answers = pictures(500)
    watcher.observe({**figures, "ink": figures["ink"] + 1}, answers)
    assert [one.name for one in watcher.report().figures if one.alarm] == ["ink"]


def test_the_report_is_strict_json():
    watcher = Watcher(REFERENCE, CLASSES, 5)
    assert json.loads(json.dumps(watcher.report().as_json(), allow_nan=False)) == {
        "seen": 0, "window": 0, "full": 5, "figures": [], "alarm": False}
    watcher.observe(*pictures(1))
    told = json.loads(json.dumps(watcher.report().as_json(), allow_nan=False))
    assert told["figures"][-1]["ks"] is None and set(told["figures"][0]) == {"name", "psi", "ks", "limit", "alarm"}


def test_threads_do_not_disturb_one_another():
    watcher, seen = Watcher(REFERENCE, CLASSES), pictures(7)

    def work() -> None:
        for _ in range(200):
            watcher.observe(*seen)
            assert watcher.report().window <= 500

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = watcher.report()
    assert (found.seen, found.window) == (4 * 200 * 7, 500)


def test_a_reference_with_one_value_and_a_single_picture():
    single = Reference({"ink": np.array([0.5], np.float32)}, np.array([1.0]))
    watcher = Watcher(single, ("only",), 1)
    said = Answers(np.ones((1, 1), np.float32), np.ones((1, 1), bool), np.zeros(1), np.zeros(1, bool))
    watcher.observe({"ink": np.array([0.5], np.float32)}, said)
    assert [one.alarm for one in watcher.report().figures] == [False, False]


@pytest.mark.parametrize(("classes", "window"), [(CLASSES, 0), (("a", "b"), 500)])
def test_what_cannot_be_watched_is_refused(classes: tuple[str, ...], window: int):
    with pytest.raises(ValueError, match="cannot watch"):
        Watcher(REFERENCE, classes, window)


def test_a_scan_finds_when_pictures_changed():
    before, after = pictures(2000), pictures(700, shift=3)
    figures = {name: np.concatenate([values, after[0][name]]) for name, values in before[0].items()}
    answers = Answers(*(np.concatenate(both) for both in zip(vars(before[1]).values(), vars(after[1]).values(),
                                                             strict=True)))
    found = scan(REFERENCE, CLASSES, figures, answers)
    ink, distance, classes = found.figures
    assert found.alarm and found.pictures == 2700 and found.window == 500
    assert ink.statistic == "ks" and classes.statistic == "psi" and not classes.alarm and classes.raised is None
    for one in (ink, distance):
        assert one.raised is not None and 2000 < one.raised < 2000 + 200
        assert one.largest == pytest.approx(max(kolmogorov_smirnov(REFERENCE.values[one.name], values[-500:])
                                                for values in (figures[one.name],)), abs=0.05)


def test_a_scan_of_few_pictures_is_of_one_window():
    assert scan(REFERENCE, CLASSES, *pictures(LEAST)).window == LEAST
    assert scan(REFERENCE, CLASSES, *pictures(LEAST, shift=9)).figures[0].raised == LEAST - 1
    with pytest.raises(DataError, match=f"{LEAST - 1} readable pictures"):
        scan(REFERENCE, CLASSES, *pictures(LEAST - 1))
