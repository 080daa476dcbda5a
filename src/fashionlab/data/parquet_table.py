"""Parquet files read with pyarrow, an extra: texts of their columns, and pictures that lie in them as bytes.

Hugging Face's `datasets` writes pictures as {bytes, path} and, under the key "huggingface" of the file's metadata, what
each column is (JSON: info.features, such as {"label": {"_type": "ClassLabel", "names": [...]}}).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.data.unpacked import unpacked

_BATCH = 64


@dataclass(frozen=True)
class ParquetColumns:
    """names: of all columns. plain: those of texts and numbers. images: those that hold pictures as bytes. classes: the
    class names of columns that number classes."""

    names: tuple[str, ...]
    plain: tuple[str, ...]
    images: tuple[str, ...]
    classes: dict[str, tuple[str, ...]]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """pyarrow's ParquetFile. Raises DataError without pyarrow, and within the block for what is damaged."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(f"{path}: a Parquet file, which needs pyarrow: install the extra 'parquet' "
                        "(pip install 'fashionlab[parquet]')") from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            yield file
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:  # ValueError: texts that are no UTF-8
        raise DataError(f"{path}: cannot be read as a Parquet file ({error})") from error


def read_columns(path: Path) -> ParquetColumns:
    """What the columns are, by the file's footer. Raises DataError for two of one name."""
    with _opened(path) as file:
        import pyarrow.types as types

        schema = file.schema_arrow
        double = next((name for name, count in Counter(schema.names).items() if count > 1), None)
        if double is not None:
            raise DataError(f"{path}: two columns are called {double!r}")
        features = _features(path, schema.metadata or {})
        plain, images = [], []
        for field in schema:
            bytes_within = types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0
            binary = types.is_binary(field.type) or types.is_large_binary(field.type)
            if bytes_within or binary:
                images.append(field.name)
            elif not types.is_nested(field.type):
                plain.append(field.name)
    declared = [name for name in images if features.get(name, {}).get("_type") == "Image"]
    classes = {name: tuple(map(str, feature["names"])) for name, feature in features.items()
               if name in plain and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)}
    return ParquetColumns(tuple(schema.names), tuple(plain), tuple(declared or images), classes)


def _features(path: Path, metadata: dict[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """What `datasets` says of the columns; nothing where another program wrote the file."""
    text = metadata.get(b"huggingface")
    if text is None:
        return {}
    try:
        features = json.loads(text)["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: what `datasets` says of its columns cannot be read ({error!r})") from error


def read_plain(path: Path, names: Sequence[str], rows: int | None = None) -> dict[str, list[Any]]:
    """The N values of each of the columns `names`, or the first `rows` of them; None for what is missing."""
    with _opened(path) as file:
        table = file.read(columns=list(names)) if rows is None else next(
            file.iter_batches(batch_size=rows, columns=list(names)), file.schema_arrow.empty_table())
        return {name: table.column(name).to_pylist() for name in names}


def read_texts(path: Path, rows: int | None = None) -> tuple[tuple[str, ...], list[list[str]]]:
    """The names of the columns of texts and numbers, and N rows of their texts, or the first `rows` of them; numbers of
    classes as their names."""
    columns = read_columns(path)
    values = {name: [class_name(value, columns.classes.get(name)) for value in column]
              for name, column in read_plain(path, columns.plain, rows).items()}
    return columns.plain, [list(map(as_text, row)) for row in zip(*values.values(), strict=True)]


def class_name(value: Any, classes: tuple[str, ...] | None) -> Any:
    """The name of the class of that number; another value as it is."""
    return classes[value] if classes and isinstance(value, int) and 0 <= value < len(classes) else value


def as_text(value: object) -> str:
    """A value of a JSON or Parquet table as the text that a CSV table would have."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def all_below(path: Path, name: str, limit: int) -> bool:
    """Whether the footer says that every number of the column is below `limit`."""
    with _opened(path) as file:
        index = _paths(file).index(name)
        groups = [file.metadata.row_group(number).column(index).statistics
                  for number in range(file.metadata.num_row_groups)]
    return bool(groups) and all(group is not None and group.has_min_max and isinstance(group.max, int)
                                and group.max < limit for group in groups)


def picture_files(path: Path, name: str) -> tuple[list[Path | None], list[str | None]]:
    """The pictures of the column `name` as files in the user's cache, where they are unpacked once, and what each was
    called before; None for a row without a picture or a name."""
    folder = unpacked(path, partial(_unpack, path, name), f"the pictures in {path}")
    with _opened(path) as file:
        rows, names = file.metadata.num_rows, [None] * file.metadata.num_rows
        if f"{name}.path" in _paths(file):
            values = file.read(columns=[f"{name}.path"]).column(name).to_pylist()
            names = [value and value["path"] for value in values]
    existing = {one.name for one in folder.iterdir()}
    return [folder / _file_name(row) if _file_name(row) in existing else None for row in range(rows)], names


def _paths(file: Any) -> list[str]:
    """What each column is called, those within others with their way: "image.bytes", "image.path", "label"."""
    return [file.schema.column(number).path for number in range(file.metadata.num_columns)]


def _unpack(path: Path, name: str, folder: Path) -> None:
    row = 0
    with _opened(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=[name]):
            for value in batch.column(0).to_pylist():
                content = value.get("bytes") if isinstance(value, dict) else value
                if content:
                    _write(folder / _file_name(row), content)
                row += 1


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise FashionlabError(f"cannot write {path}: {error.strerror or error}") from error


def _file_name(row: int) -> str:
    return f"{row:07}"  # its content tells its form
