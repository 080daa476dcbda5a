"""Image folders: one folder a class, directly or below train/ and test/ (or val/).

Pictures are PNG, JPEG or WebP; they are ordered by file name, then by path. Class names are the folders' names in
sorted order, unless a classes.txt in the top folder lists them in label order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.progress import progress
from fashionlab.common.records import LeftOut, PictureSet
from fashionlab.data.formats.base import FORMATS, DataFormat, Parts
from fashionlab.data.listing import folders_in, list_pictures
from fashionlab.data.source import Part, RawPart, Source, read_classes
from fashionlab.preparation.files import to_image

_TEST_NAMES = ("test", "val", "valid", "validation")


def _list(root: Path, folder: Path, classes: tuple[str, ...], named: bool) -> RawPart:
    """The pictures of one part, below `folder`."""
    label_of = {name: label for label, name in enumerate(folder_names(classes) if named else classes)}
    entries: list[tuple[str, str, Path, int]] = []
    left_out: list[LeftOut] = []
    for class_folder in folders_in(folder):
        if class_folder.name not in label_of:
            raise DataError(f"{class_folder}: no such class, expected one of {', '.join(sorted(label_of)[:12])}"
                            f"{'...' if len(label_of) > 12 else ''}")
        listing = list_pictures(class_folder)
        entries += [(path.name, str(path), path, label_of[class_folder.name]) for path in listing.pictures]
        left_out += listing.left_out
    if not entries:
        raise DataError(f"{folder}: no picture in its class folders")
    entries.sort(key=lambda entry: entry[:2])
    labels = np.array([label for *_, label in entries], dtype=np.int64)
    absent = sorted(set(range(len(classes))) - set(labels.tolist()))
    if absent and not named:
        raise DataError(f"{folder}: no readable picture of class {classes[absent[0]]!r}")
    return RawPart(str(folder), [path for _, _, path, _ in entries], labels,
                   [path.relative_to(root).as_posix() for _, _, path, _ in entries], left_out=tuple(left_out))


def folder_names(classes: tuple[str, ...]) -> list[str]:
    """A folder name for each class: safe on every file system, different even where upper and lower case are one."""
    names: list[str] = []
    taken: set[str] = set()
    for label, name in enumerate(classes):
        letters = [letter if letter.isalnum() or letter in " _-+." else "-" for letter in name[:80]]
        safe = "".join(letters).strip(" .") or "class"
        if safe.casefold() in taken:
            safe = f"{safe}-{label}"
        while safe.casefold() in taken:
            safe += "-"
        taken.add(safe.casefold())
        names.append(safe)
    return names


def write_folder(folder: Path, parts: Parts) -> None:
    """PNG files `<part>/<class>/<number>.png`; the numbers give the order of the part's pictures."""
    for part, pictures in parts.items():
        names = folder_names(pictures.classes)
        for name in names:
            (folder / part / name).mkdir(parents=True)
        digits = len(str(len(pictures)))

        def write(index: int, part: Part = part, pictures: PictureSet = pictures, names: list[str] = names,
                  digits: int = digits) -> None:
            target = folder / part / names[pictures.labels[index]] / f"{index:0{digits}}.png"
            to_image(pictures.images[index]).save(target, compress_level=3)

        with progress(f"writing {part} pictures", len(pictures)) as advance, ThreadPoolExecutor() as pool:
            for _ in pool.map(write, range(len(pictures)), chunksize=64):
                advance(1)


def detect(folder: Path) -> Source | None:
    """An image folder at `folder`; None when it has no folders in it."""
    below = {path.name: path for path in folders_in(folder)} if folder.is_dir() else {}
    if not below:
        return None
    tests = [below[name] for name in _TEST_NAMES if name in below]
    folders: dict[Part, Path] = {"train": below.get("train", folder)}
    if "train" in below and tests:
        folders["test"] = tests[0]
    known = read_classes(folder)
    classes = known or tuple(one.name for one in folders_in(folders["train"]))
    return Source(f"image folder {folder}", {part: partial(_list, folder, path, classes, known is not None)
                                             for part, path in folders.items()}, classes)


FORMATS.add("folder", DataFormat(
    "a folder with one folder of pictures a class", detect, write_folder,
    rank=2,  # any folder with folders in it looks like one
))
