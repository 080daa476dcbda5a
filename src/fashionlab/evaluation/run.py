"""Evaluating the folder of a run: load its weights, judge every picture of a split once, write scores beside them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab.common import runtime
from fashionlab.common.arguments import check_choice
from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.files import write_json, write_text
from fashionlab.common.progress import note
from fashionlab.common.records import SPLITS, PictureSet, Predictions, SplitName
from fashionlab.data import ResidentPictures
from fashionlab.data.catalog import is_like_fashion_mnist
from fashionlab.data.duplicates import overlap_notes
from fashionlab.evaluation.intervals import intervals
from fashionlab.evaluation.metrics import classification_report, headlines, scores
from fashionlab.evaluation.metrics.classes import remarks
from fashionlab.runs.folder import RunFolder, open_run
from fashionlab.runs.held_out import open_test_split
from fashionlab.runs.metrics import Calibration, Conformal, Metrics, Scores
from fashionlab.runs.model import load_model
from fashionlab.runs.pictures import load_recipe, training_pictures
from fashionlab.runs.predict import predict_logits
from fashionlab.runs.readings import readings


def evaluate_run(path: Path, split: SplitName = "test", *, data_dir: Path | None = None,
                 device: str = "auto", who: str = "evaluate") -> Metrics:
    """Judge `split` with the run's final weights; write predictions, report and scores into the folder.

    Returns what metrics.json then holds: the scores of the split with their `intervals` over pictures and `remarks`,
    sentences to know of them that are also printed on stderr, and `calibration` and `conformal`: what was learned on
    the validation predictions, scored on the test predictions; None for a run that lacks one of them.

    "val" are the run's own validation pictures, "test" the data set's test split; reading that is recorded as done by
    `who`.
    Raises DataError for a folder, weights or data that do not fit, UsageError for a run without a validation split.
    """
    check_choice(split, SPLITS, "split")
    run = open_run(path)
    device_runtime = runtime.choose(device, run.read_json(run.environment)["precision"])
    model, spec = load_model(run, device_runtime.device)
    pictures, indices = _pictures(run, split, data_dir, who)
    resident = ResidentPictures.from_set(pictures, indices, device_runtime.device)
    logits, labels = predict_logits(model, resident, spec, device_runtime)
    predictions = Predictions(logits.numpy(), labels.numpy(), indices, spec.classes, split)
    result = Scores(split=split, **scores(predictions), intervals=intervals(predictions),
                    remarks=[*remarks(predictions), *_known_before(run, split, pictures, data_dir)])
    for remark in result.remarks:
        note(f"note: {remark}")
    predictions.save(run.predictions(split))
    return _record(run, predictions, result)


def conclude(run: RunFolder, *, data_dir: Path | None = None, device: str = "auto") -> Metrics:
    """Evaluate a trained run on its validation split and, once, on the test split.

    Returns what metrics.json then holds. Raises what `evaluate_run` raises.
    """
    if load_recipe(run).data.validation:
        evaluate_run(run.path, "val", data_dir=data_dir, device=device)
    who = "ensemble" if run.ensemble.is_file() else "train"
    metrics = evaluate_run(run.path, "test", data_dir=data_dir, device=device, who=who)
    run.set_status("complete", stopped=metrics.stopped)
    return metrics


def _pictures(run: RunFolder, split: SplitName, data_dir: Path | None, who: str) -> tuple[PictureSet, np.ndarray]:
    if split == "test":
        pictures = open_test_split(run, data_dir, who=who, why="judging the final weights")
        return pictures, np.arange(len(pictures))
    pictures, parts = training_pictures(run, data_dir)
    if not len(parts.validation):
        raise UsageError(f"{run.path} was trained without a validation split; use --split test")
    return pictures, parts.validation


def _known_before(run: RunFolder, split: SplitName, pictures: PictureSet, data_dir: Path | None) -> list[str]:
    """On test pictures that are training or validation pictures too, in data sets that people bring."""
    if split != "test" or is_like_fashion_mnist(load_recipe(run).data.dataset):
        return []
    try:
        return overlap_notes(pictures, *training_pictures(run, data_dir))
    except DataError as error:  # the test pictures are still those of the run's record, so their scores stand
        return [f"whether test pictures are training pictures too could not be seen: {error}"]


def _record(run: RunFolder, predictions: Predictions, result: Scores) -> Metrics:
    calibration, conformal = _trust(run)
    learned: dict[str, Any] = {"calibration": calibration, "conformal": conformal}
    if predictions.split == "val":
        top = {key: getattr(result, name) for key, name in headlines("val").items()}
        return run.update_metrics(Metrics(val=result, **top, **learned))
    write_text(run.report, classification_report(predictions))
    top = {key: getattr(result, name) for key, name in headlines("test").items()}
    return run.update_metrics(Metrics(test=result, **top, per_class=result.per_class, intervals=result.intervals,
                                      test_split_read=[asdict(reading) for reading in readings(run)], **learned))


def _trust(run: RunFolder) -> tuple[Calibration | None, Conformal | None]:
    """Calibration and prediction sets; None where one of the two predictions is not there."""
    from fashionlab.evaluation import calibration, conformal  # slow to import, and training need not wait for it

    paths = [run.predictions(split) for split in ("val", "test")]
    if not all(path.is_file() for path in paths):
        return None, None
    validation, test = map(Predictions.load, paths)
    calibrators = calibration.fit_all(validation)
    learned = calibration.parameters(calibrators)
    write_json(run.calibration, learned)
    fitted_on, fitted_n, split, n = validation.split, len(validation.labels), test.split, len(test.labels)
    return (Calibration(fitted_on=fitted_on, fitted_n=fitted_n, split=split, n=n,
                        temperature=learned["temperature"]["temperature"],
                        methods=calibration.assess(test, calibrators)),
            Conformal(fitted_on=fitted_on, fitted_n=fitted_n, split=split, n=n,
                      sets=conformal.assess(validation, test)))
