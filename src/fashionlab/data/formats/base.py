"""What every format is: an entry that recognises, reads and writes its own.

To add one: a module in this package that calls ``FORMATS.add(name, DataFormat(...))``; the contract tests find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut, PictureSet
from fashionlab.common.registry import Registry
from fashionlab.data.folder_contents import describe, left_beside, wrapped
from fashionlab.data.folder_layout import class_folders
from fashionlab.data.listing import entries_of
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
    raises DataError where it is one, but incomplete, which is told unless another format of its rank reads the path.
    write: all parts into an empty folder, or over a file where a set is one whose name ends in `suffix`; None where it
    can only be read. Raises DataError for pictures that the format cannot hold. Folders are given a classes.txt.
    suffixes: how the names of files end that may be such a set by themselves, in lower case. strays: whether such files
    may lie beside class folders without being the set, so that what is wrong with them is no matter there. rank: of the
    formats that recognise a path the lowest reads it.
    """

    looks_like: str
    detect: Callable[[Path], Source | None]
    write: Callable[[Path, Parts], None] | None = None
    suffix: str = ""
    lone_file: LoneFile | None = None
    suffixes: tuple[str, ...] = ()
    strays: bool = False
    rank: int = 0


FORMATS: Registry[DataFormat] = Registry("format", "fashionlab.data.formats")


def recognise(path: Path) -> Source:
    """The source at `path`, whatever its format, or in the folder or file that is all there is in the folder `path`.

    Raises DataError when there is none: saying why formats refuse it, or what lies there.
    """
    formats = sorted((FORMATS[name] for name in FORMATS), key=lambda one: one.rank)
    candidates = [path, *wrapped(path)]
    for _, alike in groupby(formats, key=lambda one: one.rank):
        refusals: list[str] = []
        for one in alike:
            try:
                for candidate in candidates:
                    source = _detect(one, candidate)
                    if source is not None:
                        return source if candidate == path else _looked_through(source, path, candidate)
            except DataError as error:
                refusals.append(str(error))
        if refusals:
            raise DataError("; ".join(dict.fromkeys(refusals)))
    if len(several := _files_by_name(path, formats)) > 1:
        raise DataError(f"{path}: several data sets, {some_of(several)}; give one of them")
    raise DataError(f"{path}: no data set: {describe(path)}; expected {'; '.join(one.looks_like for one in formats)} "
                    "(docs/own-pictures.md)")


def _detect(form: DataFormat, path: Path) -> Source | None:
    try:
        return form.detect(path)
    except DataError:
        if form.strays and path.is_dir() and len(class_folders(path)) > 1:
            return None
        raise


def _files_by_name(folder: Path, formats: Sequence[DataFormat]) -> list[str]:
    """Names of files directly in `folder` that may be data sets. None is opened, as archives would be unpacked."""
    suffixes = tuple(suffix for one in formats for suffix in one.suffixes)
    files = entries_of(folder).files if folder.is_dir() else []
    return [path.name for path in files if path.name.lower().endswith(suffixes)]


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
