"""What every format has in common: a `Source` whose two parts are read apart, class names, and label checks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.records import PictureSet
from fashionlab.data.splits import make_split

Part = Literal["train", "test"]
CLASSES_FILE = "classes.txt"
_HELD_OUT_SEED = 2017  # fixed for ever: another seed would be another test split


@dataclass(frozen=True)
class Wanted:
    """How pictures are asked for. None keeps what the source has (see `image_folder` for mixed folders)."""

    image_size: int | None = None
    channels: int | None = None
    skip_unreadable: bool = False

    def __post_init__(self) -> None:
        if self.image_size is not None and self.image_size not in range(1, 4097):
            raise UsageError(f"image_size {self.image_size!r}: expected 1 to 4096")
        if self.channels not in (None, 1, 3):
            raise UsageError(f"channels {self.channels!r}: expected 1 (grey) or 3 (colour)")


class Source(Protocol):
    """One data set in one format. `read("train", ...)` opens no file of the test part, except that NPZ keeps both parts
    in one file, of which it then reads only the training arrays."""

    def read(self, part: Part, wanted: Wanted) -> PictureSet: ...


def held_out(labels: np.ndarray, part: Part, where: str) -> np.ndarray:
    """Indices (sorted int64) of `part` where a source has no test part: always the same stratified sixth."""
    try:
        split = make_split(labels, len(labels) // 6, _HELD_OUT_SEED)
    except UsageError as error:
        raise DataError(f"{where}: has no test part and is too small to hold one out ({error})") from error
    if not len(split.validation):
        raise DataError(f"{where}: has no test part and is too small to hold one out ({len(labels)} pictures)")
    return split.train if part == "train" else split.validation


HELD_OUT_NOTE = "no test part: a stratified sixth is held out as one"


def read_classes(folder: Path) -> tuple[str, ...] | None:
    """The class names in `folder`'s classes.txt, one a line in label order; None when there is no such file."""
    path = folder / CLASSES_FILE
    if not path.exists():
        return None
    try:
        lines = path.read_bytes().decode("utf-8-sig").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    classes = tuple(line.removesuffix("\r") for line in lines)
    if len(set(classes)) != len(classes) or "" in classes:
        raise DataError(f"{path}: expected one class name a line, none empty, none twice")
    return classes


def numbered_classes(labels: np.ndarray, where: str) -> tuple[str, ...]:
    """Class names "0", "1", ... for training labels without names.

    Without names nothing says how many classes there are, so labels must be 0 to K-1 with no gap: a stray label
    would otherwise quietly become a class.
    """
    present = np.unique(labels)
    gaps = np.flatnonzero(present != np.arange(len(present)))
    if len(gaps):
        first = int(gaps[0])
        position = int(np.flatnonzero(labels == present[first])[0])
        expected = f"0 to {first - 1}" if first else "labels from 0 on"
        raise DataError(f"{where}: label {present[first]} (picture {position}) is out of range: expected {expected}, "
                        f"as no picture has label {first}; a {CLASSES_FILE} (one class name a line) may say otherwise")
    return tuple(str(label) for label in range(len(present)))


def check_labels(labels: np.ndarray, classes: tuple[str, ...], where: str) -> None:
    """Raise DataError when a label is not in 0..K-1 or there are fewer than two classes."""
    if len(classes) < 2:
        raise DataError(f"{where}: only {len(classes)} class, expected at least two")
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        position = int(wrong[0])
        raise DataError(f"{where}: label {labels[position]} (picture {position}) is out of range: "
                        f"expected 0 to {len(classes) - 1}")
