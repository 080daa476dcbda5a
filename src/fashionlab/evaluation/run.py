"""Evaluating the folder of a run: load its weights, judge every picture of a split once, write scores beside them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab.common import runtime
from fashionlab.common.errors import UsageError
from fashionlab.common.files import write_json, write_text
from fashionlab.common.progress import note
from fashionlab.common.records import PictureSet, Predictions, SplitName
from fashionlab.data import ResidentPictures
from fashionlab.evaluation.intervals import intervals
from fashionlab.evaluation.metrics import classification_report, headlines, scores
from fashionlab.evaluation.metrics.classes import remarks
from fashionlab.runs.folder import RunFolder, open_run
from fashionlab.runs.model import load_model
from fashionlab.runs.pictures import load_recipe, test_pictures, training_pictures
from fashionlab.runs.predict import predict_logits


def evaluate_run(path: Path, split: SplitName = "test", *, data_dir: Path | None = None,
                 device: str = "auto") -> dict[str, Any]:
    """Judge `split` with the run's final weights; write predictions, report and scores into the folder.

    Returns the scores with their `intervals` over pictures and `remarks`, sentences to know of them that are also
    printed on stderr, and for "test" `calibration` and `conformal` too: what was learned on the validation
    predictions, scored on the test predictions; None for a run without the former.

    "val" are the run's own validation pictures, "test" the data set's test split; reading that is recorded.
    Raises DataError for a folder, weights or data that do not fit, UsageError for a run without a validation split.
    """
    run = open_run(path)
    place = runtime.choose(device, run.read_json(run.environment)["precision"])
    model, spec = load_model(run, place.device)
    pictures, indices = _pictures(run, split, data_dir)
    logits, labels = predict_logits(model, ResidentPictures.from_set(pictures, indices, place.device), spec, place)
    predictions = Predictions(logits.numpy(), labels.numpy(), indices, spec.classes, split)
    result = {"split": split, **scores(predictions),
              "intervals": {name: asdict(interval) for name, interval in intervals(predictions).items()},
              "remarks": remarks(predictions)}
    for remark in result["remarks"]:
        note(f"note: {remark}")
    predictions.save(run.predictions(split))
    trust = _trust(run)
    _record(run, predictions, result, trust)
    return {**result, **trust} if split == "test" else result


def conclude(run: RunFolder, *, data_dir: Path | None = None, device: str = "auto") -> dict[str, Any]:
    """Evaluate a trained run on its validation split and, for the only time, on the test split.

    Returns what metrics.json then holds. Raises what `evaluate_run` raises.
    """
    if load_recipe(run).data.validation:
        evaluate_run(run.path, "val", data_dir=data_dir, device=device)
    evaluate_run(run.path, "test", data_dir=data_dir, device=device)
    run.set_status("complete", stopped=run.read_json(run.metrics)["stopped"])
    return run.read_json(run.metrics)


def _pictures(run: RunFolder, split: SplitName, data_dir: Path | None) -> tuple[PictureSet, np.ndarray]:
    if split == "test":
        pictures = test_pictures(run, data_dir)
        return pictures, np.arange(len(pictures))
    pictures, parts = training_pictures(run, data_dir)
    if not len(parts.validation):
        raise UsageError(f"{run.path} was trained without a validation split; use --split test")
    return pictures, parts.validation


def _trust(run: RunFolder) -> dict[str, Any]:
    """Calibration and conformal sets as metrics.json holds them; None where one of the two predictions is not there."""
    from fashionlab.evaluation import calibration, conformal  # slow to import, and training need not wait for it

    paths = [run.predictions(split) for split in ("val", "test")]
    if not all(path.is_file() for path in paths):
        return {"calibration": None, "conformal": None}
    validation, test = map(Predictions.load, paths)
    calibrators = calibration.fit_all(validation)
    learned = calibration.parameters(calibrators)
    write_json(run.calibration, learned)
    counts = {"fitted_on": validation.split, "fitted_n": len(validation.labels), "split": test.split,
              "n": len(test.labels)}
    return {"calibration": {**counts, "temperature": learned["temperature"]["temperature"],
                            "methods": calibration.assess(test, calibrators)},
            "conformal": {**counts, "sets": conformal.assess(validation, test)}}


def _record(run: RunFolder, predictions: Predictions, result: dict[str, Any], trust: dict[str, Any]) -> None:
    split = result["split"]
    metrics = run.read_json(run.metrics) if run.metrics.exists() else {}
    metrics.update({split: result, **{key: result[name] for key, name in headlines(split).items()}, **trust})
    if split == "test":
        metrics.update({key: result[key] for key in ("per_class", "intervals")})
        now = datetime.now(UTC).isoformat(timespec="seconds")
        metrics["test_split_read"] = [*metrics.get("test_split_read", []), now]
        write_text(run.report, classification_report(predictions))
    write_json(run.metrics, metrics)
