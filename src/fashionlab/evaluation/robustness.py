"""How a run's accuracy holds up when the test pictures get worse: every corruption at every severity."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fashionlab.common import runtime
from fashionlab.common.files import write_json
from fashionlab.common.progress import progress
from fashionlab.common.records import PictureSet
from fashionlab.common.runtime import Runtime
from fashionlab.data import ResidentPictures
from fashionlab.evaluation.corruptions import CORRUPTIONS, SEVERITIES, corrupted_batches
from fashionlab.evaluation.proportions import share
from fashionlab.runs.folder import ModelSpec, open_run
from fashionlab.runs.held_out import open_test_split
from fashionlab.runs.metrics import Metrics, Robustness
from fashionlab.runs.model import load_model
from fashionlab.runs.predict import predict_logits

SEED = 0  # fixed, so that every run is judged on the same pictures


def robustness_run(path: Path, *, data_dir: Path | None = None, device: str = "auto") -> dict[str, Any]:
    """Judge the corrupted test split with the run's final weights; write robustness.json and the summary "robustness"
    in metrics.json.

    Returns what robustness.json holds: n, seed, views (1: with test-time views it would take a multiple of the time,
    so the clean accuracy here may differ from the run's), `clean` (an Interval as a dict), `corruptions` (each with
    unit, strengths and accuracy: an Interval as a dict for each severity), and `mean_corruption_accuracy` over all.
    Intervals are Wilson's, 95 %. Raises what `evaluate_run` raises.
    """
    run = open_run(path)
    device_runtime = runtime.choose(device, run.read_json(run.environment)["precision"])
    model, spec = load_model(run, device_runtime.device)
    test = open_test_split(run, data_dir, who="evaluate --robustness", why="judging corrupted test pictures")
    record = robustness(model, test, spec, device_runtime)
    write_json(path / "robustness.json", record)
    run.update_metrics(Metrics(robustness=Robustness(
        n=record["n"], views=record["views"], clean_accuracy=record["clean"]["estimate"],
        mean_corruption_accuracy=record["mean_corruption_accuracy"],
        corruptions={name: [one["estimate"] for one in row["accuracy"]]
                     for name, row in record["corruptions"].items()})))
    return record


def robustness(model: nn.Module, pictures: PictureSet, spec: ModelSpec, device_runtime: Runtime) -> dict[str, Any]:
    """Accuracy on `pictures`, clean and under every corruption: what `robustness_run` describes. Progress on stderr."""
    spec = dataclasses.replace(spec, views=1)
    n = len(pictures)
    device = device_runtime.device
    clean = ResidentPictures.from_set(pictures, np.arange(n), device)
    clean_right = _right(model, clean, spec, device_runtime)
    corruptions: dict[str, Any] = {}
    with progress("corrupted pictures", n * len(CORRUPTIONS) * len(SEVERITIES)) as advance:
        for name, how in CORRUPTIONS.items():
            accuracies = []
            for severity in SEVERITIES:
                right = done = 0
                for images in corrupted_batches(pictures.images, name, severity, SEED):
                    labels = clean.labels[done : done + len(images)]
                    worse = ResidentPictures(torch.from_numpy(images).to(device), labels, device)
                    right += _right(model, worse, spec, device_runtime)
                    done += len(images)
                    advance(len(images))
                accuracies.append(asdict(share(right, n)))
            corruptions[name] = {"unit": how.unit, "strengths": list(how.strengths), "accuracy": accuracies}
    every = [one["estimate"] for row in corruptions.values() for one in row["accuracy"]]
    return {"n": n, "seed": SEED, "views": spec.views, "clean": asdict(share(clean_right, n)),
            "corruptions": corruptions, "mean_corruption_accuracy": float(np.mean(every))}


def _right(model: nn.Module, pictures: ResidentPictures, spec: ModelSpec, device_runtime: Runtime) -> int:
    logits, labels = predict_logits(model, pictures, spec, device_runtime)
    return int((logits.argmax(1) == labels).sum())
