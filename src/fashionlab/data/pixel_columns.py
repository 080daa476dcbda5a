"""Which columns of a table are pixels and which is the label: by its header, or where it has none by its first row."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.data.column_names import INDEX, LABEL, listed, normal
from fashionlab.data.delimited import TextTable
from fashionlab.data.listed_files import is_file, names_picture

# A row of pixels that grow by one from 0 or 1 is no picture from so many on: it counts the columns, as pandas does.
_COUNTED = 16
_FEWEST = 4  # columns without a header that may be pixels: a file's name and a number are none
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE | re.ASCII)
_RGB = 3
_LONGEST_NAME = 80  # of a column of pixels
HEADER_ADVICE = "a first line label,pixel1,pixel2,... says which column is what"


@dataclass(frozen=True)
class PixelColumns:
    """The columns of a table of pixels, by place from 0.

    names: what messages call each. header: the line of the header, 0 where there is none. pixels: in reading order.
    shape: of a picture, (H, W) or (H, W, 3). label: None where there are no labels. undecided: whether the label may be
    the first or the last column, so that `pixels` and `label` are not known yet. others: all other columns.
    notes: what was taken for what.
    """

    names: tuple[str, ...]
    header: int
    pixels: tuple[int, ...]
    shape: tuple[int, ...]
    label: int | None = None
    undecided: bool = False
    others: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def labelled(self) -> bool:
        return self.undecided or self.label is not None

    def with_label(self, label: int) -> PixelColumns:
        """Of a table without a header, that column being the label, the first or the last one."""
        count = len(self.names)
        place = "first" if label == 0 else "last"
        return replace(self, label=label, undecided=False, names=_numbered_names(count, label),
                       pixels=tuple(column for column in range(count) if column != label),
                       notes=(*self.notes, f"no header: the {place} column is the label"))


def pixel_columns(table: TextTable) -> PixelColumns | None:
    """The columns of `table` by its first row; None where that is no row or header of pixels.

    Raises DataError for a header that is one but is wrong, or can be understood in two ways.
    """
    line, cells = table.first[0]
    names = tuple(cell.strip() for cell in cells)
    if _is_header(names):
        return _by_names(table, line, names)
    return _by_count(table, line, names)


def is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text))


def _is_header(names: Sequence[str]) -> bool:
    words = [name for name in names if not is_number(name)]
    if len(words) * 2 > len(names):
        return True
    numbers = [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 10]
    counted = len(numbers) >= len(names) - 2 and any(numbers == list(range(first, first + len(numbers)))
                                                     for first in (0, 1))
    return counted and (len(numbers) > _COUNTED or any(normal(name) in LABEL for name in words))


def _by_names(table: TextTable, line: int, names: tuple[str, ...]) -> PixelColumns | None:
    where = f"{table.path}: line {line}"
    patterns = [_pattern(name) for name in names]
    counts = Counter(pattern for pattern in patterns if pattern is not None)
    if not counts:
        return None
    pattern, count = counts.most_common(1)[0]
    if count * 2 <= len(names) and not pattern.startswith(("pix", "px")):
        return None  # a few numbered columns among others, such as x1, y1, x2, y2
    pixels = tuple(column for column, other in enumerate(patterns) if other == pattern)
    if not pattern.startswith(("pix", "px")) and _are_features(table, pattern, pixels):
        return None
    label, others, notes = _label_by_name(where, names, pixels)
    return PixelColumns(names, line, pixels, _shape_by_names(where, names, pixels), label, False, others, notes)


def _are_features(table: TextTable, pattern: str, pixels: Sequence[int]) -> bool:
    """Whether numbered columns say more of a picture that another column of the first row names: f1, f2, ... do; those
    that may as well be pixels (0, 1, ..., p0, p1, ... or 1x1, 1x2, ...) where that file is there, or the former are no
    square picture."""
    row = table.first[1][1] if len(table.first) > 1 else []
    folder, taken = table.path.parent, set(pixels)
    named = [cell.strip() for column, cell in enumerate(row) if column not in taken and names_picture(folder, cell)]
    may_be_pixels = _square(len(pixels)) if pattern in ("#", "p#") else re.fullmatch("r?#([cx_]#)+", pattern)
    return any(not may_be_pixels or is_file(folder / cell) for cell in named)


def _pattern(name: str) -> str | None:
    """The name with # for each of its numbers; None for one without, and for what pandas calls row numbers."""
    numbering = normal(re.sub(r"\d", "", name)) in INDEX and not name.isdigit()
    if numbering or len(name) > _LONGEST_NAME:
        return None
    return re.sub(r"\d+", "#", name.lower()) if re.search(r"\d", name) else None


