"""Named data sets of picture files, packed in an archive: train, validation, test, with one folder a class in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.data.folder_layout import FolderLayout
from fashionlab.data.formats.image_folder import folder_source
from fashionlab.data.git_ids import blob_id, tree_id
from fashionlab.data.list_table import read_table
from fashionlab.data.named import NamedDataset
from fashionlab.data.routes import Route, from_archive
from fashionlab.data.source import Part, RawPart, Source

_FOLDERS: dict[Part, str] = {"train": "train", "val": "validation", "test": "test"}
_LABELS, _FILE = "labels.csv", "file"
_KNOWN_ELSEWHERE = (_FILE, "label", "part")  # by the folders, which decide


@dataclass(frozen=True)
class Edition:
    """A form in which a data set is known, bit by bit.

    describe: what it is, for people. ids: those that git gives to the folders of its parts, and to labels.csv where it
    has one.
    """

    describe: str
    ids: Mapping[str, str]

    def differs(self, ids: Mapping[str, str | None]) -> list[str]:
        """Which of the items that have these ids in a folder, None for one that is not there, are not this edition's.
        Items that no edition has do not count."""
        return [item for item, one in ids.items() if one != self.ids.get(item, one)]


@dataclass(frozen=True)
class PictureDataset(NamedDataset):
    """A data set of picture files.

    address: of a zip archive with one folder, in which the first edition is. editions: those that are known; what is
    none of them is read as well, and told to be not verified. columns: what labels.csv, a list of the pictures beside
    the folders, says of each, and for people why that is not known where there is none. notes: what whoever uses the
    set has to know, in sentences.
    """

    address: str
    editions: tuple[Edition, ...]
    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        return (f"Get and unpack {self.address} elsewhere, and give the folder with {', '.join(_FOLDERS.values())} as "
                "--data-dir FOLDER.")

    def routes(self) -> list[tuple[str, Route]]:
        return [(self.address, from_archive(self.address, tuple(_FOLDERS.values())))]

    def folder_in(self, folder: Path) -> Path:
        """A folder of its own: any other set's parts are called as this one's."""
        return folder / self.name

    def lacks(self, folder: Path) -> str:
        missing = [name for name in _FOLDERS.values() if not (folder / name).is_dir()]
        return f"folder{'s' if len(missing) > 1 else ''} {', '.join(missing)} missing" if missing else ""

    def verified(self, folder: Path) -> list[Path]:
        if lacks := self.lacks(folder):
            raise DataError(lacks)
        ids = {item: _id(folder / item) for item in (*_FOLDERS.values(), _LABELS)}
        differing = [edition.differs(ids) for edition in self.editions]
        for edition, items in zip(self.editions, differing, strict=True):
            if not items:
                return [folder / item for item in edition.ids]
        raise DataError(f"{', '.join(min(differing, key=len))}: other files than those of {self.name}")

    def check_target(self, target: Path) -> None:
        there = ", ".join(name for name in _FOLDERS.values() if (target / name).exists())
        if there:
            raise DataError(f"{target}: holds {there}, but not {self.name} as it should be; move that elsewhere, and "
                            "fetch again")

    def install(self, items: list[Path], target: Path) -> None:
        for path in items:
            try:
                path.rename(target / path.name)
            except OSError:
                if not (target / path.name).exists():  # else another process was first, with the same
                    raise

    def source(self, folder: Path) -> Source | None:
        """What is learned from is verified now, the test part, which nothing may open before, when it is read."""
        if self.lacks(folder):
            return None
        ids = {item: _id(folder / item) for item in (_FOLDERS["train"], _FOLDERS["val"], _LABELS)}
        edition = next((one for one in self.editions if not one.differs(ids)), None)
        what = edition.describe if edition else f"in {folder} (not verified)"
        folders: dict[Part, Path] = {part: folder / name for part, name in _FOLDERS.items()}
        layout = FolderLayout(folder, folders, divided=True, classes=self.classes, named=True,
                              notes=self.notes if edition else ())
        source = folder_source(layout, f"{self.name}, {what}")
        return replace(source, parts={part: partial(self._read, folder, edition, part, read)
                                      for part, read in source.parts.items()})

    def _read(self, folder: Path, edition: Edition | None, part: Part, read: Callable[[], RawPart]) -> RawPart:
        """A part, with what labels.csv says of its pictures."""
        name = _FOLDERS[part]
        if part == "test" and edition and edition.differs({name: _id(folder / name)}):
            raise DataError(f"{folder / name}: other files than those of {self.name}, {edition.describe}, which the "
                            "other parts are; fetch it again, or give data of your own as --dataset FOLDER")
        raw = read()
        labels = folder / _LABELS
        if not labels.is_file():
            return replace(raw, unknown_columns=self.columns)
        return replace(raw, columns=_columns(labels, raw.names or ()))


def _id(path: Path) -> str | None:
    """git's of a file or a folder; None where there is neither."""
    try:
        return tree_id(path) if path.is_dir() else blob_id(path) if path.is_file() else None
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror or error})") from error


def _columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """What the list `path` says of each of the pictures `names`. Raises DataError where it does not name one."""
    table = read_table(path)
    if _FILE not in table.names:
        raise DataError(f"{path}: no column {_FILE!r} (columns: {', '.join(table.names)})")
    file = table.names.index(_FILE)
    row_of = {row[file].strip(): row for row in table.rows}
    unlisted = next((name for name in names if name not in row_of), None)
    if unlisted is not None:
        raise DataError(f"{path}: no row for {unlisted}")
    return {column: np.array([row_of[name][index].strip() for name in names], dtype=object)
            for index, column in enumerate(table.names) if column not in _KNOWN_ELSEWHERE}
