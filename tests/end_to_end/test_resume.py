"""A training killed with SIGKILL and resumed ends with the same bits as one left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fashionlab.runs.checkpoint import read_checkpoint

# Everything with a state of its own at once: dropout, mixing, random geometry, average, one-cycle, early
# stopping, skipping easy pictures.
RECIPE = """
model: {name: ablation-main, dropout: 0.25}
data: {dataset: %s, validation: 100, normalise: dataset, limit: 400}
augment:
  - {name: flip, alternating: true}
  - {name: rotation, degrees: 15}
  - {name: random_erasing, probability: 0.5}
  - {name: mixup, alpha: 0.4, probability: 0.5}
selection: {keep: 0.6, after: 1}
batch_size: 40
epochs: 6
optimizer: {name: adam, lr: 0.002}
schedule: {name: one-cycle}
averaging: {name: ema, decay: 0.9}
early_stopping: {metric: val_loss, patience: 5}
"""


# Kills itself with SIGKILL, either after so many steps of the optimizer, amid an epoch, or when so many checkpoints
# have been written and the next one is about to take its place.
DYING = """
import os, signal, sys
from torch.optim.optimizer import register_optimizer_step_post_hook
from fashionlab.cli.main import run
what, left = sys.argv[1], [int(sys.argv[2])]
def count(*_):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
if what == "step":
    register_optimizer_step_post_hook(count)
else:
    sys.addaudithook(lambda event, given: event == "os.rename" and str(given[1]).endswith("last.pt") and count())
sys.exit(run(["train", *sys.argv[3:], "--quiet"]))
"""


def _train_and_die(folder: Path, what: str, when: int, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-c", DYING, what, str(when), *arguments], cwd=folder)
    assert done.returncode == -signal.SIGKILL


def _tensors(value, path=""):
    """All tensors in a nested checkpoint, by their place."""
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _tensors(child, f"{path}/{key}")
    elif isinstance(value, list | tuple):
        for i, child in enumerate(value):
            yield from _tensors(child, f"{path}/{i}")


@pytest.mark.parametrize("deaths", [
    [("step", 13)], pytest.param([("step", 17), ("checkpoint", 1), ("step", 9)], marks=pytest.mark.slow)], ids=len)
def test_killed_and_resumed_equals_left_alone_bit_for_bit(cli, toy_data, tmp_path, deaths):
    (tmp_path / "all.yaml").write_text(RECIPE % toy_data)
    assert cli("train", "all.yaml", "--name", "alone", "--quiet").code == 0
    begin = ["all.yaml", "--name", "killed"]
    for what, when in deaths:
        _train_and_die(tmp_path, what, when, *begin)
        begin = ["--resume", "runs/killed"]
    assert read_checkpoint(tmp_path / "runs" / "killed" / "checkpoints" / "last.pt")["history"], "killed too early"
    assert cli("train", *begin, "--quiet").code == 0

    alone, killed = tmp_path / "runs" / "alone", tmp_path / "runs" / "killed"
    for kind in ("best", "averaged"):
        ours, theirs = (load_file(run / "checkpoints" / f"{kind}.safetensors") for run in (alone, killed))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), kind
    states = [dict(_tensors(read_checkpoint(run / "checkpoints" / "last.pt"))) for run in (alone, killed)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    tables = [(run / "metrics.csv").read_text().splitlines() for run in (alone, killed)]
    losses = [[row.split(",")[1:5] for row in table] for table in tables]
    assert losses[0] == losses[1]