def _label_by_name(where: str, names: Sequence[str], pixels: Sequence[int]) -> tuple[int | None, tuple[int, ...],
                                                                                    tuple[str, ...]]:
    """The label's column, the columns that are neither, and what to say of them."""
    rest = [column for column in range(len(names)) if column not in set(pixels)]
    labels = [column for column in rest if normal(names[column]) in LABEL]
    numbering = [column for column in rest if normal(re.sub(r"\d", "", names[column])) in INDEX]
    unknown = [column for column in rest if column not in labels and column not in numbering]
    notes: list[str] = []
    if not labels and len(unknown) == 1:
        labels, unknown = unknown, []
        notes.append(f"column {names[labels[0]]!r}, the only one beside the pixels, is the label")
    candidates = labels or unknown
    if len(candidates) > 1:
        raise DataError(f"{where}: several columns may be the label ({listed(names[one] for one in candidates)}); "
                        "call the one that is meant 'label' and take the others out")
    for what, columns in (("numbers the rows", numbering), ("is neither label nor pixel", unknown)):
        notes += [f"column {names[column][:_LONGEST_NAME]!r} {what}: left out" for column in columns]
    return (labels[0] if labels else None), tuple(numbering + unknown), tuple(notes)


def _shape_by_names(where: str, names: tuple[str, ...], pixels: Sequence[int]) -> tuple[int, ...]:
    """The shape of a picture by the numbers in its pixels' names, which must be in reading order: pixel0, pixel1, ...;
    by row and column 1x1, 1x2, ...; or by row, column and channel."""
    numbers = np.array([[int(number) for number in re.findall(r"\d+", names[column])[-_RGB:]] for column in pixels])
    first = numbers[0]
    sizes = numbers.max(axis=0) - first + 1
    width = numbers.shape[1]
    if not np.isin(first, (0, 1)).all():
        raise DataError(f"{where}, column {pixels[0] + 1} is {names[pixels[0]]!r}, expected the first pixel "
                        f"({_renumbered(names[pixels[0]], [1] * width)!r})")
    if width == 1:
        expected = np.arange(len(pixels))[:, None] + first
    elif math.prod(map(int, sizes)) <= 4 * len(pixels):
        expected = np.indices(sizes).reshape(width, -1).T + first
    else:
        expected = numbers[:0]
    shared = min(len(expected), len(numbers))
    wrong = np.flatnonzero((expected[:shared] != numbers[:shared]).any(axis=1))
    if len(wrong):
        column = pixels[wrong[0]]
        raise DataError(f"{where}, column {column + 1} is {names[column][:40]!r}, expected "
                        f"{_renumbered(names[column], expected[wrong[0]])!r}")
    if width == 1:
        return _shape_by_count(where, len(pixels))
    shape = tuple(int(size) for size in sizes)
    if len(expected) != len(numbers) or (width == _RGB and shape[2] != _RGB):
        raise DataError(f"{where} has {len(pixels)} pixel columns, which are no whole picture by their names (the last "
                        f"is {names[pixels[-1]][:40]!r})")
    return shape


def _renumbered(name: str, numbers: Sequence[int] | np.ndarray) -> str:
    """`name` with other numbers, of as many digits where it has leading zeros."""
    remaining = list(numbers)
    before = len(re.findall(r"\d+", name)) - len(remaining)
    counter = iter(range(before + len(remaining)))

    def one(match: re.Match[str]) -> str:
        place = next(counter) - before
        if place < 0:
            return match.group()
        digits = len(match.group()) if match.group().startswith("0") else 1
        return f"{remaining[place]:0{digits}}"

    return re.sub(r"\d+", one, name)


def _shape_by_count(where: str, count: int) -> tuple[int, ...]:
    shape = _square(count)
    if shape is None:
        raise DataError(f"{where} has {count} pixel columns, expected those of a square picture, such as 784 for "
                        "28x28; is a column missing?")
    return shape


def _square(count: int) -> tuple[int, ...] | None:
    """The shape of a square picture of so many numbers, grey or else red, green and blue; None where there is none."""
    for pixels, tail in ((count, ()), (count / _RGB, (_RGB,))):
        if pixels > 0 and pixels == int(pixels) and math.isqrt(int(pixels)) ** 2 == pixels:
            side = math.isqrt(int(pixels))
            return (side, side, *tail)
    return None


def _by_count(table: TextTable, line: int, cells: tuple[str, ...]) -> PixelColumns | None:
    """Of a table without a header."""
    where, count = f"{table.path}: line {line}", len(cells)
    words = [column for column, cell in enumerate(cells) if not is_number(cell)]
    labelled, bare = _square(count - 1), _square(count)
    if (words and words not in ([0], [count - 1])) or count < _FEWEST:
        return None
    if labelled and bare and not words:
        raise DataError(f"{where}: no header, and {count} columns may be a picture or a label and a picture; "
                        f"{HEADER_ADVICE}")
    if labelled:
        columns = PixelColumns(_numbered_names(count, 0), 0, tuple(range(1, count)), labelled, undecided=True)
        return columns.with_label(words[0]) if words else columns
    if bare:
        return PixelColumns(_numbered_names(count, None), 0, tuple(range(count)), bare,
                            notes=("no header, and as many columns as a picture has pixels: no labels",))
    _shape_by_count(where, count - 1)
    return None


def _numbered_names(count: int, label: int | None) -> tuple[str, ...]:
    names = [f"pixel{number + 1}" for number in range(count if label is None else count - 1)]
    if label is not None:
        names.insert(label, "label")
    return tuple(names)
