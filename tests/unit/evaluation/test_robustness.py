"""Accuracy under corruption, against doing it by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from statsmodels.stats.proportion import proportion_confint

from fashionlab.common import runtime
from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from fashionlab.evaluation.robustness import robustness, robustness_run
from fashionlab.runs.folder import open_run
from fashionlab.runs.model import load_model
from toys import toy_pictures


@pytest.fixture
def run(toy_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_run, tmp_path / "run"))


def test_each_accuracy_is_what_one_gets_by_hand(run: Path) -> None:
    cpu = runtime.choose("cpu", "float32")
    model, spec = load_model(open_run(run), cpu.device)
    images, labels = toy_pictures(1001, seed=5)  # more than one batch, the last not full
    images, labels = images[:, None], labels.astype(np.int64)
    record = robustness(model, PictureSet(images, labels, spec.classes, "toys"), spec, cpu)

    def right(pictures: np.ndarray) -> int:
        with torch.no_grad():
            unit = torch.from_numpy(pictures).float() / 255
            logits = model((unit - spec.mean[0]) / spec.std[0])
        return int((logits.argmax(1).numpy() == labels).sum())

    assert record["n"] == 1001 and record["clean"]["estimate"] == right(images) / 1001
    assert list(record["corruptions"]) == list(CORRUPTIONS)
    estimates = []
    for name, row in record["corruptions"].items():
        assert row["strengths"] == list(CORRUPTIONS[name].strengths)
        for severity, one in zip(SEVERITIES, row["accuracy"], strict=True):
            count = right(corrupt(images, name, severity))
            low, high = proportion_confint(count, 1001, method="wilson")
            assert (one["estimate"], one["low"], one["high"]) == pytest.approx((count / 1001, low, high))
            estimates.append(one["estimate"])
    assert record["mean_corruption_accuracy"] == pytest.approx(np.mean(estimates))
    assert record["mean_corruption_accuracy"] < record["clean"]["estimate"]


def test_a_run_keeps_what_was_found(run: Path) -> None:
    before = json.loads((run / "metrics.json").read_text())
    record = robustness_run(run, device="cpu")
    assert json.loads((run / "robustness.json").read_text()) == record
    assert record["n"] == 200
    metrics = json.loads((run / "metrics.json").read_text())
    summary = metrics.pop("robustness")
    assert metrics == before
    assert summary["clean_accuracy"] == record["clean"]["estimate"]
    assert summary["mean_corruption_accuracy"] == record["mean_corruption_accuracy"]
    assert summary["corruptions"]["blur"] == [one["estimate"] for one in record["corruptions"]["blur"]["accuracy"]]
    assert robustness_run(run, device="cpu") == record, "the same pictures again"


def test_folders_that_are_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such run folder"):
        robustness_run(tmp_path / "nowhere")
    with pytest.raises(DataError, match="not the folder of a run"):
        robustness_run(tmp_path)
