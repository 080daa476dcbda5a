"""Parquet files with pictures in them, as Hugging Face's `datasets` writes them: one file, or a folder with the files
of each part (data/train-00000-of-00001.parquet). Needs the extra `parquet`.

Of the files of another part than the one that is read no more is looked at than the footer of the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fashionlab.common.errors import DataError, did_you_mean
from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut
from fashionlab.data.column_names import LABEL, NO_LABEL, listed, normal
from fashionlab.data.folder_contents import left_beside
from fashionlab.data.formats.base import FORMATS, DataFormat
from fashionlab.data.list_columns import labels_by_name
from fashionlab.data.list_table import left_out_rows
from fashionlab.data.listing import folders_in
from fashionlab.data.parquet_table import (
    ParquetColumns,
    all_below,
    as_text,
    class_name,
    picture_files,
    read_columns,
    read_plain,
)
from fashionlab.data.part_names import part_called, part_in
from fashionlab.data.source import CLASSES_FILE, PARTS, Part, RawPart, Source, read_classes, with_column

_DATA_FOLDERS = ("data", "default")  # of data sets on the Hugging Face hub


def detect(path: Path) -> Source | None:
    path, label = with_column(path)
    if path.is_file() and path.suffix.lower() == ".parquet":
        others = [one.name for one in _files_in(path.parent) if one != path]
        notes = (f"{some_of(others, 6)} beside it: not read; give the folder to use all",) if others else ()
        return _source(f"Parquet file {path}", {"train": [path]}, label, notes, [])
    files = list(_files(path)) if path.is_dir() else []
    if not files:
        return None
    parts, left_out = _by_part(path, files)
    used = {path / file.relative_to(path).parts[0] for file in files}
    left_out += left_beside(path, {*used, path / CLASSES_FILE})
    return _source(f"Parquet files in {path}", parts, label, (), left_out)


def _files(folder: Path) -> Iterator[Path]:
    """The Parquet files in `folder`, and in its folders where data sets keep them."""
    yield from _files_in(folder)
    for below in folders_in(folder):
        if below.name in _DATA_FOLDERS:
            yield from _files(below)
        elif part_called(below.name):
            yield from _files_in(below)


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.parquet") if path.is_file() and path.name != "metadata.parquet")


def _part_of(path: Path) -> Part | None:
    name = path.stem
    return part_called(name.split("-")[0]) or part_in(name) or part_called(path.parent.name)


def _by_part(folder: Path, files: Sequence[Path]) -> tuple[dict[Part, list[Path]], list[LeftOut]]:
    parts: dict[Part, list[Path]] = {}
    everything: dict[Part, list[Path]] = {"train": list(files)}
    unnamed = [path for path in files if _part_of(path) is None]
    for path in files:
        part = _part_of(path)
        if part is not None:
            parts.setdefault(part, []).append(path)
    if not parts:
        parts, unnamed = everything, []
    if "train" not in parts:
        raise DataError(f"{folder}: no Parquet file for training ({some_of([path.name for path in files], 6)}), "
                        "expected train*.parquet")
    for part, paths in parts.items():
        folders = sorted({str(path.parent) for path in paths})
        if len(folders) > 1:
            raise DataError(f"{folder}: {PARTS[part]} pictures in {folders[0]} and in {folders[1]}; give the folder "
                            "that is meant")
    reason = "a Parquet file whose name tells no part (train, val, test)"
    return parts, [LeftOut(path.relative_to(folder).as_posix(), reason) for path in unnamed]


def _source(describe: str, parts: dict[Part, list[Path]], label: str | None, notes: tuple[str, ...],
            left_out: list[LeftOut]) -> Source:
    first = parts["train"][0]
    columns = read_columns(first)
    image = _image_column(first, columns)
    chosen, how = _label_column(first, columns, label)
    kept: dict[Part, list[Path]] = {}
    for part in PARTS:
        if part in parts and part != "train" and _unlabelled(parts[part][0], chosen):
            notes = (*notes, f"{parts[part][0].name} has no labels: it is no {PARTS[part]} part")
            left_out += [LeftOut(path.name, "pictures without labels") for path in parts[part]]
        elif part in parts:
            kept[part] = parts[part]
    return Source(describe, {part: partial(_read, paths, image, chosen) for part, paths in kept.items()},
                  columns.classes.get(chosen) or read_classes(first.parent), (*notes, *how), tuple(left_out))


def _unlabelled(path: Path, label: str) -> bool:
    """Whether a part has no column of labels or only -1 in it, by the file's footer."""
    return label not in read_columns(path).plain or all_below(path, label, 0)


