"""A list of pictures with their labels, read: which file is of which class and part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import LeftOut
from fashionlab.data.list_columns import label_column, list_columns, split_column
from fashionlab.data.list_table import ListTable, left_out_rows, read_table
from fashionlab.data.listed_files import ListedFiles, name_within, unlisted
from fashionlab.data.part_names import part_called
from fashionlab.data.source import Part, RawPart, read_classes

_LONGEST_LABEL = 200  # characters


@dataclass(frozen=True)
class _Entry:
    """One picture: its file, class and part, and the row (from 0) and line of the list."""

    file: Path
    label: str
    part: Part | None
    row: int
    line: int


class FileList:
    """The list `path`. label: the name of the column that is the class, where it is said. part: of the data set, where
    the list is of one. Whatever is wrong is a DataError that names file and line."""

    def __init__(self, path: Path, label: str | None = None, part: Part | None = None) -> None:
        self.path, self.folder, self._label = path, path.parent, label
        self._part: Part | None = part

    @cached_property
    def _table(self) -> ListTable:
        return read_table(self.path)

    @cached_property
    def _columns(self) -> tuple[int, int, int | None, list[Part | None], tuple[str, ...]]:
        """The columns of file, label and part, each row's part, and what was taken for what."""
        table = self._table
        columns = list_columns(self.path, table.names, table.rows[0], self._label)
        label, notes = label_column(self.path, table.names, table.rows, columns)
        split, parts = split_column(self.path, table.names, table.rows, table.lines, (columns.file, label))
        return columns.file, label, split, parts, (*columns.notes, *notes)

    @cached_property
    def _read(self) -> tuple[list[_Entry], tuple[str, ...], tuple[LeftOut, ...]]:
        """The pictures in the order of their rows, notes, and what is left out."""
        table, (file, label, _, parts, notes) = self._table, self._columns
        files = ListedFiles(self.path, self._part)
        entries: dict[Path, _Entry] = {}
        all_files: list[Path] = []
        without = {"no file": [], "no label": []}
        again = 0
        for number, (row, line) in enumerate(zip(table.rows, table.lines, strict=True)):
            name, text = row[file].strip(), row[label].strip()
            if not name:
                without["no file"].append(line)
                continue
            path = files.find(name, line)
            all_files.append(path)
            if not text:
                without["no label"].append(line)
                continue
            if len(text) > _LONGEST_LABEL:
                raise DataError(f"{self.path}: line {line}, column {table.names[label]}: {text[:40]!r}... of "
                                f"{len(text):,} characters, expected the name of a class")
            entry = _Entry(path, text, parts[number], number, line)
            before = entries.setdefault(path, entry)
            again += before is not entry
            self._check_same(before, entry)
        if not entries:
            raise DataError(f"{self.path}: no row has both a file and a label")
        all_notes = [*notes, *files.notes(len(all_files)), *_told(list(entries.values()), self.folder)]
        if again:
            all_notes.append(f"{again} rows name a picture again that an earlier row names, with the same label")
        left_out = [*table.left_out, *unlisted(all_files, self.path)]
        for reason, lines in without.items():
            left_out += left_out_rows(self.path, lines, reason)
        return list(entries.values()), tuple(all_notes), tuple(left_out)

    def _check_same(self, before: _Entry, entry: _Entry) -> None:
        for what, first, second in (("", before.label, entry.label), ("in part ", before.part, entry.part)):
            if first != second:
                raise DataError(f"{self.path}: {name_within(entry.file, self.folder)} is {what}{str(first)[:40]!r} in "
                                f"line {before.line} and {what}{str(second)[:40]!r} in line {entry.line}")

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return self._read[2]

    @cached_property
    def part_of(self) -> list[Part | None]:
        """The part of each picture: as a column tells, else by folders called train, val, test where all lie in such
        and some in train; else None."""
        entries = self._read[0]
        if self._columns[2] is not None:
            return [entry.part for entry in entries]
        parts: list[Part | None] = [_part_by_folder(name_within(entry.file, self.folder)) for entry in entries]
        return parts if "train" in parts and None not in parts else [None for _ in entries]

    @property
    def part_note(self) -> tuple[str, ...]:
        if set(self.part_of) <= {None}:
            return ()
        split = self._columns[2]
        how = "the files' folders tell" if split is None else f"column {self._table.names[split]!r} tells"
        return (f"{how} the parts",)

    def raw(self, part: Part | None = None) -> RawPart:
        """The pictures of `part`; or all of them, with what is left out of the list."""
        entries, notes, left_out = self._read
        if part is not None:
            entries = [entry for entry, of in zip(entries, self.part_of, strict=True) if of == part]
        table, (file, label, split, *_) = self._table, self._columns
        others = [column for column in range(len(table.names)) if column not in (file, label, split)]
        columns = {table.names[column]: np.array([table.rows[entry.row][column].strip() for entry in entries],
                                                dtype=object)
                   for column in others}
        return RawPart(str(self.path), [entry.file for entry in entries], self._labels(entries),
                       [name_within(entry.file, self.folder) for entry in entries], columns,
                       tuple(f"{self.path.name}: {note}" for note in (*notes, *self.part_note)),
                       left_out if part is None else ())

    def _labels(self, entries: Sequence[_Entry]) -> np.ndarray:
        """Names, or with a classes.txt also numbers of its lines."""
        texts = [entry.label for entry in entries]
        known = read_classes(self.folder)
        if known is not None and not set(texts) & set(known) and all(_is_whole(text) for text in texts):
            return np.array([int(text) for text in texts], dtype=np.int64)
        return np.array(texts)

    def classes(self, part: Part | None) -> tuple[str, ...]:
        """The names in classes.txt, or those of the pictures of `part`: numbers by their size, others by letters."""
        known = read_classes(self.folder)
        if known is not None:
            return known
        names = {entry.label for entry, of in zip(self._read[0], self.part_of, strict=True) if part in (None, of)}
        return tuple(sorted(names, key=int) if all(_is_whole(name) for name in names) else sorted(names))


def _is_whole(text: str) -> bool:
    return bool(re.fullmatch(r"-?[0-9]{1,18}", text))


def _part_by_folder(name: str) -> Part | None:
    folders = Path(name).parts[:-1]
    return next((part for folder in folders if (part := part_called(folder))), None)


def _told(entries: Sequence[_Entry], folder: Path) -> list[str]:
    notes = []
    outside = sum(not entry.file.is_relative_to(folder) for entry in entries)
    if outside:
        notes.append(f"{outside} of {len(entries)} files lie outside {folder}")
    several = next((entry.label for entry in entries if re.search(r"[,;|]", entry.label)), None)
    if several is not None:
        notes.append(f"labels of several words such as {several[:60]!r} are one class each")
    return notes
