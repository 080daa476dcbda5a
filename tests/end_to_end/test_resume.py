"""A training killed with SIGKILL at several random moments and resumed ends with the same bits as one left alone."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

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


def _train(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "fashionlab", "train", *arguments, "--quiet"], cwd=folder,
                            stdout=subprocess.DEVNULL)


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


def test_killed_and_resumed_equals_left_alone_bit_for_bit(toy_data, tmp_path):
    (tmp_path / "all.yaml").write_text(RECIPE % toy_data)
    assert _train(tmp_path, "all.yaml", "--name", "alone").wait(120) == 0
    draw = random.Random(20261122)
    process = _train(tmp_path, "all.yaml", "--name", "killed")
    last = tmp_path / "runs" / "killed" / "checkpoints" / "last.pt"
    kills = 0
    for _ in range(3):
        before = last.stat().st_mtime_ns if last.exists() else 0
        while process.poll() is None and (not last.exists() or last.stat().st_mtime_ns == before):
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.6))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait(60)
        process = _train(tmp_path, "--resume", "runs/killed")
    assert process.wait(120) == 0
    assert kills >= 2, "the training ended before it could be killed"

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
