"""Where the test classes are uneven, balanced accuracy stands beside accuracy: in what is printed, on the page and in
the card; where they are even, nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

import fashionlab as fl
from compared_runs import logits_of, write_run
from fashionlab.report import facts
from fashionlab.report.page import write_report
from fashionlab.runs.results import RunResults, load_results
from pages import read_page
from toy_runs import train

WORD = "balanced accuracy"


def judged(path: Path, labels: np.ndarray, **metrics: Any) -> RunResults:
    """A run that calls everything the first class."""
    return load_results(write_run(path, logits_of(np.zeros(len(labels), dtype=int)), labels, **metrics))


def test_uneven_classes_are_shown_beside_accuracy(tmp_path: Path) -> None:
    uneven = judged(tmp_path / "uneven", np.array([0] * 30 + [1] * 20 + [2] * 10))
    even = judged(tmp_path / "even", np.arange(60) % 3)
    rows = {row[0]: row for row in facts.scores(uneven)}
    assert (rows["Accuracy"][2], rows["Balanced accuracy"][2]) == ("50.00%", "33.33%")
    assert "Balanced accuracy" not in {row[0] for row in facts.scores(even)}
    assert even.metrics.test.balanced_accuracy == pytest.approx(1 / 3), "metrics.json has it anyway"


def test_a_run_judged_before_there_was_balanced_accuracy_is_shown_without(tmp_path: Path) -> None:
    run = judged(tmp_path / "old", np.array([0] * 30 + [1] * 20 + [2] * 10))
    values = run.folder.read_json(run.folder.metrics)
    del values["test"]["balanced_accuracy"]
    run.folder.metrics.write_text(json.dumps(values))
    old = load_results(run.folder.path)
    assert "Balanced accuracy" not in {row[0] for row in facts.scores(old)}
    assert not facts.shows_balanced_accuracy(old)


def test_a_trained_run_says_it_everywhere(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    arrays = {}
    for part, counts in (("train", (80, 20)), ("test", (40, 10))):
        labels = np.repeat(np.arange(2), counts)
        arrays |= {f"x_{part}": draw.integers(0, 256, (len(labels), 8, 8), dtype=np.uint8), f"y_{part}": labels}
    np.savez(tmp_path / "uneven.npz", **arrays, classes=np.array(["bag", "coat"]))
    folder = train(tmp_path / "run", tmp_path / "uneven.npz", "three-linear", "data.validation=20", "batch_size=20",
                   "epochs=1", "loss.class_weights=balanced")
    run = fl.Run(folder)
    test = run.predictions("test")
    expected = f"{balanced_accuracy_score(test.labels, test.predicted):.2%}"
    values = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert values["balanced_accuracy"] == values["test"]["balanced_accuracy"] == run.metrics.test.balanced_accuracy
    assert f"{run.metrics.test.balanced_accuracy:.2%}" == expected
    assert "balanced_accuracy" in values["val"] and "balanced_accuracy" in values["intervals"]
    lines = run.summary().splitlines()
    assert lines[1].split("  ")[0] == WORD and expected in lines[1]
    assert WORD in run._repr_html_() and expected in run._repr_html_()
    page = read_page(write_report(folder))
    assert "Balanced accuracy, test" in page.text
    assert any(row[0] == "Balanced accuracy" and row[2] == expected for table in page.tables for row in table.rows)
    card = (folder / "model_card.md").read_text(encoding="utf-8")
    assert any(line.startswith("| Balanced accuracy |") and expected in line for line in card.splitlines())


def test_even_classes_are_summed_up_in_five_lines(toy_run: Path) -> None:
    summary = fl.Run(toy_run).summary()
    assert len(summary.splitlines()) == 5 and WORD not in summary
