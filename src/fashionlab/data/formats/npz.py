"""NPZ archives of numpy arrays: x_train, y_train, and where there are x_test, y_test and classes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile, Parts
from fashionlab.data.pictures import adapt, from_channels_last, to_channels_last
from fashionlab.data.source import HELD_OUT_NOTE, Part, Wanted, check_labels, held_out, numbered_classes


@dataclass(frozen=True)
class NpzSource:
    """One archive. x_*: whole numbers 0-255 [N, H, W] or [N, H, W, 3]; y_*: whole numbers [N]; classes: text [K]."""

    path: Path

    def read(self, part: Part, wanted: Wanted) -> PictureSet:
        with self._opened() as archive:
            return self._read(archive, part, wanted)

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

    def _read(self, archive: np.lib.npyio.NpzFile, part: Part, wanted: Wanted) -> PictureSet:
        has_test = "x_test" in archive.files or "y_test" in archive.files
        x_name, y_name = (f"x_{part}", f"y_{part}") if has_test else ("x_train", "y_train")
        images, labels = self._pictures(archive, x_name), self._array(archive, y_name).astype(np.int64)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1 or len(labels) != len(images) or not images.size:
            raise DataError(f"{self.path}: {x_name} {list(images.shape)} and {y_name} {list(labels.shape)} "
                            "do not fit together")
        classes = self._classes(archive)
        check_labels(labels, classes, f"{self.path}: {y_name}")
        describe = f"NPZ archive {self.path}"
        if not has_test:
            chosen = held_out(labels, part, str(self.path))
            images, labels, describe = images[chosen], labels[chosen], f"{describe} ({HELD_OUT_NOTE})"
        return PictureSet(adapt(images, wanted.image_size, wanted.channels), labels, classes, describe)

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

    def _classes(self, archive: np.lib.npyio.NpzFile) -> tuple[str, ...]:
        if "classes" in archive.files:
            return tuple(str(name) for name in archive["classes"].tolist())
        return numbered_classes(self._array(archive, "y_train").astype(np.int64).ravel(), f"{self.path}: y_train")


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


def detect(path: Path) -> NpzSource | None:
    return NpzSource(path) if path.suffix == ".npz" and path.is_file() else None


FORMATS.add("npz", DataFormat(
    "an .npz file", detect, write_npz, ".npz",
    LoneFile(lambda name: name.lower().endswith(".npz"), lambda path: NpzSource(path).read_pictures()),
))
