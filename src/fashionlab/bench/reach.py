"""Time to an accuracy: a recipe as `fashionlab train` trains it beside the plain way, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from fashionlab import recipes
from fashionlab.bench.train import PlainTraining
from fashionlab.common import environment, runtime
from fashionlab.common.errors import FashionlabError
from fashionlab.common.records import PictureSet
from fashionlab.data import limit, load_training
from fashionlab.data.splits import divide
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import RunFolder

BASELINE = "ablation-no-augmentation"
TARGET = 0.927  # what the text of the baseline claims
PATIENCE = 2  # times as many epochs as a recipe has are tried


def measure(recipe: str = "quick", target: float = TARGET, limit_train: int | None = None) -> dict[str, Any]:
    """Seconds of training until the validation accuracy is `target`, of both sides, and their `ratio`.

    Judged after every epoch on the recipe's own validation split; judging is not counted, nor is reading the data.
    Our side trains before and after the plain one, and the mean counts: a machine's speed drifts. Seconds are None for
    a side that does not get there, and so is the ratio. limit_train: fewer training pictures, for trials.
    """
    given = [] if limit_train is None else [f"data.limit={limit_train}"]
    ours, plain = recipes.load(recipe, given), recipes.load(BASELINE)
    first = _ours(ours, recipe, given, target)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        other = process.submit(_plain, plain, ours, target).result()
    second = _ours(ours, recipe, given, target)
    both = [run["seconds"] for run in (first, second)]
    mean = None if None in both else float(np.mean(both))
    return {
        "what": f"seconds of training until the validation accuracy is {target:.1%}", "target": target,
        "sides": {"plain": {"recipe": BASELINE, **other},
                  "fashionlab": {"recipe": recipe, "seconds": mean, "runs": [first, second]}},
        "ratio": None if mean is None or other["seconds"] is None else round(other["seconds"] / mean, 2),
        "threads": runtime.usable_cores(), "machine": environment.machine(), "versions": environment.versions(),
        "commit": environment.commit(),
    }


def _ours(recipe: Recipe, name: str, given: list[str], target: float) -> dict[str, Any]:
    """As a person trains it. Raises FashionlabError when that fails."""
    with TemporaryDirectory() as folder:
        words = ["train", name, *(word for override in given for word in ("--set", override)), "--runs", folder,
                 "--name", "run", "--quiet", "--no-report"]
        done = subprocess.run([sys.executable, "-m", "fashionlab", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise FashionlabError(f"fashionlab {' '.join(words)} failed: {done.stderr.strip()}")
        history = RunFolder(Path(folder) / "run").read_history()
    return reached([(row["seconds"] or 0.0, row["val_accuracy"] or 0.0) for row in history], target)


def _plain(recipe: Recipe, ours: Recipe, target: float) -> dict[str, Any]:
    """The loop of a tutorial over the pictures that `ours` trains on, until it gets there or has had its epochs."""
    torch.set_num_threads(runtime.usable_cores())  # as PyTorch does by itself, but by what this process may use
    data = ours.data
    pictures = load_training(data.dataset)
    split = divide(pictures, data.validation, data.split_seed)
    if data.limit is not None:
        split = limit(split, pictures.labels, data.limit, data.split_seed)
    training = PlainTraining(recipe, _part(pictures, split.train))
    epochs: list[tuple[float, float]] = []
    while len(epochs) < PATIENCE * recipe.epochs and (not epochs or epochs[-1][1] < target):
        began = time.perf_counter()
        training()
        epochs.append((time.perf_counter() - began, training.accuracy(_part(pictures, split.validation))))
    return reached(epochs, target)


def _part(pictures: PictureSet, positions: np.ndarray) -> PictureSet:
    return replace(pictures, images=pictures.images[positions], labels=pictures.labels[positions])


def reached(epochs: list[tuple[float, float]], target: float) -> dict[str, Any]:
    """epochs: the seconds and the validation accuracy of each. What it took to get to `target`, if it did."""
    needed = next((epoch for epoch, (_, accuracy) in enumerate(epochs, 1) if accuracy >= target), None)
    return {"seconds": None if needed is None else sum(seconds for seconds, _ in epochs[:needed]), "epochs": needed,
            "accuracy": [accuracy for _, accuracy in epochs], "epoch_seconds": [seconds for seconds, _ in epochs]}
