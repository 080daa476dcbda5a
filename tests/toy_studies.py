"""Studies for tests: a declaration, and folders of studies whose runs are written by hand instead of trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fashionlab.common.files import write_json
from fashionlab.studies.folder import StudyFolder, begin
from fashionlab.studies.results import write_results
from fashionlab.studies.schema import Study, check

ENVIRONMENT = {"machine": {"processor": "toy"}, "device": "cpu", "threads": 1, "precision": "float32",
               "data": {"sha256": "a" * 64},
               "versions": {"torch": "2.11"}}


def declaration(**changes: Any) -> dict[str, Any]:
    """The keys of a small valid study, with `changes`."""
    return {"question": "does a smaller rate help?", "baseline": {"recipe": "three-linear", "set": {"epochs": 1}},
            "arms": {"slow": {"set": {"optimizer.lr": 0.01}}}, "seeds": 3, "metric": "test_accuracy",
            "smallest_difference": 0.5, "test": "paired", **changes}


def checked(name: str = "toy", **changes: Any) -> Study:
    """The study that `declaration` declares."""
    values = declaration(**changes)
    return check(values, yaml.safe_dump(values, sort_keys=False), name, f"{name}.yaml")


def write_study(runs: Path, values: Mapping[str, Sequence[float | str | None]], **changes: Any) -> StudyFolder:
    """A study's folder with results. values: by arm, seed after seed, the score of a finished run that is the study's
    metric (for a cost its accuracy), the reason of one that failed, or None for one that was never begun."""
    arms = {arm: {"set": {"optimizer.lr": 0.01 * (at + 1)}} for at, arm in enumerate(values) if arm != "baseline"}
    study = checked(**{"arms": arms, "seeds": len(values["baseline"]), **changes})
    folder = StudyFolder(runs / study.name)
    begin(study, folder, jobs=1)
    for arm, row in values.items():
        for seed, value in enumerate(row):
            if value is not None:
                _write_run(folder, arm, seed, value, study.metric.path)
    write_results(study, folder)
    return folder


def _write_run(folder: StudyFolder, arm: str, seed: int, value: float | str, path: tuple[str, ...]) -> None:
    run = folder.run(arm, seed)
    if isinstance(value, str):
        run.set_status("diverged", reason=value)
        return
    for place, text in ((run.recipe, folder.recipe(arm).read_text().replace("seed: 0\n", f"seed: {seed}\n")),
                        (run.model, "{}")):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    split, score = path if len(path) == 2 else ("test", "accuracy")
    write_json(run.metrics, {split: {score: value}, "train_seconds": 10.0 + seed})
    write_json(run.environment, ENVIRONMENT)
    run.set_status("complete")
