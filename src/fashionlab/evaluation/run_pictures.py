"""The pictures of a run, in the form in which its network sees them, checked to be the run's own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from fashionlab.data import load_training
from fashionlab.data.test_split import load_test
from fashionlab.errors import DataError
from fashionlab.evaluation.run import load_recipe
from fashionlab.records import PictureSet, Split
from fashionlab.run_folder import ModelSpec, RunFolder


def training_pictures(run: RunFolder, data_dir: Path | None = None) -> tuple[PictureSet, Split]:
    """What the run was trained on, validation pictures among them, and which are which.

    Raises DataError when the pictures found are others (their hash differs) or the split cannot be read.
    """
    pictures = load_training(**_form(run, data_dir))
    if pictures.sha256 != run.read_json(run.environment)["data"]["sha256"]:
        raise DataError(f"{pictures.source}: these are not the pictures that {run.path} was trained on (hashes differ)")
    try:
        with run.split.open("rb") as stream, np.load(stream, allow_pickle=False) as saved:
            return pictures, Split(saved["train"], saved["validation"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{run.split}: no readable split ({error})") from error


def test_pictures(run: RunFolder, data_dir: Path | None = None) -> PictureSet:
    """The test split of the run's data set. Raises DataError when its classes are not the run's."""
    pictures = load_test(**_form(run, data_dir))
    if pictures.classes != ModelSpec.load(run.model).classes:
        raise DataError(f"{pictures.source}: its classes are not those that {run.path} was trained on")
    return pictures


def _form(run: RunFolder, data_dir: Path | None) -> dict:
    spec = ModelSpec.load(run.model)
    return {"dataset": load_recipe(run).data.dataset, "data_dir": data_dir, "image_size": spec.image_size,
            "channels": spec.channels, "skip_unreadable": run.read_json(run.environment)["data"]["skip_unreadable"]}
