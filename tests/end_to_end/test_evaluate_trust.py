"""Intervals, calibration and conformal sets of a run, as `evaluate` leaves and prints them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from fashionlab.common.records import Predictions
from fashionlab.evaluation.calibration import FIGURES as CALIBRATION_FIGURES
from fashionlab.evaluation.calibration import METHODS, calibrated, load_calibrators
from fashionlab.evaluation.metrics import METRICS
from fashionlab.report.figures import FIGURES, Gallery
from fashionlab.report.inputs import ReportInputs
from fashionlab.runs.folder import RunFolder
from fashionlab.runs.results import load_results


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_run, tmp_path / "run"))


def read(run: Path) -> dict:
    metrics = json.loads((run / "metrics.json").read_text())
    del metrics["test_split_read"]
    return metrics


def test_training_leaves_what_can_be_recomputed_from_the_predictions(toy_run):
    metrics, results = read(toy_run), load_results(toy_run)
    for name, interval in metrics["intervals"].items():
        assert interval["estimate"] == metrics["test"][name]
        assert interval["low"] <= interval["estimate"] <= interval["high"]
    calibration, calibrators = metrics["calibration"], load_calibrators(RunFolder(toy_run).calibration)
    assert calibration["temperature"] == calibrators["temperature"].temperature
    assert (calibration["fitted_on"], calibration["fitted_n"]) == ("val", metrics["val"]["n"])
    assert (calibration["split"], calibration["n"]) == ("test", 200)
    for name in METHODS:
        fitted = calibrated(results.test, calibrators[name])
        for figure in CALIBRATION_FIGURES:
            assert calibration["methods"][name][figure]["estimate"] == pytest.approx(METRICS[figure](fitted))
    for figure in CALIBRATION_FIGURES:
        assert calibration["methods"]["none"][figure]["estimate"] == metrics["test"][figure]
    assert {row["promised"] for row in metrics["conformal"]["sets"]} == {0.9, 0.95, 0.99}


@pytest.mark.parametrize("split", ["test", "val"])
def test_evaluating_again_changes_no_figure(cli, run, split):
    before = read(run)
    told = json.loads(cli("evaluate", run, "--split", split, "--json").out)
    assert read(run) == before
    assert told["intervals"] == before[split]["intervals"]
    assert ("calibration" in told) == (split == "test")


def test_a_person_is_told_in_three_lines(cli, run):
    metrics, lines = read(run), cli("evaluate", run).out.splitlines()[-3:]
    interval = metrics["intervals"]["accuracy"]
    assert f"95 % interval {interval['low']:.2%} to {interval['high']:.2%}" in lines[0]
    methods = metrics["calibration"]["methods"]
    before, after = (methods[name]["ece"]["estimate"] for name in ("none", "temperature"))
    assert f"temperature {metrics['calibration']['temperature']:.3f}, ECE {before:.4f} -> {after:.4f}" in lines[1]
    assert "90% promised" in lines[2] and "99% promised" in lines[2]
    assert "95 % interval" in cli("evaluate", run, "--split", "val").out.splitlines()[-1]


def test_without_validation_predictions_there_is_none_and_it_says_so(cli, run):
    (run / "predictions" / "val.npz").unlink()
    (run / "calibration.json").unlink()
    result = cli("evaluate", run)
    assert "none; they are learned on validation predictions" in result.out
    assert (read(run)["calibration"], read(run)["conformal"]) == (None, None)
    assert read(run)["intervals"]
    assert not (run / "calibration.json").exists()
    assert cli("evaluate", run, "--split", "val").code == 0
    assert read(run)["calibration"] and (run / "calibration.json").is_file()


def test_a_run_without_a_validation_split(cli, toy_data):
    result = cli("train", "--dataset", toy_data, "--set", "data.validation=0", "--set", "batch_size=50", "--set",
                 "epochs=1", "--quiet", "--json")
    assert result.code == 0, result.err
    metrics = json.loads(result.out)
    assert (metrics["calibration"], metrics["conformal"]) == (None, None)
    assert metrics["intervals"]["accuracy"]["low"] <= metrics["test_accuracy"]


def test_a_class_without_pictures_or_answers_is_left_out_of_averages_and_named(cli, tmp_path, monkeypatch):
    labels = np.arange(350) % 2
    pictures = np.array(np.broadcast_to((200 * labels).astype(np.uint8)[:, None, None], (350, 28, 28)))
    pictures[:, 0, 0], pictures[:, 0, 1] = np.arange(350) % 256, np.arange(350) // 256  # none is another again
    np.savez(tmp_path / "shoes.npz", x_train=pictures[50:], y_train=labels[50:], x_test=pictures[:50],
             y_test=labels[:50], classes=np.array(["boot", "shoe", "scarf"]))
    trained = cli("train", "three-linear", "--dataset", tmp_path / "shoes.npz", "--set", "data.validation=50", "--set",
                  "batch_size=10", "--set", "epochs=3", "--name", "shoes", "--quiet", "--no-report")
    remark = "No picture of the {} split is of the class “scarf”, and none was called so"
    assert trained.code == 0 and [line.partition(":")[0] for line in trained.err.splitlines()] == ["note"] * 3
    run = tmp_path / "runs" / "shoes"
    again = cli("evaluate", run)
    assert again.err.startswith(f"note: {remark.format('test')}") and "scarf" not in again.out
    metrics, test = read(run), Predictions.load(RunFolder(run).predictions("test"))
    for split, word in (("val", "validation"), ("test", "test")):
        assert [line.partition(":")[0] for line in metrics[split]["remarks"]] == [remark.format(word)]
    assert metrics["macro_f1"] == pytest.approx(f1_score(test.labels, test.predicted, average="macro"))
    assert metrics["intervals"]["macro_f1"]["estimate"] == metrics["macro_f1"]
    assert metrics["per_class"][2] == {"class": "scarf", "precision": 0, "recall": 0, "f1": 0, "support": 0}
    monkeypatch.setattr("fashionlab.report.page.draw_all", lambda *_, **__: Gallery([], {}))  # which takes long
    assert cli("report", run).code == 0
    page, card = (run / "report.html").read_text(), (run / "model_card.md").read_text()
    for word in ("validation", "test"):
        assert remark.format(word) in page and remark.format(word) in card
    weakest = min(metrics["per_class"][:2], key=lambda row: row["f1"])["class"]
    assert f"Weakest class: {weakest} " in card
    assert f"F1 is lowest for {weakest} " in FIGURES["per_class"].caption(ReportInputs(load_results(run)))
