"""Tables in text files, whatever their separator, encoding and compression: rows of cells, with their lines."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from fashionlab.common.errors import DataError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_DELIMITERS = (",", ";", "\t")  # the first one wins a tie
_LONGEST_LINE = 1 << 24  # characters: a file that is one endless line must not fill the memory
_GZIP = b"\x1f\x8b"
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

Row = tuple[int, list[str]]  # the number of the line where it ends, from 1, and its cells


def is_table(name: str) -> bool:
    """Whether a file of that name is a table in text."""
    return name.lower().endswith(SUFFIXES)


def stem(path: Path) -> str:
    """The file's name without what says that it is a table."""
    name = path.name
    for suffix in (".gz", ".csv", ".tsv"):
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


def tables_in(folder: Path) -> list[Path]:
    """The tables directly in `folder`, by name; of one that is there both plain and compressed, the plain one."""
    paths = sorted(path for path in folder.iterdir()
                   if is_table(path.name) and not path.name.startswith(".") and path.is_file())
    names = {path.name for path in paths}
    return [path for path in paths if path.name.removesuffix(".gz") == path.name
            or path.name.removesuffix(".gz") not in names]


@dataclass(frozen=True)
class TextTable:
    """How a file's text becomes cells. first: its first two rows that are not blank, or fewer."""

    path: Path
    zipped: bool
    encoding: str
    delimiter: str
    first: tuple[Row, ...]

    def rows(self) -> Iterator[Row]:
        """All rows that are not blank. Raises DataError, naming the file, where it cannot be read on."""
        with readable(self.path), _text(self.path, self.zipped, self.encoding) as stream:
            yield from _cells(_lines(stream, self.path), self.delimiter)


def look_at(path: Path) -> TextTable:
    """The form of the table `path`, by its first two rows; no more of the file is read.

    Raises DataError for a file that cannot be read as text, or is empty.
    """
    with readable(path):
        with path.open("rb") as stream:
            zipped = stream.read(2) == _GZIP
        with _binary(path, zipped) as stream:
            head = stream.read(3)
        encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "utf-8")
        with _text(path, zipped, encoding) as stream:
            lines = [line for line in islice(_lines(stream, path), 64) if line.strip()][:1]
        if not lines:
            raise DataError(f"{path}: empty, expected a table")
        delimiter = max(_DELIMITERS, key=lambda one: len(next(csv.reader(lines, delimiter=one))))
        with _text(path, zipped, encoding) as stream:
            first = tuple(islice(_cells(_lines(stream, path), delimiter), 2))
    return TextTable(path, zipped, encoding, delimiter, first)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Whatever goes wrong while `path` is read as text becomes one DataError."""
    try:
        yield
    except UnicodeError as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table ({error})") from error


def _cells(lines: Iterator[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter)
    for row in reader:
        if row:
            yield reader.line_num, row


def _lines(stream: TextIO, path: Path) -> Iterator[str]:
    while line := stream.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise DataError(f"{path}: a line of more than {_LONGEST_LINE:,} characters, expected a table")
        yield line


def _text(path: Path, zipped: bool, encoding: str) -> TextIO:
    return io.TextIOWrapper(_binary(path, zipped), encoding=encoding, newline="")


def _binary(path: Path, zipped: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if zipped else path.open("rb"))
