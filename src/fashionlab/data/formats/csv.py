"""Tables of pictures as on Kaggle: header `label,pixel1,...,pixel784`, then one row a picture.

Pictures are square; in colour pictures each pixel's red, green and blue follow one another (pixel1 to pixel2352
at 28x28).
"""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts
from fashionlab.data.pictures import from_channels_last, to_channels_last
from fashionlab.data.source import Part, RawPart, Source, read_classes


def read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [N, H, W] or [N, H, W, 3] and labels int64 [N] of the table `path`.

    Raises DataError naming file, line and column: no such file, wrong header, ragged row, a value that is not 0-255.
    """
    shape = _read_header(path)
    try:
        with warnings.catch_warnings():
            # numpy only warns when it reads "1.5" as 1 or finds no row; both are refused here.
            warnings.simplefilter("error")
            table = np.loadtxt(path, np.uint8, delimiter=",", skiprows=1, ndmin=2, comments=None, encoding="utf-8")
    except (OSError, ValueError, Warning) as error:
        raise _diagnose(path, math.prod(shape)) or DataError(f"{path}: cannot be read as a table ({error})") from error
    if table.shape[1] != 1 + math.prod(shape):
        raise _diagnose(path, math.prod(shape)) or DataError(f"{path}: {table.shape[1]} columns do not fit its header")
    return np.ascontiguousarray(table[:, 1:]).reshape(-1, *shape), table[:, 0].astype(np.int64)


def _read_header(path: Path) -> tuple[int, ...]:
    """The shape of a picture, (H, W) or (H, W, 3), from the number of columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            names = next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as text ({error})") from error
    for column, name in enumerate(names):
        expected = f"pixel{column}" if column else "label"
        if name.strip() != expected:
            raise DataError(f"{path}: line 1, column {column + 1} is {name.strip()[:40]!r}, expected {expected!r} "
                            "(header label,pixel1,pixel2,...)")
    pixels = len(names) - 1
    for values, tail in ((pixels, ()), (pixels / 3, (3,))):
        if values > 0 and values == int(values) and math.isqrt(int(values)) ** 2 == values:
            side = math.isqrt(int(values))
            return (side, side, *tail)
    raise DataError(f"{path}: line 1 has {max(pixels, 0)} pixel columns, expected those of a square picture, "
                    "such as 784 for 28x28; is a column missing?")


def _diagnose(path: Path, pixels: int) -> DataError | None:
    """The first thing wrong in the rows, with line and column; only called when the fast reader has failed."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            next(reader)
            empty = True
            for row in reader:
                if not row:
                    continue
                empty = False
                if len(row) != pixels + 1:
                    return DataError(f"{path}: line {reader.line_num} has {len(row)} columns, expected {pixels + 1}")
                for column, value in enumerate(row):
                    text = value.strip()
                    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= 255):
                        name = f"pixel{column}" if column else "label"
                        return DataError(f"{path}: line {reader.line_num}, column {name}: {text[:40]!r}, "
                                         "expected a whole number from 0 to 255")
            return DataError(f"{path}: holds no pictures, only a header") if empty else None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return DataError(f"{path}: cannot be read as a table ({error})")


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


def source(describe: str, files: Mapping[Part, Path], classes: tuple[str, ...] | None = None) -> Source:
    """The tables `files`. classes: None reads classes.txt or numbers them."""
    known = classes or read_classes(files["train"].parent)
    return Source(describe, {part: partial(_read_part, path) for part, path in files.items()}, known)


def _read_part(path: Path) -> RawPart:
    images, labels = read_csv(path)
    return RawPart(str(path), from_channels_last(images, str(path)), labels)


def find_tables(folder: Path) -> dict[Part, Path] | None:
    """The two tables in `folder` (*train*.csv and *test*.csv); None when it has no CSV file.

    Raises DataError unless there is exactly one of each.
    """
    tables = sorted(path for path in folder.glob("*.csv") if path.is_file()) if folder.is_dir() else []
    if not tables:
        return None
    files: dict[Part, Path] = {}
    parts: tuple[Part, ...] = ("train", "test")
    for part in parts:
        matching = [path for path in tables if part in path.name.lower()]
        if len(matching) != 1:
            raise DataError(f"{folder}: {len(matching)} files *{part}*.csv, "
                            "expected one *train*.csv and one *test*.csv")
        files[part] = matching[0]
    return files


def detect(folder: Path) -> Source | None:
    files = find_tables(folder)
    return None if files is None else source(f"CSV tables in {folder}", files)


def _read_file(path: Path) -> np.ndarray:
    return from_channels_last(read_csv(path)[0], str(path))


FORMATS.add("csv", DataFormat(
    "a folder with *train*.csv and *test*.csv", detect, write_set,
    lone_file=LoneFile(lambda name: name.lower().endswith(".csv"), _read_file),
    rank=1,  # Kaggle's Fashion-MNIST holds the IDX files too, which are read faster
))
