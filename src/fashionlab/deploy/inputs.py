"""What a person names on a command line, as pictures to be answered: files, folders, globs, stdin, sets of pictures."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.records import Preparation
from fashionlab.data.formats import lone_file
from fashionlab.data.listing import list_pictures
from fashionlab.preparation import prepare_arrays
from fashionlab.preparation.files import MAX_BYTES


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


def find(words: Sequence[str]) -> list[PictureFile | SetFile | Unreadable]:
    """What `words` name, in their order: files; folders (the pictures below them, by path, hidden ones left out);
    patterns with *, ? or [] where no file has that name; "-" for the bytes of one picture on stdin."""
    return [one for word in words for one in _named(word)]


def _named(word: str) -> Iterator[PictureFile | SetFile | Unreadable]:
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
        yield from _below(path)
    elif path.exists() or not glob.has_magic(word):
        yield _file(path)
    else:
        matches = sorted(glob.glob(word, recursive=True))  # noqa: PTH207 (pathlib takes no absolute patterns)
        if not matches:
            yield Unreadable(word, "no file matches the pattern")
        files = [match for match in map(Path, matches) if not match.is_dir()]  # ** gives each folder's files as well
        for match in files or map(Path, matches):
            yield from _below(match) if match.is_dir() else (_file(match),)


def _file(path: Path) -> PictureFile | SetFile | Unreadable:
    if not path.exists():
        return Unreadable(str(path), "no such file or folder")
    return SetFile(str(path), path) if lone_file(path.name) else PictureFile(str(path), path)


def _below(folder: Path) -> Iterator[PictureFile | Unreadable]:
    pictures = list_pictures(folder).pictures
    if not pictures:
        yield Unreadable(str(folder), "no picture in this folder")
    for path in pictures:
        yield PictureFile(str(path), path)


def _stdin() -> PictureFile | Unreadable:
    if sys.stdin.isatty():
        return Unreadable("-", "expected a picture on stdin, which is a terminal")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    return PictureFile("-", data) if data else Unreadable("-", "nothing came on stdin")
