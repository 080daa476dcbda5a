"""Pairs of .npy files in one folder: x_train.npy and y_train.npy, or the usual other names (see `array_names`).

Large arrays of bytes stay on the disk (memory-mapped). Of the files of another part than the one that is read the names
alone are looked at; for the test part the training pictures tell the scale.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.progress import note
from fashionlab.data.array_names import ArrayNames, understand
from fashionlab.data.array_set import ArraySet
from fashionlab.data.array_values import channels_first, in_bytes, white_of
from fashionlab.data.folder_contents import left_beside
from fashionlab.data.formats.base import FORMATS, DataFormat, LoneFile
from fashionlab.data.listing import is_generated
from fashionlab.data.npy_header import read_header
from fashionlab.data.source import CLASSES_FILE, Source, read_classes


def open_npy(path: Path) -> np.ndarray:
    """The array in the file `path`, memory-mapped. Raises DataError for damage, and for pickles, which are not loaded.
    """
    try:
        with path.open("rb") as stream:
            shape, dtype = read_header(stream)
        # Mode "c" (changes stay private) and not "r": PyTorch warns about arrays that cannot be written.
        return np.load(path, mmap_mode="c", allow_pickle=False) if math.prod(shape) else np.empty(shape, dtype)
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise DataError(f"{path}: cannot be read as an array without pickles ({error})") from error


def detect(folder: Path) -> Source | None:
    """The .npy files of one data set in `folder`; None when it has none, by their names. What is looked at: the class
    names, and the header of the training labels. Raises DataError without training pictures or labels."""
    files = {path.stem: path for path in sorted(_npy_files(folder))}
    names = understand(tuple(files), str(folder)) if files else ArrayNames({}, {})
    if not (names.pictures or names.labels):
        return None

    def load(name: str) -> np.ndarray:
        from fashionlab.data.decoded_cache import memory_budget  # needs platformdirs, which a service goes without

        array = open_npy(files[name])
        return array if array.nbytes > memory_budget() else np.array(array)

    def header(name: str) -> tuple[tuple[int, ...], np.dtype]:
        array = open_npy(files[name])
        return array.shape, array.dtype

    arrays = ArraySet(str(folder), names, tuple(files), load, header)
    beside = left_beside(folder, {*files.values(), folder / CLASSES_FILE})
    return arrays.source(f".npy files in {folder}", read_classes(folder), beside)


def _npy_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir()
            if path.suffix.lower() == ".npy" and path.is_file() and not is_generated(path.name)]


def read_lone(path: Path) -> np.ndarray:
    """The pictures in one file, uint8 [N, C, H, W]; an array [H, W] is one picture, unless the file is called as those
    of data sets are. Raises DataError where an array can be read in two ways."""
    array = open_npy(path)
    of_a_set = bool(understand([path.stem], str(path)).pictures)
    if array.ndim == 2 and not of_a_set:
        side = math.isqrt(array.shape[1])
        if side**2 == array.shape[1] and side > 4:
            raise DataError(f"{path}: {list(array.shape)} may be one picture or {len(array)} rows of {side} x {side} "
                            f"pixels; save array[None] for one, array.reshape(-1, {side}, {side}) for many")
        array = array[None]
    elif array.ndim == 3 and not of_a_set and array.shape[2] in (3, 4):
        raise DataError(f"{path}: {list(array.shape)} may be one colour picture or {len(array)} grey ones; save "
                        "array[None] for one, array[:, None] for many")
    images, notes = channels_first(array, str(path))
    images, more = in_bytes(images, white_of(images, str(path)), str(path))
    for sentence in (*notes, *more):
        note(sentence)
    return images


FORMATS.add("npy", DataFormat(
    "a folder with x_train.npy and y_train.npy", detect,
    lone_file=LoneFile(lambda name: name.lower().endswith(".npy"), read_lone),
    strays=True, rank=1,
))
