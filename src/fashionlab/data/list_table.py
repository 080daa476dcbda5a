"""Lists of pictures as tables of texts: from CSV, JSON lines or Parquet, with the line of each row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut
from fashionlab.data import delimited, parquet_table
from fashionlab.data.listed_files import names_picture
from fashionlab.data.parquet_table import as_text

JSON_LINES = (".jsonl", ".ndjson")
_BROKEN_SHARE = 0.1  # of rows with too many or too few cells: more, and the table is read wrongly
_SHOWN = 5


@dataclass(frozen=True)
class ListTable:
    """names: of C columns. rows: N rows of C texts. lines: where each stands in the file, from 1. left_out: rows that
    are none."""

    path: Path
    names: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]
    left_out: tuple[LeftOut, ...] = ()


def is_list(name: str) -> bool:
    """Whether a file of that name may be a list."""
    return delimited.is_table(name) or name.lower().endswith(JSON_LINES)


def read_table(path: Path, beginning: bool = False) -> ListTable:
    """All of the table `path`, or with `beginning` its names and its first row alone, no more of the file being read.

    Raises DataError for what cannot be read as a table, or has no row.
    """
    if path.suffix == ".parquet":
        names, rows = parquet_table.read_texts(path, 1 if beginning else None)
        read = ListTable(path, names, rows, range(1, len(rows) + 1))
    else:
        read = _json_lines(path, beginning) if path.name.lower().endswith(JSON_LINES) else _delimited(path, beginning)
    if not read.rows:
        raise DataError(f"{path}: holds no rows, only a header")
    return read


def _delimited(path: Path, beginning: bool) -> ListTable:
    table = delimited.look_at(path)
    line, header = table.first[0]
    names = tuple(name.strip() for name in header)
    pictures = [column for column, name in enumerate(names) if names_picture(path.parent, name)]
    if len(names) == 2 and len(pictures) == 1:  # no header
        names, line = ("file", "label")[:: 1 if pictures == [0] else -1], 0
    if len(set(names)) != len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: line {line}: two columns are called {double!r}")
    rows: list[Sequence[str]] = []
    lines: list[int] = []
    broken: list[int] = []
    for number, row in table.first if beginning else table.rows():
        if number <= line:
            continue
        if len(row) != len(names) and not beginning:
            broken.append(number)
            continue
        rows.append(row)
        lines.append(number)
    if len(broken) > max(1, _BROKEN_SHARE * (len(rows) + len(broken))):
        raise DataError(f"{path}: line {broken[0]} (and {len(broken) - 1} more) has more or fewer cells than the "
                        f"header, which has {len(names)}; a text with a separator in it needs quotes")
    reason = f"more or fewer cells than the header, which has {len(names)}"
    return ListTable(path, names, rows, lines, left_out_rows(path, broken, reason))


def left_out_rows(path: Path, lines: Sequence[int], reason: str, what: str = "line") -> tuple[LeftOut, ...]:
    """One entry for all rows that are left out for one reason; none where there are no such rows."""
    if not lines:
        return ()
    shown = some_of(list(map(str, lines)), _SHOWN)
    which = f"{what} {shown}" if len(lines) == 1 else f"{len(lines)} {what}s: {shown}"
    return (LeftOut(f"{path.name} ({which})", reason),)


def _json_lines(path: Path, beginning: bool) -> ListTable:
    """One JSON object a line; nested values become JSON texts."""
    records: list[dict[str, object]] = []
    lines: list[int] = []
    with delimited.readable(path), path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}: line {number}: no JSON ({error})") from error
            if not isinstance(record, dict):
                raise DataError(f"{path}: line {number}: expected a JSON object")
            records.append(record)
            lines.append(number)
            if beginning:
                break
    names = tuple(dict.fromkeys(name for record in records for name in record))
    return ListTable(path, names, [[as_text(record.get(name)) for name in names] for record in records], lines)
