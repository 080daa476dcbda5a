"""Tables of pixels, one row a picture, as on Kaggle and in all the dialects that people write (see `pixel_columns`).

Pictures are square unless the columns' names tell their rows and columns; in colour pictures each pixel's red, green
and blue follow one another (pixel1 to pixel2352 at 28x28). Of a table of another part than the one that is read no more
is looked at than its first two rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut, PictureSet
from fashionlab.data.delimited import SUFFIXES, is_table, look_at, stem, tables_in
from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts
from fashionlab.data.listing import folders_in, is_generated
from fashionlab.data.part_names import part_in
from fashionlab.data.pictures import from_channels_last, to_channels_last
from fashionlab.data.pixel_columns import PixelColumns, pixel_columns
from fashionlab.data.pixel_table import read_pixels
from fashionlab.data.source import CLASSES_FILE, PARTS, Part, RawPart, Source, read_classes


@dataclass(frozen=True)
class Tables:
    """The tables of a data set, by part. notes, left_out: as of `Source`."""

    files: Mapping[Part, Path]
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def write_csv(path: Path, pictures: PictureSet) -> None:
    """Write the table of one part. Raises DataError for pictures that are not square or more than 256 classes."""
    height, width = pictures.images.shape[2:]
    if height != width or len(pictures.classes) > 256:
        raise DataError(f"{pictures.source}: a CSV table holds square pictures of at most 256 classes, "
                        f"not {height}x{width} of {len(pictures.classes)}")
    rows = to_channels_last(pictures.images)
    text = [str(value) for value in range(256)]  # looking numbers up is several times faster than formatting them
    with path.open("w", encoding="ascii", newline="\n") as stream:
        stream.write(",".join(["label", *(f"pixel{i + 1}" for i in range(rows[0].size))]) + "\n")
        for label, row in zip(pictures.labels, rows, strict=True):
            stream.write(f"{label}," + ",".join(map(text.__getitem__, row.tobytes())) + "\n")


def write_set(folder: Path, parts: Parts) -> None:
    """train.csv and test.csv."""
    for part, pictures in parts.items():
        write_csv(folder / f"{part}.csv", pictures)


def source(describe: str, tables: Tables, classes: tuple[str, ...] | None = None) -> Source:
    """classes: None reads classes.txt, or takes them from the labels."""
    known = classes or read_classes(tables.files["train"].parent)
    return Source(describe, {part: partial(_read_part, path, tables.files["train"])
                             for part, path in tables.files.items()}, known, tables.notes, tables.left_out)


def _read_part(path: Path, training: Path) -> RawPart:
    read = read_pixels(path, like=training)
    if read.labels is None:
        raise DataError(f"{path}: has no column of labels")
    return RawPart(str(path), from_channels_last(read.images), read.labels, columns=read.columns,
                   notes=tuple(f"{path.name}: {note}" for note in read.notes))


def find_tables(folder: Path) -> Tables | None:
    """The tables of pixels in `folder`: by their names for training, validation and test, or a single one; None when it
    has none. Of each no more than the first two rows are looked at.

    Raises DataError where several are of one part, or none is for training.
    """
    if not folder.is_dir():
        return None
    looked_at = {path: columns for path in tables_in(folder) if (columns := _columns(path)) is not None}
    if not looked_at:
        return None
    files: dict[Part, Path] = {}
    notes: list[str] = []
    left_out = _beside(folder, looked_at)
    for part, what in PARTS.items():
        matching = [path for path in looked_at if part_in(stem(path)) == part]
        if len(matching) > 1:
            raise DataError(f"{folder}: {len(matching)} tables of pixels for {what} ({_listed(matching)}), expected "
                            f"one *{part}*.csv; give the one that is meant a folder of its own")
        if matching and not looked_at[matching[0]].labelled:
            notes.append(f"{matching[0].name} has no column of labels: it is no {what} part")
            left_out.append(LeftOut(matching[0].name, "a table of pixels without labels"))
        elif matching:
            files[part] = matching[0]
    unnamed = [path for path in looked_at if part_in(stem(path)) is None]
    if "train" not in files and not files and len(unnamed) == 1 and looked_at[unnamed[0]].labelled:
        files["train"] = unnamed.pop()
    if "train" not in files:
        raise DataError(f"{folder}: no table of pixels with labels is for training ({_listed(looked_at)}), expected "
                        "*train*.csv; or give the table itself")
    left_out += [LeftOut(path.name, "a table of pixels whose name tells no part") for path in unnamed]
    return Tables(files, tuple(notes), tuple(left_out))


def _columns(path: Path) -> PixelColumns | None:
    """None for what is no table of pixels, and for what may be a damaged one but has no part's name, or lies beside
    folders, which may be the pictures."""
    try:
        return pixel_columns(look_at(path))
    except DataError:
        if part_in(stem(path)) is None or folders_in(path.parent):
            return None
        raise


def _beside(folder: Path, tables: Mapping[Path, object]) -> list[LeftOut]:
    """What else lies in a folder of tables."""
    return [LeftOut(path.name, "a folder beside the tables" if path.is_dir() else "no table of pixels")
            for path in sorted(folder.iterdir())
            if path not in tables and path.name != CLASSES_FILE and not is_generated(path.name)]


def _listed(paths: Mapping[Path, object] | list[Path]) -> str:
    return some_of([path.name for path in paths])


def detect(path: Path) -> Source | None:
    if path.is_file() and is_table(path.name):
        return _of_file(path)
    tables = find_tables(path)
    return None if tables is None else source(f"CSV tables in {path}", tables)


def _of_file(path: Path) -> Source | None:
    if pixel_columns(look_at(path)) is None:
        return None
    others = [other for other in tables_in(path.parent)
              if other != path and part_in(stem(other)) not in (None, "train")]
    notes = (f"{_listed(others)} beside it: not read; give the folder to use both",) if others else ()
    return source(f"CSV table {path}", Tables({"train": path}, notes))


def _read_file(path: Path) -> np.ndarray:
    return from_channels_last(read_pixels(path).images)


FORMATS.add("csv", DataFormat(
    "a .csv table of pixels or a folder with *train*.csv and *test*.csv", detect, write_set,
    lone_file=LoneFile(is_table, _read_file), suffixes=SUFFIXES, strays=True,
    rank=1,  # Kaggle's Fashion-MNIST holds the IDX files too, which are read faster
))