def _image_column(path: Path, columns: ParquetColumns) -> str:
    if len(columns.images) != 1:
        count = f"{len(columns.images)} columns hold" if columns.images else "no column holds"
        raise DataError(f"{path}: {count} pictures as bytes or {{bytes, path}}, expected one (columns: "
                        f"{listed(columns.names)})")
    return columns.images[0]


def _label_column(path: Path, columns: ParquetColumns, label: str | None) -> tuple[str, tuple[str, ...]]:
    """The column of labels, and what to say of it."""
    if label is not None:
        if label not in columns.plain:
            raise DataError(f"{path}: no column {label!r}; {did_you_mean(label, columns.plain)}")
        return label, ()
    candidates = list(columns.classes)
    called = [name for name in candidates if normal(name) in LABEL]
    if len(called) == 1:
        candidates = called
    candidates = candidates or [columns.plain[place] for place in labels_by_name(columns.plain)]
    candidates = candidates or [name for name in columns.plain if normal(name) not in NO_LABEL]
    if not candidates:
        raise DataError(f"{path}: no column of labels (columns: {listed(columns.names)})")
    if len(candidates) > 1:
        raise DataError(f"{path}: several columns may be the label ({listed(candidates)}); say which one "
                        f"with PATH#COLUMN, as in '{path}#{candidates[-1]}'")
    usual = normal(candidates[0]) in LABEL
    return candidates[0], () if usual else (f"column {candidates[0]!r} is the label",)


@dataclass
class _Rows:
    """Rows with a picture and a label: files, values of the label, what each picture was called, its file and row, and
    texts of other columns."""

    pictures: list[Path]
    labels: list[Any]
    names: list[str | None]
    rows: list[str]
    columns: dict[str, list[str]]
    left_out: tuple[LeftOut, ...]


def _read(paths: Sequence[Path], image: str, label: str) -> RawPart:
    """All pictures of `paths` that have a label, in order."""
    files = [_read_file(path, image, label) for path in paths]
    pictures = [picture for file in files for picture in file.pictures]
    if not pictures:
        raise DataError(f"{paths[0]}: no row has both a picture and a label")
    names = [name for file in files for name in file.names if name]
    if len(set(names)) != len(pictures):
        names = [row for file in files for row in file.rows]
    shared = [name for name in files[0].columns if all(name in file.columns for file in files)]
    columns = {name: np.array([text for file in files for text in file.columns[name]], dtype=object)
               for name in shared}
    labels = _labels(paths[0], [value for file in files for value in file.labels])
    left_out = tuple(one for file in files for one in file.left_out)
    return RawPart(str(paths[0]), pictures, labels, names, columns, left_out=left_out)


def _read_file(path: Path, image: str, label: str) -> _Rows:
    columns = read_columns(path)
    missing = [name for name in (image, label) if name not in (*columns.images, *columns.plain)]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r} (columns: {listed(columns.names)})")
    values = read_plain(path, columns.plain)
    files, names = picture_files(path, image)
    classes = columns.classes.get(label)
    labels = [None if value == "" or (classes and value == -1) else class_name(value, classes)
              for value in values[label]]
    kept = {row: file for row, file in enumerate(files) if file is not None and labels[row] is not None}
    bare = [row for row, file in enumerate(files) if file is None]
    unlabelled = [row for row, file in enumerate(files) if file is not None and labels[row] is None]
    return _Rows(
        list(kept.values()), [labels[row] for row in kept], [names[row] for row in kept],
        [f"{path.name}:{row}" for row in kept],
        {name: [as_text(column[row]) for row in kept] for name, column in values.items() if name != label},
        (*left_out_rows(path, bare, "no picture in it", "row"), *left_out_rows(path, unlabelled, "no label", "row")))


def _labels(path: Path, labels: Sequence[Any]) -> np.ndarray:
    """int64 [N] where all are whole numbers, else N names."""
    if all(isinstance(label, int) and not isinstance(label, bool) for label in labels):
        return np.array(labels, dtype=np.int64)
    fractions = [label for label in labels if isinstance(label, float)]
    if fractions:
        raise DataError(f"{path}: labels with a point, such as {fractions[0]}, expected names or whole numbers")
    return np.array([as_text(label) for label in labels])


FORMATS.add("parquet", DataFormat(
    "a .parquet file of pictures and labels, or a folder with train*.parquet", detect,
    suffixes=(".parquet",), strays=True,
    rank=1,  # before image folders: train/ and test/ may hold the files
))
