"""A finished run, read from its folder: what reports, comparisons, studies and the dashboard work from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fashionlab.common.errors import DataError
from fashionlab.common.records import SPLITS, Predictions, SplitName
from fashionlab.recipes import Recipe
from fashionlab.runs.folder import ModelSpec, RunFolder, open_run
from fashionlab.runs.metrics import HistoryRow, Metrics
from fashionlab.runs.pictures import load_recipe


@dataclass(frozen=True)
class RunResults:
    """The records of one run. Everything is read when it is first asked for; nothing is ever written.

    Each property raises DataError, naming the file, when its file is missing or broken.
    """

    folder: RunFolder

    @property
    def name(self) -> str:
        return self.folder.path.resolve().name

    @cached_property
    def recipe(self) -> Recipe:
        return load_recipe(self.folder)

    @cached_property
    def spec(self) -> ModelSpec:
        return ModelSpec.load(self.folder.model)

    @cached_property
    def environment(self) -> dict[str, Any]:
        return self.folder.read_json(self.folder.environment)

    @cached_property
    def data(self) -> dict[str, Any]:
        """What the run was trained on, of environment.json: `source`, the hashes `sha256` (see `PictureSet.sha256`) and
        `split_sha256`, and the numbers of pictures in `train` and `validation`."""
        data = self.environment.get("data")
        keys = {"source", "sha256", "split_sha256", "train", "validation"}
        if not isinstance(data, dict) or not keys <= data.keys():
            raise DataError(f"{self.folder.environment}: does not say which data and split the run was trained on")
        return data

    @cached_property
    def metrics(self) -> Metrics:
        """metrics.json; written at the end of training, so DataError for a run that has not finished or diverged."""
        if not self.folder.metrics.is_file():
            if self.folder.status.is_file() and self.status.get("state") == "diverged":
                raise DataError(f"{self.folder.path}: this run diverged and has no result: {self.status.get('reason')}")
            raise DataError(f"{self.folder.path}: this run has not finished training; continue it with "
                            f"`fashionlab train --resume {self.folder.path}`")
        return self.folder.read_metrics()

    @cached_property
    def status(self) -> dict[str, Any]:
        return self.folder.read_json(self.folder.status)

    @cached_property
    def history(self) -> list[HistoryRow]:
        """The rows of metrics.csv, one an epoch; an empty cell is None. Empty before the first epoch has ended."""
        return self.folder.read_history()

    @cached_property
    def validation(self) -> Predictions | None:
        """Predictions on the run's validation split; None for a run without one or not evaluated on it."""
        return self.predictions("val") if self.folder.predictions("val").is_file() else None

    @cached_property
    def test(self) -> Predictions:
        """Predictions on the test split. DataError with what to do for a run that was never evaluated on it."""
        return self.predictions("test")

    def predictions(self, split: SplitName) -> Predictions:
        """The run's predictions on `split`. DataError with what to do for a run that was never evaluated on it."""
        path = self.folder.predictions(split)
        if not path.is_file():
            choice = " --split val" if split == "val" else ""
            raise DataError(f"{self.folder.path}: this run was never evaluated on the {SPLITS[split]} split; run "
                            f"`fashionlab evaluate {self.folder.path}{choice}` first")
        return Predictions.load(path)


def load_results(path: Path) -> RunResults:
    """The run at `path`. Raises DataError when the folder is not one."""
    return RunResults(open_run(path))
