"""What a person names on a command line, as pictures to be answered: files, folders, globs, stdin, sets of pictures."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.progress import note
from fashionlab.common.records import LeftOut, Preparation
from fashionlab.data.formats import lone_file
from fashionlab.data.listing import GENERATED, is_generated, list_pictures
from fashionlab.preparation import prepare_arrays
from fashionlab.preparation.files import MAX_BYTES

_SHOWN = 3  # files in a note


@dataclass(frozen=True)
class PictureFile:
    """One picture: what to call it, and its file or a file's bytes."""

    name: str
    source: Path | bytes


@dataclass(frozen=True)
class GivenPicture:
    """A picture that a program holds, uint8 [C, H, W] or PIL's, and its place among those that were asked about."""

    index: int
    picture: np.ndarray | Image.Image


@dataclass(frozen=True)
class SetFile:
    """Many pictures in one file of a data set's format (`data.formats`)."""

    name: str
    path: Path

    def read(self, preparation: Preparation) -> np.ndarray:
        """uint8 [N, C, H, W], prepared. Raises DataError when it cannot be read.

        Of a file with both parts the test pictures, or the training pictures where there are no others.
        """
        file = lone_file(self.path.name)
        assert file, "only such files become a SetFile"
        images = file.read(self.path)
        if not images.size:
            raise DataError(f"{self.path}: holds no pictures")
        return prepare_arrays(images, preparation)


@dataclass(frozen=True)
class Unreadable:
    """Something named that gives no picture, and why."""

    file: str
    reason: str


Input = PictureFile | SetFile | GivenPicture | Unreadable


def find(words: Sequence[str], left_out: list[LeftOut] | None = None) -> list[PictureFile | SetFile | Unreadable]:
    """What `words` name, in their order: files; folders (the pictures below them, by path); patterns with *, ? or []
    where no file or folder has that name; "-" for the bytes of one picture on stdin.

    `left_out` is given what lies in these folders and is no picture, hidden and generated folders as a whole.
    """
    aside: list[LeftOut] = [] if left_out is None else left_out
    return [one for word in words for one in _named(word, aside)]


def note_left_out(left_out: Sequence[LeftOut]) -> None:
    """Tell what is no picture in one line on stderr."""
    if left_out:
        shown = ", ".join(f"{one.file} ({one.reason})" for one in left_out[:_SHOWN])
        more = f" and {len(left_out) - _SHOWN:,} more" if len(left_out) > _SHOWN else ""
        note(f"left out: {shown}{more}")


def _named(word: str, left_out: list[LeftOut]) -> Iterator[PictureFile | SetFile | Unreadable]:
    if not word:  # the path of nothing is the current folder, which nobody named
        yield Unreadable(word, "an empty name, expected a picture, a folder or a pattern")
        return
    path = Path(word)
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte
        yield Unreadable(word, f"cannot be read ({getattr(error, 'strerror', None) or error})")
        return
    if word == "-":
        yield _stdin()
    elif path.is_dir():
        yield from _below(path, left_out)
    elif path.exists():
        yield _file(path)
    else:
        yield from _matching(word, left_out)


def _matching(word: str, left_out: list[LeftOut]) -> Iterator[PictureFile | SetFile | Unreadable]:
    """What a pattern gives, or a name that nothing has."""
    path = Path(word)
    start = next((parent for parent in path.parents if parent.exists()), Path())
    rest = path.relative_to(start)
    if not glob.has_magic(str(rest)):
        yield Unreadable(word, "no such file or folder")
        return
    # Brackets in the name of a folder that is there are no pattern. pathlib takes no absolute patterns.
    pattern = f"{Path(glob.escape(str(start))) / rest}{os.sep if word.endswith(os.sep) else ''}"
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    generated = {match for match in matches if any(map(is_generated, match.relative_to(start).parts))}
    left_out += [LeftOut(str(match), GENERATED) for match in matches if match in generated]
    matches = [match for match in matches if match not in generated]
    if not matches:
        yield Unreadable(word, "no file matches the pattern")
    files = [match for match in matches if not match.is_dir()]  # ** gives each folder's files as well
    for match in files or matches:
        yield from _below(match, left_out) if match.is_dir() else (_file(match),)


def _file(path: Path) -> PictureFile | SetFile:
    return SetFile(str(path), path) if lone_file(path.name) else PictureFile(str(path), path)


def _below(folder: Path, left_out: list[LeftOut]) -> Iterator[PictureFile | Unreadable]:
    listing = list_pictures(folder)
    left_out += listing.left_out
    if not listing.pictures and not listing.not_read:
        yield Unreadable(str(folder), "no picture in this folder")
    reasons = {Path(one.file): one.reason for one in listing.not_read}
    for path in sorted([*listing.pictures, *reasons]):
        reason = reasons.get(path)
        yield PictureFile(str(path), path) if reason is None else Unreadable(str(path), reason)


def _stdin() -> PictureFile | Unreadable:
    if sys.stdin.isatty():
        return Unreadable("-", "expected a picture on stdin, which is a terminal")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    return PictureFile("-", data) if data else Unreadable("-", "nothing came on stdin")
