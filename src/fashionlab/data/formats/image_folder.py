"""Image folders: one folder a class, directly or below train/ and test/ (or val/).

Pictures are PNG, JPEG or WebP; they are ordered by file name, then by path. Class names are the folders' names in
sorted order, unless a classes.txt in the top folder lists them in label order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fashionlab.common.errors import DataError
from fashionlab.common.picture_files import SUFFIXES, to_image
from fashionlab.common.progress import note, progress
from fashionlab.common.records import PictureSet
from fashionlab.data.formats.base import FORMATS, DataFormat, Parts
from fashionlab.data.source import HELD_OUT_NOTE, Part, Wanted, check_labels, held_out, read_classes

_TEST_NAMES = ("test", "val", "valid", "validation")


@dataclass(frozen=True)
class Listing:
    """Picture files in order, with their labels (int64 [N])."""

    paths: list[Path]
    labels: np.ndarray

    def subset(self, indices: np.ndarray) -> Listing:
        return Listing([self.paths[index] for index in indices], self.labels[indices])


@dataclass(frozen=True)
class FolderSource:
    """An image folder. train, test: the folders that hold the class folders; without test a sixth is held out."""

    root: Path
    train: Path
    test: Path | None

    def read(self, part: Part, wanted: Wanted) -> PictureSet:
        from fashionlab.data.decoded_cache import read_folder  # needs platformdirs, which a service goes without

        known = read_classes(self.root)
        classes = known or tuple(folder.name for folder in _class_folders(self.train))
        training, chosen = self._choose(part, classes, named=known is not None)
        images, unreadable = read_folder(chosen.paths, training.paths, wanted.image_size, wanted.channels,
                                         wanted.skip_unreadable)
        labels = chosen.labels
        if unreadable:
            for reason in unreadable.values():
                note(f"skipped {reason}")
            readable = np.setdiff1d(np.arange(len(labels)), list(unreadable))
            images, labels = images[readable], labels[readable]
        absent = sorted(set(range(len(classes))) - set(labels.tolist()))
        if not len(labels) or (part == "train" and known is None and absent):
            what = f" of class {classes[absent[0]]!r}" if len(labels) else ""
            raise DataError(f"{self.train if part == 'train' else self.test or self.root}: no readable picture{what}")
        describe = f"image folder {self.root}" + (f" ({HELD_OUT_NOTE})" if self.test is None else "")
        return PictureSet(images, labels, classes, describe)

    def _choose(self, part: Part, classes: tuple[str, ...], named: bool) -> tuple[Listing, Listing]:
        """The pictures of the training part, and of `part`."""
        training = self._list(self.train, classes, named)
        check_labels(training.labels, classes, str(self.root))
        if self.test is not None:
            return training, training if part == "train" else self._list(self.test, classes, named)
        kept = training.subset(held_out(training.labels, "train", str(self.root)))
        return kept, kept if part == "train" else training.subset(held_out(training.labels, "test", str(self.root)))

    def _list(self, folder: Path, classes: tuple[str, ...], named: bool) -> Listing:
        label_of = {name: label for label, name in enumerate(folder_names(classes) if named else classes)}
        entries: list[tuple[str, str, Path, int]] = []
        for class_folder in _class_folders(folder):
            if class_folder.name not in label_of:
                raise DataError(f"{class_folder}: no such class, expected one of {', '.join(sorted(label_of)[:12])}"
                                f"{'...' if len(label_of) > 12 else ''}")
            for path in class_folder.rglob("*"):
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
                    entries.append((path.name, str(path), path, label_of[class_folder.name]))
        if not entries:
            raise DataError(f"{folder}: no PNG, JPEG or WebP picture in its class folders")
        entries.sort(key=lambda entry: entry[:2])
        return Listing([path for _, _, path, _ in entries], np.array([label for *_, label in entries], dtype=np.int64))


def _class_folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


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


def detect(folder: Path) -> FolderSource | None:
    """An image folder at `folder`; None when it has no folders in it."""
    below = {path.name: path for path in _class_folders(folder)} if folder.is_dir() else {}
    if not below:
        return None
    tests = [below[name] for name in _TEST_NAMES if name in below]
    if "train" in below:
        return FolderSource(folder, below["train"], tests[0] if tests else None)
    return FolderSource(folder, folder, None)


FORMATS.add("folder", DataFormat(
    "a folder with one folder of pictures a class", detect, write_folder,
    rank=2,  # any folder with folders in it looks like one
))
