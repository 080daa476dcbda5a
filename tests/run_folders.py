"""Run folders in every state, written with the functions that training writes them with, but without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fashionlab import recipes
from fashionlab.common.files import write_json, write_text
from fashionlab.runs.folder import RunFolder, create_run
from fashionlab.training.logs import Row, write_history


def history_rows(epochs: int, start: float = 0.5) -> list[Row]:
    return [{"epoch": epoch, "train_loss": 1 / epoch, "train_accuracy": start + 0.04 * epoch, "val_loss": 1.1 / epoch,
             "val_accuracy": start + 0.03 * epoch, "lr": 0.1, "seconds": 2.0, "images_per_second": 500.0}
            for epoch in range(1, epochs + 1)]


def write_run(path: Path, state: str = "complete", *, recipe: str = "three-mlp", epochs: int = 3,
              test_accuracy: float | None = None, start: float = 0.5, **status: Any) -> RunFolder:
    """A run of `recipe` after `epochs` of its epochs; only a complete one has metrics.json."""
    run = create_run(path, overwrite=False)
    resolved = recipes.load(recipe)
    run.set_status(state, **status)
    write_text(run.recipe, recipes.to_yaml(resolved))
    write_text(run.command, f"fashionlab train {recipe}\n")
    write_json(run.environment, {"data": {"sha256": "a" * 64, "split_sha256": "b" * 64, "train": 1000}})
    write_json(run.model, {"name": resolved.model.name})
    if epochs:
        write_history(run, history_rows(epochs, start))
    if state == "complete":
        write_json(run.metrics, {
            "recipe": resolved.description, "model": resolved.model.name, "epochs": epochs, "parameters": 7960,
            "train_seconds": 2.0 * epochs, "images_per_second": 500.0, "weights": "last",
            "val_accuracy": start + 0.03 * epochs, "test_accuracy": test_accuracy, "macro_f1": test_accuracy,
            "nll": 0.4, "ece": 0.02, "test": {"n": 10_000},
        })
    return run


def forget_test_pictures(run: Path) -> None:
    """Take from a run's folder all that says which test pictures it was judged on, so that others are accepted."""
    for record in (run / "test_readings.jsonl", run / "predictions" / "test.npz"):
        record.unlink()
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps({**metrics, "test_split_read": []}))
