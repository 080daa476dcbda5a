"""NPZ archives of numpy arrays: x_train and y_train, or the usual other names (see `array_names`), and where there are
some those of validation and test pictures and the class names."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.data.array_names import AXES, understand
from fashionlab.data.array_set import ArraySet
from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts
from fashionlab.data.npy_header import check_memory, read_header
from fashionlab.data.pictures import to_channels_last
from fashionlab.data.source import Source


class NpzFile:
    """One archive, opened anew for each array: only what is asked for is decompressed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arrays(self) -> ArraySet:
        with self._opened() as archive:
            names = tuple(archive.files)
        return ArraySet(str(self.path), understand(names, str(self.path)), names, self._load, self._header)

    @contextmanager
    def _opened(self) -> Iterator[np.lib.npyio.NpzFile]:
        try:
            with self.path.open("rb") as stream:
                # No pickle: an archive may come from anywhere, and a pickle in it would be code.
                archive = np.load(stream, allow_pickle=False)
                if not isinstance(archive, np.lib.npyio.NpzFile):
                    raise DataError(f"{self.path}: a single array, expected an archive with x_train and y_train")
                with archive:
                    yield archive
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError,
                RuntimeError, MemoryError) as error:
            raise DataError(f"{self.path}: cannot be read as an NPZ archive without pickles ({error})") from error

    def _header(self, name: str) -> tuple[tuple[int, ...], np.dtype]:
        with self._opened() as archive, _zip(archive).open(_member(archive, name)) as stream:
            return read_header(cast(BinaryIO, stream))

    def _load(self, name: str) -> np.ndarray:
        check_memory(*self._header(name), f"{self.path}: {name}")
        with self._opened() as archive:
            return archive[_member(archive, name)]


def _zip(archive: np.lib.npyio.NpzFile) -> zipfile.ZipFile:
    assert archive.zip, "open until the block ends"
    return archive.zip


def _member(archive: np.lib.npyio.NpzFile, name: str) -> str:
    """The file that holds the array `name`."""
    return name if name in _zip(archive).namelist() else f"{name}.npy"


def write_npz(path: Path, parts: Parts) -> None:
    """One compressed archive with all parts and the class names."""
    arrays: dict[str, np.ndarray] = {"classes": np.array(parts["train"].classes)}
    for part, pictures in parts.items():
        arrays[f"x_{part}"] = images = to_channels_last(pictures.images)
        arrays[f"y_{part}"] = pictures.labels
        if images.ndim == 4 and images.shape[1] in (1, 3):  # may be taken for channels
            arrays[AXES] = np.array("NHWC")
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def detect(path: Path) -> Source | None:
    is_one = path.suffix.lower() == ".npz" and path.is_file()
    return NpzFile(path).arrays().source(f"NPZ archive {path}") if is_one else None


FORMATS.add("npz", DataFormat(
    "an .npz file", detect, write_npz, ".npz",
    LoneFile(lambda name: name.lower().endswith(".npz"), lambda path: NpzFile(path).arrays().lone_pictures()),
    suffixes=(".npz",),
))
