"""The one door to the test pictures of a run: the reading is recorded before the pictures are given out.

No other module of a stage may import `fashionlab.data.held_out` (an import contract).
"""

from __future__ import annotations

from pathlib import Path

from fashionlab.common.records import PictureSet
from fashionlab.data.held_out import load_test
from fashionlab.runs.folder import ModelSpec, RunFolder
from fashionlab.runs.pictures import checked, form
from fashionlab.runs.readings import record_reading


def open_test_split(run: RunFolder, data_dir: Path | None = None, *, who: str, why: str) -> PictureSet:
    """The test split of the run's data set, handed out once the reading stands in the run's record.

    Raises SealedError during training, DataError when the pictures cannot be read or their classes are not the run's,
    and FashionlabError when the reading cannot be recorded.
    """
    pictures = checked(load_test(**form(run, data_dir)), run)
    record_reading(run, who, why)
    return pictures


def open_other_test_split(run: RunFolder, dataset: str, *, who: str, why: str) -> PictureSet:
    """The test part of another data set (a name or a path), in the form of the run's pictures, to judge the run with;
    recorded and refused as `open_test_split` does. Raises UsageError for an unknown name too."""
    spec = ModelSpec.load(run.model)
    pictures = load_test(dataset, preparation=spec.preparations.sets)
    record_reading(run, who, why)
    return pictures
