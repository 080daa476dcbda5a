"""A data set from one format to another, without loss: order, labels, pixels and class names stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fashionlab.common.errors import DataError, UsageError, unknown
from fashionlab.common.files import replacing, replacing_folder
from fashionlab.common.records import PictureSet
from fashionlab.data import csv, idx, image_folder, npz
from fashionlab.data.locate import at_path
from fashionlab.data.source import CLASSES_FILE, Part

Parts = Mapping[Part, PictureSet]
_FOLDER_WRITERS: dict[str, Callable[[Path, Parts], None]] = {
    "idx": idx.write_set,
    "csv": csv.write_set,
    "folder": image_folder.write_folder,
}
FORMATS = (*_FOLDER_WRITERS, "npz")


def convert(training: PictureSet, test: PictureSet, target: Path, to: str, overwrite: bool = False) -> None:
    """Write both parts to `target`: a folder, or for "npz" a file whose name ends in .npz.

    to: one of FORMATS. Folders get a classes.txt, as only NPZ can hold class names.
    Raises UsageError for an unknown format or (without `overwrite`) an existing target, DataError when the format
    cannot hold the set, FashionlabError when `target` cannot be written; nothing half-written is left.
    """
    check(target, to, overwrite)
    parts: Parts = {"train": training, "test": test}
    if to == "npz":
        with replacing(target) as temporary:
            npz.write_npz(temporary, parts)
        return
    wrong = [name for name in training.classes if "\n" in name or "\r" in name or not name]
    if wrong or len(set(training.classes)) != len(training.classes):
        raise DataError(f"{training.source}: class names must differ and be one line each to stand in {CLASSES_FILE}")
    with replacing_folder(target) as folder:
        _FOLDER_WRITERS[to](folder, parts)
        (folder / CLASSES_FILE).write_bytes(("\n".join(training.classes) + "\n").encode())


def check(target: Path, to: str, overwrite: bool) -> None:
    """Raise the UsageErrors of `convert`, before anything is read."""
    if to not in FORMATS:
        raise unknown("format", to, FORMATS)
    if (to == "npz") != (target.suffix == ".npz"):
        raise UsageError(f"{target}: the name of an NPZ archive, and of nothing else, ends in .npz (--to {to})")
    if not target.exists():
        return
    if not overwrite:
        raise UsageError(f"{target}: exists; choose another name or add --overwrite")
    try:
        at_path(target)
    except DataError as error:
        raise UsageError(f"{target}: exists and is no data set, so it is not overwritten") from error
