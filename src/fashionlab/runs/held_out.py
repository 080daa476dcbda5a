"""The one door to the test pictures of a run: the reading is recorded before the pictures are given out.

No other module of a stage may import `fashionlab.data.held_out` (an import contract).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet, Predictions
from fashionlab.data.held_out import load_test
from fashionlab.runs.folder import ModelSpec, RunFolder
from fashionlab.runs.pictures import checked, form
from fashionlab.runs.readings import known_hash, record_reading


def open_test_split(run: RunFolder, data_dir: Path | None = None, *, who: str, why: str) -> PictureSet:
    """The test split of the run's data set, handed out once the reading stands in the run's record.

    Raises SealedError during training, DataError when the pictures cannot be read, their classes are not the run's or
    they are others than the run was judged on before, and FashionlabError when the reading cannot be recorded.
    """
    pictures = checked(load_test(**form(run, data_dir)), run)
    _check_the_same(pictures, run)
    record_reading(run, who, why, pictures.sha256)
    return pictures


def _check_the_same(pictures: PictureSet, run: RunFolder) -> None:
    """Scores must not be replaced by those of other pictures. Runs of before kept no hash, but the labels."""
    known = known_hash(run)
    if known is not None:
        same = known == pictures.sha256
    elif run.predictions("test").is_file():
        same = np.array_equal(Predictions.load(run.predictions("test")).labels, pictures.labels)
    else:
        return
    if not same:
        raise DataError(f"{pictures.source}: its test pictures are not those that {run.path} was judged on; if the "
                        "data set changed, train again")


def open_other_test_split(run: RunFolder, dataset: str, *, who: str, why: str) -> PictureSet:
    """The test part of another data set (a name or a path), in the form of the run's pictures, to judge the run with;
    recorded and refused as `open_test_split` does. Raises UsageError for an unknown name too."""
    spec = ModelSpec.load(run.model)
    pictures = load_test(dataset, preparation=spec.preparations.sets)
    record_reading(run, who, why)
    return pictures
