"""What every format is: an entry that recognises, reads and writes its own.

To add one: a module in this package that calls ``FORMATS.add(name, DataFormat(...))``; the contract tests find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut, PictureSet
from fashionlab.common.registry import Registry
from fashionlab.data.folder_contents import describe, left_beside, wrapped
from fashionlab.data.source import Part, Source

Parts = Mapping[Part, PictureSet]  # train and test, and val where the set has one


@dataclass(frozen=True)
class LoneFile:
    """Files full of pictures that can be answered without the data set they belong to.

    is_named: whether a file of that name (without its folder) is one. read: its pictures, uint8 [N, C, H, W]; of a file
    with both parts the test pictures. Raises DataError for a file that is missing or damaged.
    """

    is_named: Callable[[str], bool]
    read: Callable[[Path], np.ndarray]


@dataclass(frozen=True)
class DataFormat:
    """A form of data sets.

    looks_like: what it is on the disk, for people. detect: the source at a path, None where the path is no such thing;
    raises DataError where it is one, but incomplete. write: all parts into an empty folder, or over a file where a set
    is one whose name ends in `suffix`; None where it can only be read. Raises DataError for pictures that the format
    cannot hold. Folders are given a classes.txt. rank: of the formats that recognise a path the lowest reads it.
    """

    looks_like: str
    detect: Callable[[Path], Source | None]
    write: Callable[[Path, Parts], None] | None = None
    suffix: str = ""
    lone_file: LoneFile | None = None
    rank: int = 0


FORMATS: Registry[DataFormat] = Registry("format", "fashionlab.data.formats")


def recognise(path: Path) -> Source:
    """The source at `path`, whatever its format, or in the folder or file that is all there is in the folder `path`.

    Raises DataError, saying what lies there, when there is none.
    """
    formats = sorted((FORMATS[name] for name in FORMATS), key=lambda one: one.rank)
    candidates = [path, *wrapped(path)]
    for one in formats:
        for candidate in candidates:
            source = one.detect(candidate)
            if source is not None:
                return source if candidate == path else _looked_through(source, path, candidate)
    if len(several := _recognised_files(path)) > 1:
        raise DataError(f"{path}: several data sets, {some_of(several)}; give one of them")
    raise DataError(f"{path}: no data set: {describe(path)}; expected {'; '.join(one.looks_like for one in formats)} "
                    "(docs/own-pictures.md)")


def _recognised_files(folder: Path) -> list[str]:
    """Names of files directly in `folder` that are data sets, or would be if they were whole."""
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    return [path.name for path in files if any(_is_one(FORMATS[name], path) for name in FORMATS)]


def _is_one(form: DataFormat, path: Path) -> bool:
    try:
        return form.detect(path) is not None
    except DataError:
        return True


def _looked_through(source: Source, path: Path, inner: Path) -> Source:
    """The source that lies in `inner`, with all that lies beside the folders on the way there."""
    beside: list[LeftOut] = []
    way = inner
    while way != path:
        within = way.parent.relative_to(path)
        beside += [replace(one, file=(within / one.file).as_posix()) for one in left_beside(way.parent, {way})]
        way = way.parent
    note = f"{inner.relative_to(path)} is all there is in {path}: looked through"
    return replace(source, notes=(note, *source.notes), left_out=(*source.left_out, *beside))


def lone_file(name: str) -> LoneFile | None:
    """How to read a file of that name that is full of pictures; None for any other file."""
    lone_files = (FORMATS[one].lone_file for one in FORMATS)
    return next((one for one in lone_files if one and one.is_named(name)), None)
