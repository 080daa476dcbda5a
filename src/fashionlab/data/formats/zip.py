"""Zip archives that hold a data set in another form: unpacked once into the user's cache, then read as what they hold.

A picture in an archive is called by the archive's path and its own within.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from fashionlab.common.errors import DataError
from fashionlab.common.records import LeftOut
from fashionlab.data.formats.base import FORMATS, DataFormat, recognise
from fashionlab.data.source import RawPart, Source
from fashionlab.data.unpacked import unpacked
from fashionlab.data.zip_entries import read_entries

_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")  # a file in it, or none
T = TypeVar("T")
_ARTIFACT = "artifact.json"  # of fashionlab's exported models


def detect(path: Path) -> Source | None:
    """The source in a zip archive, whatever its name; an .npz file is one too, but no archive of files."""
    if not path.is_file() or path.suffix.lower() == ".npz" or not (path.suffix.lower() == ".zip" or _begins(path)):
        return None
    entries = read_entries(path)
    if _ARTIFACT in map(str, entries.files):
        raise DataError(f"{path}: an exported model of fashionlab, expected pictures; ask it with "
                        f"`fashionlab predict {path} PICTURE`")
    if not entries.files:
        raise DataError(f"{path}: a zip archive without a file that is read"
                        + "".join(f"; {one.file}: {one.reason}" for one in entries.left_out[:3]))
    # Its name stands in the path of every file, and so in messages about them.
    folder = unpacked(path, lambda new: entries.unpack(new / path.name), str(path)) / path.name
    renamed = _Renamed(str(folder), str(path))
    source = renamed.call(lambda: recognise(folder))
    return Source(
        f"{renamed.text(source.describe)}, a zip archive",
        {part: partial(renamed.part, read) for part, read in source.parts.items()}, source.classes,
        (*entries.notes, *map(renamed.text, source.notes)),
        (*entries.left_out, *map(renamed.left_out, source.left_out)))


def _begins(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in _BEGINNINGS


@dataclass(frozen=True)
class _Renamed:
    """Speaks of the archive where others speak of the folder it is unpacked in."""

    folder: str
    archive: str

    def text(self, text: str) -> str:
        return text.replace(self.folder, self.archive)

    def left_out(self, one: LeftOut) -> LeftOut:
        return LeftOut(self.text(one.file), self.text(one.reason))

    def call(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except DataError as error:
            raise DataError(self.text(str(error))) from error

    def part(self, read: Callable[[], RawPart]) -> RawPart:
        part = self.call(read)
        return replace(part, where=self.text(part.where), notes=tuple(map(self.text, part.notes)),
                       names=None if part.names is None else list(map(self.text, part.names)),
                       left_out=tuple(map(self.left_out, part.left_out)))


FORMATS.add("zip", DataFormat("a .zip file with one of these in it", detect, suffixes=(".zip",)))
