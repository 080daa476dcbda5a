"""The written analysis of twenty test pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fashionlab.common.errors import DataError
from fashionlab.common.records import Predictions
from fashionlab.report.names import shorten
from fashionlab.report.sample_predictions import SAMPLES, WRONG, analysis, choose, write_sample_predictions
from fashionlab.runs.results import load_results


def predictions(right: int, wrong: int) -> Predictions:
    n = right + wrong
    labels = np.arange(n) % 3
    predicted = np.where(np.arange(n) < right, labels, (labels + 1) % 3)
    return Predictions(np.eye(3, dtype=np.float32)[predicted], labels, np.arange(n), ("a", "b", "c"), "test")


@pytest.mark.parametrize(("right", "wrong", "shown_right", "shown_wrong"), [
    (500, 100, SAMPLES - WRONG, WRONG), (500, 2, SAMPLES - 2, 2), (500, 0, SAMPLES, 0), (3, 100, 3, SAMPLES - 3),
    (0, 100, 0, SAMPLES), (4, 3, 4, 3), (1, 0, 1, 0),
])
def test_how_many_are_wrong(right: int, wrong: int, shown_right: int, shown_wrong: int) -> None:
    judged = predictions(right, wrong)
    chosen = choose(judged)
    assert chosen == sorted(set(chosen)) and chosen == choose(judged)
    is_wrong = (judged.predicted != judged.labels)[chosen]
    assert (int((~is_wrong).sum()), int(is_wrong.sum())) == (shown_right, shown_wrong)


def test_the_text_says_what_metrics_json_says(toy_run: Path) -> None:
    results = load_results(toy_run)
    metrics = json.loads((toy_run / "metrics.json").read_text(encoding="utf-8"))
    matrix = np.array(metrics["test"]["confusion"])
    text = analysis(results)
    assert f"accuracy {100 * metrics['test_accuracy']:.2f} %" in text
    blocks = re.findall(
        r"picture (\d+): (right|WRONG)\n  true       (\S+) \(given ([\d.]+) %\)\n  predicted  (\S+) \(([\d.]+) %\)\n"
        r"  runner-up  (\S+) \(([\d.]+) %\)\n  (.+)\n", text)
    assert len(blocks) == SAMPLES
    for number, verdict, true, given, predicted, sure, second, next_sure, confusions in blocks:
        row, label = int(number), results.spec.classes.index(true)
        assert label == results.test.labels[row]
        probabilities = results.test.probabilities[row]
        order = np.argsort(-probabilities)
        assert [predicted, second] == [results.spec.classes[i] for i in order[:2]]
        assert (verdict == "right") == (order[0] == label)
        shown = [f"{100 * probabilities[i]:.1f}" for i in (label, order[0], order[1])]
        assert [given, sure, next_sure] == shown
        others = matrix[label].copy()
        others[label] = 0
        if others.any():
            assert f"{others.sum():,} of {matrix[label].sum():,} test pictures" in confusions
            assert f"for {results.spec.classes[others.argmax()]}: {others.max():,} (" in confusions
        else:
            assert "never taken for another class" in confusions


def test_a_run_without_a_test_evaluation(toy_run: Path, tmp_path: Path) -> None:
    for name in ("recipe.yaml", "model.json"):
        (tmp_path / name).write_bytes((toy_run / name).read_bytes())
    with pytest.raises(DataError, match="never evaluated on the test split"):
        write_sample_predictions(load_results(tmp_path))
    assert not (tmp_path / "sample_predictions.txt").exists()


def test_long_names_keep_their_ends() -> None:
    assert shorten("Ankle boot") == "Ankle boot"
    one, other = shorten("shirt with sleeves, short"), shorten("shirt with sleeves, long")
    assert one != other and max(len(one), len(other)) <= 18
