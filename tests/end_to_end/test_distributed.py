"""Two CPU processes through torchrun train one model."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

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


# A checkpoint whenever the processes agree on one, and a callback that only the first process is asked.
PROGRAM = """
import os, sys
from pathlib import Path
from fashionlab import recipes
from fashionlab.training import session, trainer
trainer.CHECKPOINT_SECONDS = 0.0
def stop(epoch):
    assert os.environ["RANK"] == "0"
    return epoch.epoch == 2
for name, epochs, callbacks in (("stopped", 4, [stop]), ("shorter", 2, [])):
    recipe = recipes.load("three-linear", ["data.dataset=" + sys.argv[1], "data.validation=100", "batch_size=20",
                          f"epochs={epochs}", "averaging={name: ema}", "schedule={name: constant}"])
    session.start(recipe, Path(name), session.Options(device="cpu"), callbacks)
"""


@pytest.mark.slow
def test_a_callback_in_the_first_process_stops_all(toy_data, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    launched = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "program.py",
         str(toy_data)], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert launched.returncode == 0, launched.stderr[-2000:]
    metrics = json.loads((tmp_path / "stopped" / "metrics.json").read_text())
    assert (metrics["stopped"], metrics["epochs"]) == ("a callback asked to stop after epoch 2", 2)
    ours, theirs = (load_file(tmp_path / name / "checkpoints" / "averaged.safetensors") for name in
                    ("stopped", "shorter"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


UNEVEN = """
import sys
from pathlib import Path
from fashionlab import recipes
from fashionlab.training import session
folder, data = Path(sys.argv[1]), sys.argv[2]
for name, words in (("weighted", ["loss.class_weights=balanced", "loss.label_smoothing=0.1", "batch_size=35",
                                  "gradient.accumulate=2"]),
                    ("sampled", ["data.sampler=balanced", "batch_size=20"])):
    recipe = recipes.load("three-linear", ["data.dataset=" + data, "data.validation=0", "epochs=2",
                          "precision=float32", *words])
    session.start(recipe, folder / name, session.Options(device="cpu", quiet=True))
"""


@pytest.mark.slow
def test_two_processes_even_out_classes_as_one_does(tmp_path):
    """The sum of the weights is the whole batch's, though the two shares of 35 pictures differ."""
    draw = np.random.default_rng(0)
    labels = {"train": np.repeat(np.arange(3), (80, 16, 4)), "test": np.arange(3)}
    pictures = {part: draw.integers(0, 256, (len(of), 8, 8), dtype=np.uint8) for part, of in labels.items()}
    np.savez(tmp_path / "uneven.npz", x_train=pictures["train"], y_train=labels["train"], x_test=pictures["test"],
             y_test=labels["test"], classes=np.array(["bag", "coat", "tie"]))
    (tmp_path / "program.py").write_text(UNEVEN)
    words = ["program.py", "{}", "uneven.npz"]
    for name, launcher in (("one", []), ("two", ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                                                 "2"])):
        launched = subprocess.run([sys.executable, *launcher, *(word.format(name) for word in words)], cwd=tmp_path,
                                  capture_output=True, text=True, timeout=200)
        assert launched.returncode == 0, launched.stderr[-2000:]
        assert launched.stderr.count("“tie” (4)") == 2, "of each of two trainings, by the first process alone"
    for name in ("weighted", "sampled"):
        one, two = (read_checkpoint(tmp_path / side / name / "checkpoints" / "last.pt") for side in ("one", "two"))
        for key, weights in one["model"].items():
            torch.testing.assert_close(two["model"][key], weights, rtol=1e-4, atol=1e-6)
        assert [row["train_loss"] for row in two["history"]] == pytest.approx(
            [row["train_loss"] for row in one["history"]], rel=0.05)
