"""Tables of pixels read: numbers to pictures, and whatever is wrong named with its line and column."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.data.delimited import TextTable, look_at, readable
from fashionlab.data.pixel_columns import HEADER_ADVICE, PixelColumns, is_number, pixel_columns

_WHITE = 255


@dataclass(frozen=True)
class PixelTable:
    """images: uint8 [N, H, W] or [N, H, W, 3]. labels: int64 [N], or N names; None where the table has none. columns:
    what other columns say, N texts each. notes: what was taken for what."""

    images: np.ndarray
    labels: np.ndarray | None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cells:
    """What is read of a table cell by cell: N lines, and N texts of each of some columns."""

    lines: list[int]
    texts: dict[int, list[str]]


def look(path: Path) -> tuple[TextTable, PixelColumns]:
    """The form and the columns of the table of pixels `path`. Raises DataError where it is none."""
    table = look_at(path)
    columns = pixel_columns(table)
    if columns is None:
        raise DataError(f"{path}: line {table.first[0][0]} is no header of a table of pixels (label,pixel1,...); "
                        "of a list of files give the files or their folder")
    return table, columns


def read_pixels(path: Path, like: Path | None = None) -> PixelTable:
    """All of the table `path`.

    like: a table of the same form, by which it is told where the label is if `path` does not say that itself.
    Raises DataError naming file, line and column: a header that is wrong, a ragged row, a value that is no brightness.
    """
    table, columns = look(path)
    if columns.undecided:
        columns = columns.with_label(_label_place(path, like))
    if len(table.first) <= bool(columns.header):
        raise DataError(f"{path}: holds no pictures, only a header")
    return _read_plain(table, columns) or _read_any(table, columns)


def _label_place(path: Path, like: Path | None) -> int:
    """Whether the first column (0) or the last one is the label of a table without a header."""
    if like is not None:
        table, columns = look(like)
        if columns.undecided and len(columns.names) == len(look(path)[1].names):
            return _label_place(like, None)
        if columns.label is not None and not columns.header:
            return columns.label
    table, columns = look(path)
    last = len(columns.names) - 1
    texts = _scan(table, columns, {0, last}).texts
    if not _counts_classes(texts[last]):
        return last if len(set(texts[0])) == 1 and len(set(texts[last])) > 1 else 0
    if len(set(texts[0])) == 1:
        return last
    raise DataError(f"{path}: no header, and the first column as well as the last one may be the label; "
                    f"{HEADER_ADVICE}")


def _counts_classes(texts: list[str]) -> bool:
    """Whether the texts are two or more whole numbers from 0 or 1 on without a gap."""
    present = sorted({float(text) if is_number(text) else -1.0 for text in texts})
    return len(present) > 1 and present in ([float(number + first) for number in range(len(present))]
                                            for first in (0, 1))


def _read_plain(table: TextTable, columns: PixelColumns) -> PixelTable | None:
    """A table of whole numbers up to 255 with nothing beside, in one go; None where it is another or something is
    wrong."""
    if columns.others or not all(cell.strip().isdigit() for cell in table.first[-1][1]):
        return None
    try:
        numbers = _numbers(table, columns, np.uint8, None)
    except (ValueError, Warning):
        return None
    if numbers.shape[1] != len(columns.names):
        return None
    if columns.label is None:
        return _with_notes(PixelTable(numbers.reshape(-1, *columns.shape), None), columns)
    labels = numbers[:, columns.label].astype(np.int64)
    if columns.label in (0, numbers.shape[1] - 1):
        start = int(columns.label == 0)
        pixels = np.ascontiguousarray(numbers[:, start : start + numbers.shape[1] - 1])
    else:
        pixels = np.delete(numbers, columns.label, axis=1)
    return _with_notes(PixelTable(pixels.reshape(-1, *columns.shape), labels), columns)


def _with_notes(read: PixelTable, columns: PixelColumns) -> PixelTable:
    notes = (*columns.notes, *read.notes)
    if read.images.max() == 1 and not read.notes:
        notes = (*notes, "the brightest pixel is 1, written as a whole number: taken as nearly black")
    return replace(read, notes=notes)


def _read_any(table: TextTable, columns: PixelColumns) -> PixelTable:
    wanted = {*columns.others, *(() if columns.label is None else (columns.label,))}
    cells = _scan(table, columns, wanted)
    labels = None if columns.label is None else _labels(table.path, cells.lines, cells.texts[columns.label],
                                                        columns.names[columns.label])
    pixels, notes = _pixels(table, columns, cells.lines)
    others = {columns.names[column] or "unnamed": np.array(cells.texts[column], dtype=object)
              for column in columns.others}
    return _with_notes(PixelTable(pixels.reshape(-1, *columns.shape), labels, others, notes), columns)


def _scan(table: TextTable, columns: PixelColumns, wanted: set[int]) -> _Cells:
    """The texts of the columns `wanted`. Raises DataError for rows with more or fewer cells than the header."""
    lines: list[int] = []
    texts: dict[int, list[str]] = {column: [] for column in wanted}
    for line, row in table.rows():
        if line <= columns.header:
            continue
        if len(row) != len(columns.names):
            raise DataError(f"{table.path}: line {line} has {len(row)} columns, expected {len(columns.names)}")
        lines.append(line)
        for column in wanted:
            texts[column].append(row[column].strip())
    return _Cells(lines, texts)


def _labels(path: Path, lines: list[int], texts: list[str], name: str) -> np.ndarray:
    """int64 [N] where the texts are whole numbers, else the names."""
    numbers = [is_number(text) for text in texts]
    mostly_numbers = sum(numbers) * 2 > len(numbers)
    for line, text, number in zip(lines, texts, numbers, strict=True):
        if not text:
            raise DataError(f"{path}: line {line}, column {name}: empty, expected a class")
        if mostly_numbers and not (number and float(text).is_integer() and abs(float(text)) < 2**31):
            raise DataError(f"{path}: line {line}, column {name}: {text[:40]!r}, expected a whole number as in other "
                            "rows")
    if mostly_numbers:
        return np.array([int(float(text)) for text in texts], dtype=np.int64)
    return np.array(texts)


def _pixels(table: TextTable, columns: PixelColumns, lines: list[int]) -> tuple[np.ndarray, tuple[str, ...]]:
    """uint8 [N, P], and what was taken for what."""
    for kind in (np.uint8, np.float32):
        try:
            numbers = _numbers(table, columns, kind, columns.pixels)
        except (ValueError, Warning):
            continue
        if kind is np.uint8:
            return numbers, ()
        return _as_bytes(table.path, columns, lines, numbers)
    raise _wrong_cell(table, columns)


def _as_bytes(path: Path, columns: PixelColumns, lines: list[int], numbers: np.ndarray) -> tuple[np.ndarray,
                                                                                               tuple[str, ...]]:
    """Numbers with a point: all within 0 to 1, or whole ones from 0 to 255."""
    low, high = numbers.min(), numbers.max()
    if 0 <= low <= high <= 1:
        return np.rint(numbers * _WHITE).astype(np.uint8), ("numbers from 0 to 1: times 255, rounded",)
    wrong = ~((numbers >= 0) & (numbers <= _WHITE) & (numbers == np.rint(numbers)))
    if wrong.any():
        row, place = (int(index) for index in np.argwhere(wrong)[0])
        raise _brightness_error(path, lines[row], columns.names[columns.pixels[place]], f"{numbers[row, place]:.8g}")
    return numbers.astype(np.uint8), ()


def _wrong_cell(table: TextTable, columns: PixelColumns) -> DataError:
    """The first pixel that is no number."""
    for line, row in table.rows():
        for column in columns.pixels if line > columns.header else ():
            if not is_number(row[column]):
                return _brightness_error(table.path, line, columns.names[column], row[column].strip())
    return DataError(f"{table.path}: cannot be read as a table of numbers")


def _brightness_error(path: Path, line: int, name: str, text: str) -> DataError:
    return DataError(f"{path}: line {line}, column {name}: {text[:40]!r}, expected a whole number from 0 to 255 (or "
                     "all from 0 to 1)")


def _numbers(table: TextTable, columns: PixelColumns, kind: type, wanted: tuple[int, ...] | None) -> np.ndarray:
    """The numbers of the columns `wanted` (None: of all). Raises ValueError or a Warning for what is no such number."""
    with warnings.catch_warnings(), readable(table.path):
        # numpy only warns when it reads "1.5" as 1 or finds no row; both are refused here.
        warnings.simplefilter("error")
        if table.zipped == (table.path.suffix == ".gz"):
            return np.loadtxt(table.path, kind, delimiter=table.delimiter, skiprows=columns.header, usecols=wanted,
                              ndmin=2, comments=None, encoding=table.encoding, quotechar='"')
        # numpy goes by the suffix. The separator is one that no cell holds.
        text = ("\x1f".join(row) for line, row in table.rows() if line > columns.header)
        return np.loadtxt(text, kind, delimiter="\x1f", usecols=wanted, ndmin=2, comments=None)
