"""What figures and pages are made from: a run's records, its pictures, its model and its features, each read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import nn

from fashionlab.common import runtime
from fashionlab.common.errors import DataError
from fashionlab.common.records import SPLITS, PictureSet, Predictions, Split, SplitName
from fashionlab.data import ResidentPictures
from fashionlab.runs.features import features
from fashionlab.runs.held_out import open_test_split
from fashionlab.runs.model import load_model
from fashionlab.runs.pictures import training_pictures
from fashionlab.runs.results import RunResults

FEATURE_PICTURES = 700  # as many points as a map shows apart, and as t-SNE lays out in two seconds


@dataclass(frozen=True)
class ReportInputs:
    """Everything is read when it is first asked for, and nothing is written but that the test split was read.

    results: the run. data_dir: where its data set is (else see `fashionlab.data.locate`). device: where the model runs.
    judged: the split whose pictures and predictions are shown; with "val" the test split is not touched. who: the
    command that asks, for the record of who read the test split.
    Each property raises DataError when what it needs is missing or is not the run's.
    """

    results: RunResults
    data_dir: Path | None = None
    device: str = "auto"
    judged: SplitName = "test"
    who: str = "report"

    @property
    def part(self) -> str:
        """What people call the judged pictures."""
        return SPLITS[self.judged]

    @cached_property
    def predictions(self) -> Predictions:
        """The run's predictions of the judged pictures."""
        return self.results.predictions(self.judged)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.results.spec.classes

    @cached_property
    def _training(self) -> tuple[PictureSet, Split]:
        return training_pictures(self.results.folder, self.data_dir)

    @property
    def training_pictures(self) -> PictureSet:
        """The training pictures in the form in which the network sees them, validation pictures among them."""
        return self._training[0]

    @property
    def split(self) -> Split:
        """Which training pictures were fitted and which held out."""
        return self._training[1]

    @cached_property
    def pictures(self) -> PictureSet:
        """The judged pictures, to be shown: their predictions stand in `predictions`, row for row. Reading test
        pictures is recorded in the run."""
        answers, folder = self.predictions, self.results.folder
        pictures = (self.training_pictures if self.judged == "val" else
                    open_test_split(folder, self.data_dir, who=self.who, why="showing test pictures"))
        fits = len(pictures) > answers.indices.max(initial=-1)
        if not fits or not np.array_equal(pictures.labels[answers.indices], answers.labels):
            raise DataError(f"{pictures.source}: not the {self.part} pictures that {folder.path} was judged on")
        return pictures.subset(answers.indices)

    @cached_property
    def runtime(self) -> runtime.Runtime:
        return runtime.choose(self.device, self.results.environment["precision"])

    @cached_property
    def model(self) -> nn.Module:
        """The network with the run's final weights."""
        return load_model(self.results.folder, self.runtime.device)[0]

    @cached_property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Penultimate features float32 [M, D] of `FEATURE_PICTURES` judged pictures (fewer if there are fewer), drawn
        with a fixed seed, and their rows int64 [M] in `predictions`, in rising order."""
        # Raw generator output, whose stream numpy promises for ever; its shuffles may change between versions.
        keys = np.random.PCG64(0).random_raw(len(self.pictures))
        rows = np.sort(np.argsort(keys, kind="stable")[:FEATURE_PICTURES])
        pictures = ResidentPictures.from_set(self.pictures, rows, self.runtime.device)
        return features(self.model, pictures, self.results.spec, self.runtime).numpy(), rows
