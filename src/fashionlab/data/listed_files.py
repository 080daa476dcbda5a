"""Where the files lie that a list names: beside it, or for a bare name anywhere below its folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.common.records import LeftOut
from fashionlab.data.listing import is_generated, list_pictures
from fashionlab.data.part_names import part_called
from fashionlab.data.source import Part
from fashionlab.preparation.recognise import is_picture


class ListedFiles:
    """The files of one list. part: of the data set, where the list is of one: of several files of a name that in a
    folder of that part is meant."""

    def __init__(self, path: Path, part: Part | None = None) -> None:
        self._list, self._folder, self._part = path, path.parent, part
        self.searched = 0  # how many were not where the list says
        self.missing: list[tuple[int, Path]] = []  # lines and files

    def find(self, text: str, line: int) -> Path:
        """The file that the cell `text` in `line` names; where there is none, the path where it should be.

        Raises DataError for what names no file, or names several.
        """
        where = f"{self._list}: line {line}"
        if "://" in text:
            raise DataError(f"{where}: {text[:80]!r} is an address on the web, expected a file")
        if "\0" in text:
            raise DataError(f"{where}: {text[:80]!r} is no name of a file")
        for name in dict.fromkeys((text, text.replace("\\", "/"))):
            path = Path(os.path.normpath(self._folder / name))
            if is_file(path):
                return path
        path = self._search(text.replace("\\", "/"), where)
        if path is not None:
            self.searched += 1
            return path
        path = Path(os.path.normpath(self._folder / text))
        self.missing.append((line, path))
        return path

    def _search(self, name: str, where: str) -> Path | None:
        """The picture below the list's folder of that name, with or without its suffix, which lies in folders of the
        names that come before it as far as there are any."""
        parts = [part for part in name.casefold().split("/") if part not in ("", ".", "..")]
        if not parts:
            return None
        candidates = self._by_name.get(parts[-1]) or self._by_stem.get(parts[-1]) or []
        if len(candidates) > 1:
            depths = [_shared_end(parts[:-1], path) for path in candidates]
            candidates = [path for path, depth in zip(candidates, depths, strict=True) if depth == max(depths)]
        if len(candidates) > 1 and self._part:
            candidates = [path for path in candidates
                          if self._part in [part_called(folder) for folder in path.relative_to(self._folder).parts[:-1]]
                          ] or candidates
        if len(candidates) > 1:
            raise DataError(f"{where}: {name[:80]!r} may be {candidates[0]} or {candidates[1]}; write the path in the "
                            "list")
        return candidates[0] if candidates else None

    @cached_property
    def _below(self) -> list[Path]:
        return list_pictures(self._folder).pictures

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        return _grouped(self._below, lambda path: path.name.casefold())

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        return _grouped(self._below, lambda path: path.stem.casefold())

    def notes(self, count: int) -> list[str]:
        """What to say of `count` files that were looked for. Raises DataError where all are missing."""
        if count and len(self.missing) == count:
            line, path = self.missing[0]
            raise DataError(f"{self._list}: none of its {count} files is there, such as in line {line}: {path}; paths "
                            f"are relative to {self._folder}")
        notes = []
        if self.searched:
            notes.append(f"{self.searched} of {count} files were found by their names below {self._folder}")
        if self.missing:
            line, path = self.missing[0]
            notes.append(f"{len(self.missing)} of {count} files are missing, the first in line {line}: {path}")
        return notes


def _grouped(paths: Sequence[Path], key: Callable[[Path], str]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return groups


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def names_picture(folder: Path, text: str) -> bool:
    """Whether a cell is the name of a picture, by its suffix or by the file that it names."""
    text = text.strip()
    return bool(text) and "\0" not in text and is_picture(folder / text)


def _shared_end(parts: Sequence[str], path: Path) -> int:
    """How many folders on the way to `path` have the names `parts`, from the last one on."""
    count = 0
    for expected, actual in zip(reversed(parts), reversed([part.casefold() for part in path.parts[:-1]]), strict=False):
        if expected != actual:
            break
        count += 1
    return count


def name_within(path: Path, folder: Path) -> str:
    """What a picture is called: its path within `folder`, or all of it where it lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def unlisted(paths: Sequence[Path], path: Path) -> tuple[LeftOut, ...]:
    """How many pictures lie beside `paths`, those of the list `path`, and are none of them: one entry a folder."""
    listed = set(paths)
    left_out = []
    for folder in sorted({one.parent for one in listed}):
        if not folder.is_dir():
            continue
        others = sum(1 for entry in os.scandir(folder)
                     if (other := Path(entry.path)) not in listed and entry.is_file() and not is_generated(other.name)
                     and is_picture(other))
        if others:
            pictures = "1 picture" if others == 1 else f"{others} pictures"
            left_out.append(LeftOut(name_within(folder, path.parent), f"{pictures} that {path.name} does not name"))
    return tuple(left_out)
