"""What every format has in common: a `Source` whose parts are read apart, class names, and label checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from fashionlab.common.errors import DataError, UsageError
from fashionlab.common.naming import on_one_line, some_of
from fashionlab.common.records import LeftOut, Preparation
from fashionlab.data.on_disk import rows

Part = Literal["train", "val", "test"]
PARTS: dict[Part, str] = {"train": "training", "val": "validation", "test": "test"}  # what people call them
CLASSES_FILE = "classes.txt"


@dataclass(frozen=True)
class Wanted:
    """How pictures are asked for.

    preparation: all of it, as a run keeps it; without one, what is said of image_size, channels, way and background
    and for the rest what fits the training pictures. square: pictures that are all of one size, which is not square,
    are made so; else they are kept as they are where nothing else is said. group: what belongs together, the name of a
    column or a pattern of the file name. skip_unreadable: broken pictures are left out, and told.
    """

    image_size: int | None = None
    channels: int | None = None
    skip_unreadable: bool = False
    way: str | None = None
    background: str | None = None
    group: str | None = None
    square: bool = False
    preparation: Preparation | None = None

    def __post_init__(self) -> None:
        if self.image_size is not None and self.image_size not in range(1, 4097):
            raise UsageError(f"image_size {self.image_size!r}: expected 1 to 4096")
        if self.channels not in (None, 1, 3):
            raise UsageError(f"channels {self.channels!r}: expected 1 (grey) or 3 (colour)")

    @property
    def says_nothing(self) -> bool:
        """Whether pictures of one size may stay as they are."""
        wishes = (self.image_size, self.channels, self.way, self.background, self.preparation)
        return not self.square and all(wish is None for wish in wishes)


@dataclass(frozen=True)
class RawPart:
    """One part of a data set as its format keeps it: N pictures.

    where: what messages call it. pictures: uint8 [N, C, H, W], or N picture files. labels: int64 [N], numbers of
    classes, or N class names. names: what each picture is called (a path within the data set); None where pictures have
    only a place. columns: what else a list says of each picture, N texts by the column's name. notes: what was taken
    for what, in sentences. left_out: what lies there and is none of the pictures. unknown_columns: those that the data
    set has elsewhere and not here, and why, for people.
    """

    where: str
    pictures: np.ndarray | Sequence[Path]
    labels: np.ndarray
    names: Sequence[str] | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unknown_columns: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: np.ndarray) -> RawPart:
        """The pictures at `indices` (int [M]), in that order."""
        pictures, names = self.pictures, self.names
        return replace(
            self, labels=self.labels[indices],
            pictures=rows(pictures, indices) if isinstance(pictures, np.ndarray) else [pictures[i] for i in indices],
            names=None if names is None else [names[index] for index in indices],
            columns={name: values[indices] for name, values in self.columns.items()})


@dataclass(frozen=True)
class Source:
    """One data set in one format, not yet read.

    describe: what it is and where, for people. parts: how each part is read that the data set has of its own; "train"
    always. What is looked at of the files of another part, to make a Source as well as to read a part: their names, the
    footers of Parquet files, and the first two rows of tables and lists, whose cells are tried as names of files. Where
    one file holds all parts, of arrays those of the part are read, lists and what is packed as a whole. classes: the
    class names in label order; None where labels are names, or numbers whose names nobody knows. notes,
    left_out: as of RawPart, known before anything is read.
    """

    describe: str
    parts: Mapping[Part, Callable[[], RawPart]]
    classes: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def with_column(path: Path) -> tuple[Path, str | None]:
    """PATH#COLUMN, where no file has that name, as the path and the name of the column that is the label."""
    name, sign, column = path.name.rpartition("#")
    return (path.with_name(name), column) if sign and name and column and not path.exists() else (path, None)


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


def class_numbers(part: RawPart, classes: tuple[str, ...]) -> np.ndarray:
    """The labels of `part` as int64 [N], each in 0..K-1. Raises DataError for another one, for fewer than two
    classes, and for a class whose name no file of a run could hold."""
    if len(classes) < 2:
        raise DataError(f"{part.where}: only {len(classes)} class, expected at least two")
    for name in classes:
        if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name):  # bytes of a folder's name
            raise DataError(f"{part.where}: a class is called {on_one_line(name)}: expected UTF-8 text; rename it")
    labels = part.labels
    if labels.dtype.kind in "US":
        number_of = {name: number for number, name in enumerate(classes)}
        unknown = sorted(set(labels.tolist()) - number_of.keys())
        if unknown:
            raise DataError(f"{part.where}: no such class {unknown[0]!r}, expected one of "
                            f"{some_of(sorted(classes), 12)}")
        return np.array([number_of[name] for name in labels.tolist()], dtype=np.int64)
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        position = int(wrong[0])
        raise DataError(f"{part.where}: label {labels[position]} (picture {position}) is out of range: "
                        f"expected 0 to {len(classes) - 1}")
    return labels.astype(np.int64)
