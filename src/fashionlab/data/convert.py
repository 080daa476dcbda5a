"""A data set from one format to another, without loss: order, labels, pixels and class names stay."""

from __future__ import annotations

from pathlib import Path

from fashionlab.common.errors import DataError, UsageError, unknown
from fashionlab.common.files import replacing, replacing_folder
from fashionlab.common.records import PictureSet
from fashionlab.data.formats import FORMATS, Parts, recognise
from fashionlab.data.source import CLASSES_FILE
from fashionlab.data.splits import parts_of


def writable() -> list[str]:
    """The names of the formats that can be written."""
    return [name for name in FORMATS if FORMATS[name].write]


def convert(training: PictureSet, test: PictureSet, target: Path, to: str, overwrite: bool = False) -> None:
    """Write all parts to `target` in the format `to`, one of `writable`: a folder, or a file of the format's suffix.

    Folders get a classes.txt. Raises UsageError for an unknown format or (without `overwrite`) an existing target,
    DataError when the format cannot hold the set, FashionlabError when `target` cannot be written; nothing half-written
    is left.
    """
    check(target, to, overwrite)
    write = FORMATS[to].write
    assert write is not None  # checked
    parts: Parts = {**parts_of(training), "test": test}
    if FORMATS[to].suffix:
        with replacing(target) as temporary:
            write(temporary, parts)
        return
    wrong = [name for name in training.classes if "\n" in name or "\r" in name or not name]
    if wrong or len(set(training.classes)) != len(training.classes):
        raise DataError(f"{training.source}: class names must differ and be one line each to stand in {CLASSES_FILE}")
    with replacing_folder(target) as folder:
        write(folder, parts)
        (folder / CLASSES_FILE).write_bytes(("\n".join(training.classes) + "\n").encode())


def check(target: Path, to: str, overwrite: bool) -> None:
    """Raise the UsageErrors of `convert`, before anything is read."""
    if to not in writable():
        raise unknown("format", to, writable())
    taken = {FORMATS[name].suffix: name for name in writable() if FORMATS[name].suffix}
    if FORMATS[to].suffix and target.suffix != FORMATS[to].suffix:
        raise UsageError(f"{target}: the name of a file of format {to} ends in {FORMATS[to].suffix}")
    if not FORMATS[to].suffix and target.suffix in taken:
        raise UsageError(f"{target}: --to {to} makes a folder, but the name ends in {target.suffix}, as a file of "
                         f"format {taken[target.suffix]} does")
    if not target.exists():
        return
    if not overwrite:
        raise UsageError(f"{target}: exists; choose another name or add --overwrite")
    try:
        recognise(target)
    except DataError as error:
        raise UsageError(f"{target}: exists and is no data set, so it is not overwritten") from error
