"""The pictures that a training is given, and what a person has to know of them before it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fashionlab.common.errors import UsageError
from fashionlab.common.naming import some_of
from fashionlab.common.progress import note
from fashionlab.common.records import PictureSet, Preparation, Split
from fashionlab.data import limit, load_training
from fashionlab.data.catalog import is_like_fashion_mnist
from fashionlab.data.doubts import doubts
from fashionlab.data.duplicates import duplicate_notes
from fashionlab.data.grouping import crossing_notes
from fashionlab.data.splits import divide
from fashionlab.data.summary import counts_line, left_out_lines, untold_notes
from fashionlab.recipes import Recipe
from fashionlab.recipes.schema import DataSettings
from fashionlab.training.distributed import is_first_process

# Fewer training pictures of a class than this are told.
FEW_PICTURES = 5


def given_pictures(recipe: Recipe, data_dir: Path | None, skip_unreadable: bool,
                   say: Callable[[str], None], earlier: Preparation | None = None) -> tuple[PictureSet, Split]:
    """The training pictures of the recipe's data set, validation pictures among them, and which are which.

    say: is given lines on what was read, unless it is in Fashion-MNIST's form; warnings go to stderr in any case.
    earlier: how the run that the training starts from prepares pictures; it holds for what the recipe leaves open.
    Raises UsageError for numbers that do not go with the set, DataError for unusable data.
    """
    data = recipe.data if earlier is None else _prepared_as(earlier, recipe.data)
    pictures = load_training(
        data.dataset, data_dir=data_dir, image_size=data.image_size, channels=data.channels, way=data.preparation,
        background=data.background, group=data.group, square=True, skip_unreadable=skip_unreadable)
    split = divide(pictures, data.validation, data.split_seed)
    if data.limit is not None:
        split = limit(split, pictures.labels, data.limit, data.split_seed)
    if recipe.batch_size > len(split.train):
        raise UsageError(f"batch_size {recipe.batch_size} is larger than the training set ({len(split.train)} "
                         f"pictures); use --set batch_size={min(len(split.train), 64)}")
    if is_first_process():
        unlike_home = not is_like_fashion_mnist(data.dataset)
        if unlike_home:
            for line in (counts_line(pictures, split), *untold_notes(pictures)):
                say(f"data: {line}")
        for line in _warnings(pictures, split, unlike_home):
            note(f"note: {line}")
    return pictures, split


def _prepared_as(earlier: Preparation, data: DataSettings) -> DataSettings:
    own = {"image_size": earlier.size, "channels": earlier.channels, "preparation": earlier.way,
           "background": f"#{bytes(earlier.background).hex()}"}
    return data.model_copy(update={key: value for key, value in own.items() if getattr(data, key) is None})


def _warnings(pictures: PictureSet, split: Split, unlike_home: bool) -> Iterator[str]:
    yield from left_out_lines(pictures.left_out)
    yield from doubts(pictures)
    if unlike_home:  # of sets with names it is known, and to see it takes 0.2 s
        yield from duplicate_notes(pictures, split)
    yield from crossing_notes(pictures, split)
    if small := _small_classes(pictures, split):
        yield f"classes with fewer than {FEW_PICTURES} training pictures: {small}"


def _small_classes(pictures: PictureSet, split: Split) -> str:
    """The classes with few training pictures and how many each has, in words; empty where there is none."""
    counts = np.bincount(pictures.labels[split.train], minlength=len(pictures.classes))
    small = [label for label in np.argsort(counts, kind="stable") if counts[label] < FEW_PICTURES]
    return some_of([f"“{pictures.classes[label]}” ({counts[label]})" for label in small])
