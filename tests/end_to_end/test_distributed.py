"""Two CPU processes through torchrun train one model."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from fashionlab.common.records import Predictions
from fashionlab.runs.checkpoint import read_checkpoint

COMMAND = ["three-cnn", "--set", "epochs=4", "--set", "data.validation=101", "--set", "batch_size=33", "--quiet"]


@pytest.mark.slow
def test_two_processes_see_every_picture_once_and_do_as_well_as_one(cli, toy_data, tmp_path):
    launched = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "fashionlab",
         "train", *COMMAND, "--dataset", str(toy_data), "--name", "two", "--device", "cpu"],
        cwd=tmp_path, capture_output=True, text=True)
    assert launched.returncode == 0, launched.stderr[-2000:]
    assert cli("train", *COMMAND, "--dataset", toy_data, "--name", "one").code == 0
    one, two = (json.loads((tmp_path / "runs" / name / "metrics.json").read_text()) for name in ("one", "two"))
    history = read_checkpoint(tmp_path / "runs" / "two" / "checkpoints" / "last.pt")["history"]
    assert [row["pictures"] for row in history] == [499] * 4, "every picture once an epoch"
    assert one["steps"] == two["steps"]
    predictions = Predictions.load(tmp_path / "runs" / "two" / "predictions" / "val.npz")
    assert len(predictions.indices) == len(set(predictions.indices.tolist())) == 101
    assert two["val_accuracy"] == two["history"][-1]["val_accuracy"], "the sharded validation counts as a whole one"
    assert abs(one["test_accuracy"] - two["test_accuracy"]) < 0.1
    environment = json.loads((tmp_path / "runs" / "two" / "environment.json").read_text())
    assert environment["processes"] == 2
