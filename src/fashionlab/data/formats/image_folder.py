"""Image folders: one folder a class, directly or below folders for the parts (`data.folder_layout`).

Pictures are whatever `preparation.files` opens; they are ordered by file name, then by path. Class names are the
folders' names in sorted order, unless a classes.txt beside the folders lists them in label order. Of a part that is not
read the names of what lies directly in its folder are looked at, and a classes.txt there.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.progress import progress
from fashionlab.common.records import LeftOut, PictureSet
from fashionlab.data.folder_layout import FolderLayout, folder_layout, folder_names, why_beside
from fashionlab.data.formats.base import FORMATS, DataFormat, Parts
from fashionlab.data.listing import Listing, entries_of, list_pictures
from fashionlab.data.part_names import part_called
from fashionlab.data.source import Part, RawPart, Source
from fashionlab.preparation.files import to_image


def _read(layout: FolderLayout, part: Part) -> RawPart:
    """The pictures of one part."""
    folder, root = layout.parts[part], layout.root
    label_of = {name: label for label, name in
                enumerate(folder_names(layout.classes) if layout.named else layout.classes)}
    inside = entries_of(folder)
    listings: dict[str, Listing] = {}
    for class_folder in inside.folders:
        if class_folder.name not in label_of:
            raise DataError(f"{class_folder}: no such class, expected one of {some_of(sorted(label_of), 12)}")
        listings[class_folder.name] = list_pictures(class_folder)
    entries = [(path.name, str(path), path, label_of[name])
               for name, listing in listings.items() for path in listing.pictures]
    if not entries:
        raise DataError(f"{folder}: no picture in its class folders{_held(*listings.values())}")
    entries.sort(key=lambda entry: entry[:2])
    labels = np.array([label for *_, label in entries], dtype=np.int64)
    notes = _absent(layout, part, labels, listings) + _nested(folder, listings)
    left_out = [one for listing in listings.values() for one in (*listing.not_read, *listing.left_out)]
    if layout.divided:  # else the layout tells what lies beside the class folders
        left_out += [*inside.left_out, *(LeftOut(str(path), why_beside(path)) for path in inside.files)]
    return RawPart(str(folder), [path for _, _, path, _ in entries], labels,
                   [path.relative_to(root).as_posix() for _, _, path, _ in entries], notes=tuple(notes),
                   left_out=tuple(LeftOut(Path(one.file).relative_to(root).as_posix(), one.reason) for one in left_out))


def _absent(layout: FolderLayout, part: Part, labels: np.ndarray, listings: dict[str, Listing]) -> list[str]:
    """A note of the classes that have no picture in this part. Raises DataError for the training part, unless a
    classes.txt names the class."""
    absent = [layout.classes[label] for label in sorted(set(range(len(layout.classes))) - set(labels.tolist()))]
    if not absent:
        return []
    if part == "train" and not layout.named:
        listing = listings[absent[0]]
        raise DataError(f"{layout.parts[part] / absent[0]}: no readable picture of class {absent[0]!r}{_held(listing)}")
    return [f"{layout.parts[part].name} has no picture of {some_of(absent)}"]


def _held(*listings: Listing) -> str:
    """What folders without pictures hold, for people."""
    not_read = [one for listing in listings for one in listing.not_read]
    names = [Path(one.file) for one in (*not_read, *(one for listing in listings for one in listing.left_out))]
    if not names:
        return "; nothing is there"
    kinds = Counter(path.suffix.lower() or path.name for path in names)
    held = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
    return f"; there are {held}{f' ({not_read[0].reason})' if not_read else ''}"


def _nested(folder: Path, listings: dict[str, Listing]) -> list[str]:
    """A note of the folders within class folders. Raises DataError where these are parts."""
    below = sorted({path.parent.relative_to(folder) for name, listing in listings.items()
                    for path in listing.pictures if path.parent != folder / name})
    for name in listings:
        parts = {part_called(path.parts[1]): path for path in below if path.parts[0] == name}
        parts.pop(None, None)
        if len(parts) > 1:
            within = " and ".join(path.as_posix() for path in parts.values())
            raise DataError(f"{folder}: {within} would be parts within a class, expected the parts above the classes, "
                            f"such as train/{name} and test/{name}")
    if not below:
        return []
    return ["pictures in folders within a class folder count to that class: "
            + some_of([path.as_posix() for path in below], 3)]


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
    layout = folder_layout(folder)
    return None if layout is None else folder_source(layout, f"image folder {folder}")


def folder_source(layout: FolderLayout, describe: str) -> Source:
    """The image folder that is understood as `layout`; `describe` is what people are told that it is."""
    return Source(describe, {part: partial(_read, layout, part) for part in layout.parts}, layout.classes,
                  layout.notes, layout.left_out)


FORMATS.add("folder", DataFormat(
    "a folder with one folder of pictures a class", detect, write_folder,
    rank=2,  # any folder with folders in it looks like one
))
