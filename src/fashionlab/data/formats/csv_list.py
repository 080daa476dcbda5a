"""Lists of pictures: a CSV table or JSON lines with a column of files and a column of labels, as a file or in a folder.

In a folder that also has one folder a class these are read, and not the list. `metadata.csv`, `.jsonl` and `.parquet`
are the lists of Hugging Face's ImageFolder, which stand for their folder whatever else is in it.

Of a list of another part than the one that is read no more is looked at than the names of its columns and its first
row, whose cells are tried as names of pictures: whether there is such a file, and how one without the suffix of a
picture begins. One list with all parts is read whole, and it is looked where the files of all its rows are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut
from fashionlab.data import delimited
from fashionlab.data.column_names import normal
from fashionlab.data.file_list import FileList
from fashionlab.data.folder_layout import class_folders
from fashionlab.data.formats.base import FORMATS, DataFormat
from fashionlab.data.list_columns import ListColumns, list_columns
from fashionlab.data.list_table import JSON_LINES, is_list, read_table
from fashionlab.data.listing import folders_in
from fashionlab.data.part_names import part_called, part_in
from fashionlab.data.pixel_columns import pixel_columns
from fashionlab.data.source import PARTS, Part, RawPart, Source, with_column

_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def detect(path: Path) -> Source | None:
    path, label = with_column(path)
    if path.is_file() and is_list(path.name):
        return None if _is_pixel_table(path) else _source(path.parent, {None: path}, label)
    if not path.is_dir():
        return None
    metadata = _metadata(path)
    if metadata:
        return _source(path, metadata, label)
    return _in_folder(path, label)


def _single(files: FileList, left_out: tuple[LeftOut, ...], notes: tuple[str, ...]) -> Source:
    """One list, all parts in it."""
    present = set(files.part_of) - {None}
    if present and "train" not in present:
        raise DataError(f"{files.path}: no row is of the training part")
    parts: dict[Part, Callable[[], RawPart]] = {part: partial(files.raw, part) for part in PARTS if part in present}
    return Source(f"list {files.path}", parts or {"train": files.raw}, files.classes("train" if parts else None), notes,
                  (*left_out, *files.left_out) if parts else left_out)


def _source(folder: Path, lists: Mapping[Part | None, Path], label: str | None,
            left_out: tuple[LeftOut, ...] = (), notes: tuple[str, ...] = ()) -> Source:
    """One list, or one a part."""
    if None in lists or set(lists) == {"train"}:
        path = next(iter(lists.values()))
        return _single(FileList(path, label, part_in(delimited.stem(path))), left_out, notes)
    if "train" not in lists:
        raise DataError(f"{folder}: no list for training among {', '.join(str(path) for path in lists.values())}")
    files = {part: FileList(path, label, part) for part, path in lists.items() if part}
    return Source(f"lists in {folder}", {part: files[part].raw for part in PARTS if part in files},
                  files["train"].classes(None), notes, left_out)


def _metadata(folder: Path) -> dict[Part | None, Path]:
    """The metadata files of an ImageFolder that have a column file_name and another one: that of the folder, or of the
    folders of its parts."""
    for name in _METADATA:
        if _has_labels(folder / name):
            return {None: folder / name}
    metadata: dict[Part | None, Path] = {}
    for below in folders_in(folder):
        part = part_called(below.name)
        for name in _METADATA if part else ():
            if _has_labels(below / name):
                metadata.setdefault(part, below / name)
    return metadata


def _has_labels(path: Path) -> bool:
    columns = _columns(path) if path.is_file() else None
    return columns is not None and bool(columns.labels)


def _columns(path: Path) -> ListColumns | None:
    """None for what is no list; a list may have no column of labels."""
    try:
        return _look(path)
    except DataError:
        return None


def _look(path: Path) -> ListColumns:
    """By no more than the names of the columns and the first row. Raises DataError for what is no list."""
    table = read_table(path, beginning=True)
    return list_columns(path, table.names, table.rows[0])


def _is_pixel_table(path: Path) -> bool:
    return not path.name.lower().endswith(JSON_LINES) and pixel_columns(delimited.look_at(path)) is not None


def _in_folder(folder: Path, label: str | None) -> Source | None:
    tables = [*delimited.tables_in(folder),
              *sorted(path for path in folder.iterdir() if path.name.lower().endswith(JSON_LINES))]
    looked_at = {path: columns for path in tables
                 if "submission" not in path.name.lower() and (columns := _columns(path)) is not None}
    if not looked_at:
        if len(tables) == 1 and not folders_in(folder) and not _is_pixel_table(tables[0]):
            _look(tables[0])  # says what is wrong with it
        return None
    classes = class_folders(folder)
    if len(classes) > 1:
        _check_agreement(folder, classes, [path for path, columns in looked_at.items() if columns.labels], label)
        return None
    lists, notes = _by_part(folder, looked_at)
    reasons = ("a table that is no list of pictures", "a list without labels, or of other pictures")
    left_out = [LeftOut(path.name, reasons[path in looked_at])
                for path in tables if path not in lists.values()]
    return _source(folder, lists, label, tuple(left_out), notes)


def _by_part(folder: Path, looked_at: Mapping[Path, ListColumns]) -> tuple[dict[Part | None, Path], tuple[str, ...]]:
    """The lists that are meant, by part, or a single one for all."""
    labelled = [path for path, columns in looked_at.items() if columns.labels]
    if not labelled:
        raise DataError(f"{next(iter(looked_at))}: no column of labels")
    lists: dict[Part | None, Path] = {}
    for path in labelled:
        part = part_in(delimited.stem(path))
        if part is not None and lists.setdefault(part, path) != path:
            raise DataError(f"{folder}: two lists for {PARTS[part]} ({lists[part].name}, {path.name}); give the one "
                            "that is meant itself")
    if len(labelled) == 1:
        lists = {None: labelled[0]}
    elif "train" not in lists:
        listed = some_of([path.name for path in labelled])
        raise DataError(f"{folder}: several lists of pictures with labels ({listed}); give the one that is meant "
                        "itself")
    return lists, tuple(f"{path.name} has no column of labels: it is no {PARTS[part]} part" for path in looked_at
                        if path not in labelled and (part := part_in(delimited.stem(path))))


def _check_agreement(folder: Path, classes: Mapping[str, Path], lists: list[Path], label: str | None) -> None:
    """Raise DataError where a list and the class folders around its pictures tell different classes. Of that of the
    test part nothing is read."""
    for path in lists:
        if part_in(delimited.stem(path)) == "test":
            continue
        columns = _columns(path)
        try:
            raw = FileList(path, label).raw()
        except DataError:  # about other files
            continue
        if columns is None or not columns.by_name:
            continue
        inside = [(normal(str(name)), {normal(part) for part in file.relative_to(folder).parts[:-1]})
                  for name, file in zip(raw.labels, raw.pictures, strict=True)
                  if isinstance(file, Path) and file.is_relative_to(folder)]
        if inside and not any(name in folders for name, folders in inside):
            raise DataError(f"{folder}: {path.name} and the folders ({some_of(sorted(classes), 6)}) tell different "
                            "classes; give the list itself, or take it out to go by the folders")


FORMATS.add("list", DataFormat(
    "a .csv, .tsv or .jsonl list of picture files with labels, or a folder with one", detect,
    suffixes=(*delimited.SUFFIXES, *JSON_LINES),
    rank=1,  # before image folders, which any folder with folders looks like
))
