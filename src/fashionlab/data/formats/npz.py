"""NPZ archives of numpy arrays: x_train, y_train, and where there are x_test, y_test and classes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts
from fashionlab.data.pictures import from_channels_last, to_channels_last
from fashionlab.data.source import Part, RawPart, Source


@dataclass(frozen=True)
class NpzFile:
    """One archive. x_*: whole numbers 0-255 [N, H, W] or [N, H, W, 3]; y_*: whole numbers [N]; classes: text [K]."""

    path: Path

    def source(self) -> Source:
        with self._opened() as archive:
            parts: list[Part] = ["train"]
            if "x_test" in archive.files or "y_test" in archive.files:
                parts.append("test")
            classes = tuple(str(name) for name in archive["classes"].tolist()) if "classes" in archive.files else None
        return Source(f"NPZ archive {self.path}", {part: partial(self._read, part) for part in parts}, classes)

    def read_pictures(self) -> np.ndarray:
        """The pictures alone, uint8 [N, C, H, W]: x_test, or x_train where there is no x_test."""
        with self._opened() as archive:
            return self._pictures(archive, "x_test" if "x_test" in archive.files else "x_train")

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
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise DataError(f"{self.path}: cannot be read as an NPZ archive without pickles ({error})") from error

    def _read(self, part: Part) -> RawPart:
        x_name, y_name = f"x_{part}", f"y_{part}"
        with self._opened() as archive:
            images, labels = self._pictures(archive, x_name), self._array(archive, y_name).astype(np.int64)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1 or len(labels) != len(images) or not images.size:
            raise DataError(f"{self.path}: {x_name} {list(images.shape)} and {y_name} {list(labels.shape)} "
                            "do not fit together")
        return RawPart(f"{self.path}: {y_name}", images, labels)

    def _pictures(self, archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
        where = f"{self.path}: {name}"
        images = self._array(archive, name)
        return from_channels_last(_as_bytes(images, where), where) if images.size else images

    def _array(self, archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
        if name not in archive.files:
            raise DataError(f"{self.path}: array {name!r} is missing (it has: {', '.join(archive.files) or 'none'})")
        array = archive[name]
        if array.dtype.kind not in "iu":
            raise DataError(f"{self.path}: {name} holds {array.dtype}, expected whole numbers")
        return array


def _as_bytes(images: np.ndarray, where: str) -> np.ndarray:
    if images.dtype != np.uint8 and not 0 <= images.min() <= images.max() <= 255:
        raise DataError(f"{where}: values from {images.min()} to {images.max()}, expected 0 to 255")
    return images.astype(np.uint8, copy=False)


def write_npz(path: Path, parts: Parts) -> None:
    """One compressed archive with both parts and the class names."""
    arrays: dict[str, np.ndarray] = {"classes": np.array(parts["train"].classes)}
    for part, pictures in parts.items():
        arrays[f"x_{part}"] = to_channels_last(pictures.images)
        arrays[f"y_{part}"] = pictures.labels
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def detect(path: Path) -> Source | None:
    return NpzFile(path).source() if path.suffix == ".npz" and path.is_file() else None


FORMATS.add("npz", DataFormat(
    "an .npz file", detect, write_npz, ".npz",
    LoneFile(lambda name: name.lower().endswith(".npz"), lambda path: NpzFile(path).read_pictures()),
))
