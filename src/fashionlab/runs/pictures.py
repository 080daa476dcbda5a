"""The recipe of a run, and its pictures in the form in which its network sees them, checked to be its own."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet, Split
from fashionlab.data import load_training
from fashionlab.recipes import Recipe, validate
from fashionlab.recipes.library import read_yaml
from fashionlab.runs.folder import ModelSpec, RunFolder


def load_recipe(run: RunFolder) -> Recipe:
    """The resolved recipe of a run. Raises UsageError when it is no valid recipe any more."""
    return validate(read_yaml(run.recipe), str(run.recipe))


def training_pictures(run: RunFolder, data_dir: Path | None = None) -> tuple[PictureSet, Split]:
    """What the run was trained on, validation pictures among them, and which are which.

    Raises DataError when the pictures found are others (by their classes or hash) or the split cannot be read.
    """
    pictures = checked(load_training(**form(run, data_dir)), run)
    if pictures.sha256 != run.read_json(run.environment)["data"]["sha256"]:
        raise DataError(f"{pictures.source}: these are not the pictures that {run.path} was trained on "
                        "(hashes differ); bring those back, or train a new run")
    return pictures, load_split(run)


def load_split(run: RunFolder) -> Split:
    """Which training pictures the run was fitted on and which it held out. Raises DataError for a broken file."""
    try:
        with run.split.open("rb") as stream, np.load(stream, allow_pickle=False) as saved:
            return Split(saved["train"], saved["validation"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{run.split}: no readable split ({error})") from error


def checked(pictures: PictureSet, run: RunFolder) -> PictureSet:
    """`pictures` again. Raises DataError when their classes are not the run's."""
    if pictures.classes != ModelSpec.load(run.model).classes:
        raise DataError(f"{pictures.source}: its classes are not those that {run.path} was trained on")
    return pictures


def form(run: RunFolder, data_dir: Path | None) -> dict[str, Any]:
    """The arguments with which `load_training` and its like give pictures as the run's network sees them."""
    data = load_recipe(run).data
    return {"dataset": data.dataset, "data_dir": data_dir, "group": data.group,
            "preparation": ModelSpec.load(run.model).preparations.sets,
            "skip_unreadable": run.read_json(run.environment)["data"]["skip_unreadable"]}
