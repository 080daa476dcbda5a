"""Which columns of a list name the picture, its class and its part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fashionlab.common.errors import DataError, did_you_mean
from fashionlab.data.column_names import CLASS_LIKE, FILE, LABEL, NO_LABEL, SPLIT, listed, normal
from fashionlab.data.listed_files import is_file, names_picture
from fashionlab.data.part_names import part_called
from fashionlab.data.source import Part


@dataclass(frozen=True)
class ListColumns:
    """The columns of a list by place. labels: that or those which may be the class. by_name: whether their names say
    so. notes: what was taken for what."""

    file: int
    labels: tuple[int, ...]
    by_name: bool = True
    notes: tuple[str, ...] = ()


def list_columns(path: Path, names: Sequence[str], first: Sequence[str],
                 label: str | None = None) -> ListColumns:
    """The columns of the list `path` by their names and the cells of its first row.

    label: the name of the column that is meant. Raises DataError where that is none, and where no column or several
    name files.
    """
    normals = [normal(name) for name in names]
    file, by_content = _file_column(path, names, normals, first)
    if file is None:
        raise DataError(f"{path}: no column names the pictures (columns: {listed(names)}); call it 'file'")
    notes = [f"column {names[file]!r} names the files"] if by_content else []
    rest = [column for column in range(len(names)) if column != file]
    if label is not None:
        return ListColumns(file, (_chosen(path, names, rest, label),), notes=tuple(notes))
    labels = labels_by_name([names[column] for column in rest])
    if labels:
        return ListColumns(file, tuple(rest[place] for place in labels), notes=tuple(notes))
    labels = [column for column in rest if normals[column] not in NO_LABEL
              and not (normals[column] in SPLIT and part_called(first[column] if column < len(first) else ""))]
    return ListColumns(file, tuple(labels), False, tuple(notes))


def labels_by_name(names: Sequence[str]) -> list[int]:
    """Which of the columns `names` are called what labels are called, or else what classes of catalogues are called."""
    normals = [normal(name) for name in names]
    labels = [column for column, name in enumerate(normals) if name in LABEL]
    if "x" in normals:  # a box: x, y, width, height
        labels = [column for column in labels if normals[column] != "y"]
    return labels or [column for column, name in enumerate(normals) if name in CLASS_LIKE]


def _file_column(path: Path, names: Sequence[str], normals: Sequence[str],
                 first: Sequence[str]) -> tuple[int | None, bool]:
    """The column that names the picture, and whether its contents alone say so."""

    def holds_pictures(column: int) -> bool:
        return column < len(first) and names_picture(path.parent, first[column])

    for usual in FILE:
        candidates = [column for column, name in enumerate(normals) if name in usual]
        if len(candidates) == 1:
            return candidates[0], False
        if candidates:
            certain = [column for column in candidates if holds_pictures(column)]
            existing = [column for column in certain if is_file(path.parent / first[column].strip())]
            if len(existing or certain) == 1:
                return (existing or certain)[0], False
            raise DataError(f"{path}: several columns may name the pictures "
                            f"({listed(names[one] for one in candidates)}); call one 'file' and the others something "
                            "else")
    certain = [column for column in range(len(names)) if holds_pictures(column)]
    return (certain[0], True) if len(certain) == 1 else (None, False)


def _chosen(path: Path, names: Sequence[str], rest: Sequence[int], label: str) -> int:
    for column in rest:
        if names[column] == label:
            return column
    raise DataError(f"{path}: no column {label!r}; {did_you_mean(label, [names[column] for column in rest])}")


def label_column(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]], columns: ListColumns) -> tuple[
        int, tuple[str, ...]]:
    """The one column that is the class, and what to say of it. Of columns that tell the same classes it is the first
    that names them instead of numbering them. Raises DataError where there is none, or which one is meant is open."""
    labels = list(columns.labels)
    if not labels:
        raise DataError(f"{path}: no column of labels (columns: {listed(names)})")
    values = {column: [row[column].strip() for row in rows] for column in labels}
    combinations = set(zip(*values.values(), strict=True))
    same = all(normal(names[column]) in LABEL and len(set(values[column])) == len(combinations) for column in labels)
    if len(labels) > 1 and same:
        named = [column for column in labels if not all(value.isdigit() for value in values[column])] or labels
        return named[0], (f"column {names[named[0]]!r} is the label",)
    label = labels[0]
    if len(labels) > 1:
        raise DataError(f"{path}: several columns may be the label ({listed(names[column] for column in labels)}); say "
                        f"which one with {path.name}#COLUMN, as in '{path}#{names[labels[-1]][:40]}'")
    usual = columns.by_name and normal(names[label]) in LABEL
    return label, () if usual else (f"column {names[label]!r} is the label",)


def split_column(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int],
                 taken: Sequence[int]) -> tuple[int | None, list[Part | None]]:
    """The column that says each row's part, and the N parts; (None, N times None) where there is none.

    taken: the columns that are something else. Raises DataError for a part that is not understood, and for two such
    columns.
    """
    candidates = [column for column, name in enumerate(names) if normal(name) in SPLIT and column not in taken
                  and any(part_called(row[column]) for row in rows)]
    if not candidates:
        return None, [None] * len(rows)
    if len(candidates) > 1:
        raise DataError(f"{path}: several columns may tell the parts ({listed(names[one] for one in candidates)}); "
                        "take out all but one")
    column = candidates[0]
    parts: list[Part | None] = [part_called(row[column]) for row in rows]
    if None in parts:
        index = parts.index(None)
        raise DataError(f"{path}: line {lines[index]}, column {names[column]}: {rows[index][column][:40]!r}, expected "
                        "the name of a part (train, val, test)")
    return column, parts
