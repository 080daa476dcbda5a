"""One record a metric: in every place that shows or judges metrics, the declared direction is what really happens, and
a new record appears without another edit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compared_runs import logits_of, write_run
from fashionlab.common.records import SPLITS, Predictions, SplitName
from fashionlab.dashboard.app import STATIC
from fashionlab.dashboard.runs import read_details
from fashionlab.dashboard.scores import score_rows
from fashionlab.evaluation.intervals import intervals
from fashionlab.evaluation.metrics import METRICS, headings, headlines, scores
from fashionlab.evaluation.metrics.record import Metric, mean_of
from fashionlab.report import compare_facts, facts, trust
from fashionlab.runs.metrics import Metrics
from fashionlab.runs.results import load_results
from fashionlab.studies.comparison import compare
from fashionlab.studies.metrics import find_metric, names

CLASSES = tuple("abcdefghij")
LABELS = np.arange(100) % len(CLASSES)
CHEAP = {"train_seconds": 1.0, "images_per_second": 1000.0, "epochs": 1, "parameters": 10}
DEAR = {"train_seconds": 9.0, "images_per_second": 10.0, "epochs": 9, "parameters": 1000}


def perfect() -> np.ndarray:
    """Logits of one that is always right and says so."""
    return logits_of(LABELS, 50.0, len(CLASSES))


def poor() -> np.ndarray:
    """Logits of one that is always wrong, sure of itself, and deems the true class the least likely."""
    return logits_of((LABELS + 1) % len(CLASSES), 50.0, len(CLASSES)) - perfect()


def metrics_json(logits: np.ndarray, costs: dict[str, float]) -> dict[str, Any]:
    """What metrics.json holds of a classifier with the same answers on both splits."""
    splits: dict[SplitName, dict[str, Any]] = {
        split: scores(Predictions(logits, LABELS, np.arange(len(LABELS)), CLASSES, split)) for split in SPLITS}
    top = {key: splits[split][name] for split in splits for key, name in headlines(split).items()}
    return {**splits, **top, **costs}


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    return metrics_json(perfect(), CHEAP)


@pytest.fixture(scope="module")
def bad() -> dict[str, Any]:
    return metrics_json(poor(), DEAR)


@pytest.mark.parametrize("name", names())
def test_a_study_calls_the_better_run_better(name: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    metric = find_metric(name)
    better, worse = (metric.read(Metrics.read(values, name), name) for name, values in (("good", good), ("bad", bad)))
    assert better > worse if metric.higher_is_better else better < worse


def test_the_dashboard_marks_the_better_run(tmp_path: Path, good: dict[str, Any], bad: dict[str, Any]) -> None:
    shown = {}
    for name, logits, metrics in (("good", perfect(), good), ("bad", poor(), bad)):
        path = write_run(tmp_path / name, logits, LABELS, classes=CLASSES, **metrics)
        shown[name] = read_details(load_results(path).folder)["scores"]
    judged = {row.key: row.better for row in score_rows() if row.better}
    assert judged.keys() == {*headlines("val"), *headlines("test"), *CHEAP}
    for key, better in judged.items():
        one, other = shown["good"][key], shown["bad"][key]
        assert one > other if better == "high" else one < other, key


def test_the_page_of_the_dashboard_knows_every_form() -> None:
    script = (STATIC / "curves.js").read_text(encoding="utf-8")
    known = re.search(r"const SHOW = \{(.*?)\};", script)
    assert known
    assert {row.show for row in score_rows()} == set(re.findall(r"(\w+)(?=[,:]|\s*$)", known[1]))
    assert [row.label for row in score_rows()][:2] == ["validation accuracy", "test accuracy"]


def test_headings_that_people_know() -> None:
    assert list(headings("summary").values()) == [
        "Accuracy", "Top-2 accuracy", "Top-3 accuracy", "Balanced accuracy", "Macro F1", "Macro precision",
        "Macro recall", "NLL, nats", "Brier score", "ECE, 15 bins"]
    assert list(headings("calibration").values()) == [
        "Accuracy", "NLL, nats", "Brier score", "ECE, equal width", "ECE, equal mass", "ECE, class-wise"]
    assert list(headings("comparison").values()) == ["Macro F1", "NLL", "Brier", "ECE"]
    assert list(headlines("val")) == ["val_accuracy"]
    assert set(headlines("test")) == {"test_accuracy", "balanced_accuracy", "top3_accuracy", "macro_f1", "nll",
                                      "brier", "ece"}
    assert {find_metric(name).unit for name in names()} == {"points", "nats", "", "s", "pictures/s", "epochs"}
    assert {name for name in names() if find_metric(name).is_time} == {"train_seconds", "images_per_second"}


def test_a_new_metric_is_one_entry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unsure(predictions: Predictions) -> np.ndarray:
        return 1 - predictions.probabilities.max(axis=1)

    new = Metric("doubt", "doubt", "this test", lambda predictions: float(unsure(predictions).mean()), is_share=True,
                 higher_is_better=False, form=mean_of(unsure), headlines={"test": "doubt"},
                 tables={"summary": "Doubt", "calibration": "Doubt", "comparison": "Doubted"})
    monkeypatch.setitem(METRICS, new.name, new)
    logits = logits_of(LABELS, np.linspace(0.1, 3, len(LABELS)), len(CLASSES))
    value = 1 - np.mean(np.exp(logits.max(axis=1)) / np.exp(logits).sum(axis=1))
    found = intervals(Predictions(logits, LABELS, np.arange(len(LABELS)), CLASSES, "test"))["doubt"]
    assert found.estimate == pytest.approx(value) and found.low < value < found.high
    assert find_metric("doubt").path == find_metric("test.doubt").path == ("test", "doubt")
    assert not find_metric("val.doubt").higher_is_better and find_metric("val.doubt").unit == "points"
    row = next(row for row in score_rows() if row.key == "doubt")
    assert (row.label, row.show, row.better) == ("doubt (test)", "percent", "low")

    table = {"doubt": {"estimate": 0.25, "low": 0.125, "high": 0.5}}
    calibration = {"methods": {"none": table, "temperature": table}, "n": 100, "fitted_n": 9, "temperature": 2.0}
    run, other = (load_results(write_run(tmp_path / name, logits, LABELS, classes=CLASSES)) for name in ("a", "b"))
    assert facts.scores(run)[-1] == ["Doubt", "-", f"{value:.2%}", "-"]
    compared = compare_facts.scores(compare([run, other]))
    assert compared.headings[-1] == "Doubted" and compared.plain[0][-1] == f"{value:.2%}"
    judged = write_run(tmp_path / "c", logits, LABELS, classes=CLASSES, calibration=calibration)
    assert trust.calibration(load_results(judged))[0].rows == [["Doubt", *["25.00% [12.50, 50.00]"] * 2]]
