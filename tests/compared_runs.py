"""Finished runs with chosen answers on a test split, written as training writes them, but without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab import recipes
from fashionlab.common.files import write_json, write_text
from fashionlab.common.records import Predictions
from fashionlab.evaluation.metrics import scores
from fashionlab.runs.folder import ModelSpec, RunFolder, create_run

CLASSES = ("ankle boot", "bag", "coat")
DATA = {"source": "made up", "sha256": "a" * 64, "split_sha256": "b" * 64, "train": 60, "validation": 6,
        "skip_unreadable": False}
MACHINE = {"machine": {"processor": "a processor", "gpus": []}, "device": "cpu", "threads": 2, "precision": "float32"}
COST = {"macs": 7940, "weight_bytes": 32_000, "machine": "a processor", "threads": 2,
        "prediction": {"latency_ms": {"1": {"median": 0.5}}, "images_per_second": {"256": 9000.0},
                       "peak_bytes": 1_000_000}}


def logits_of(answers: Sequence[int] | np.ndarray, sure: float | np.ndarray = 3.0, classes: int = 3) -> np.ndarray:
    """float32 [N, classes] that answer `answers`, with logits of `sure` against 0."""
    return (np.eye(classes)[np.asarray(answers)] * np.reshape(sure, (-1, 1))).astype(np.float32)


def write_run(path: Path, logits: np.ndarray, labels: np.ndarray, *, seed: int = 0, recipe: str = "three-mlp",
              overrides: Sequence[str] = (), data: dict[str, Any] | None = None, machine: dict[str, Any] | None = None,
              classes: Sequence[str] = CLASSES, size: int = 28, indices: np.ndarray | None = None,
              **metrics: Any) -> Path:
    """A complete run of `recipe` whose test predictions are `logits` [N, classes] on pictures with `labels` [N].

    data and machine replace values of DATA and MACHINE, metrics those of metrics.json.
    """
    run: RunFolder = create_run(path, overwrite=False)
    resolved = recipes.load(recipe, [*overrides, f"seed={seed}"])
    run.set_status("complete")
    write_text(run.recipe, recipes.to_yaml(resolved))
    write_json(run.environment, {**MACHINE, **(machine or {}), "data": {**DATA, **(data or {})}})
    ModelSpec(resolved.model.name, {}, tuple(classes), 1, size, (0.0,), (1.0,), 1).save(run.model)
    order = np.arange(len(labels)) if indices is None else indices
    predictions = Predictions(logits, np.asarray(labels, dtype=np.int64), order, tuple(classes), "test")
    predictions.save(run.predictions("test"))
    write_json(run.metrics, {"parameters": 7960, "train_seconds": 2.0, "images_per_second": 500.0,
                             "test": scores(predictions) if len(labels) else {}, **metrics})
    return path


def write_pictures(path: Path, labels: np.ndarray) -> Path:
    """An NPZ data set whose test pictures have `labels`; each picture's brightness is its place modulo 256."""
    pictures = np.broadcast_to((np.arange(len(labels)) % 256).astype(np.uint8)[:, None, None], (len(labels), 28, 28))
    np.savez(path, x_train=pictures, y_train=labels, x_test=pictures, y_test=labels, classes=np.array(CLASSES))
    return path
