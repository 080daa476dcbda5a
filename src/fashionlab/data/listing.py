"""The picture files below a folder, and what else lies there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fashionlab.common.records import LeftOut
from fashionlab.preparation.files import is_picture

# Folders that programs make beside a person's own: thumbnails, caches, bins.
_GENERATED = frozenset({"@eadir", "__macosx", "__pycache__", "#recycle", "$recycle.bin", "system volume information",
                        "lost+found"})
_GENERATED_FILES = frozenset({"thumbs.db", "desktop.ini"})


@dataclass
class Listing:
    """pictures: files in order of their paths. left_out: all else below the folder, hidden folders as a whole."""

    pictures: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def list_pictures(folder: Path) -> Listing:
    """The pictures below `folder`, at any depth; links are followed. A picture is what is one by its name or, where the
    name says nothing, by its content; whether it can be read is not tried."""
    listing = Listing()
    for path in sorted(_files(folder, listing.left_out, frozenset())):
        if is_generated(path.name):
            listing.left_out.append(LeftOut(str(path), "hidden, or made by a program"))
        elif not path.exists():
            listing.left_out.append(LeftOut(str(path), "a broken link"))
        elif not path.is_file():
            listing.left_out.append(LeftOut(str(path), "no file"))
        elif is_picture(path):
            listing.pictures.append(path)
        else:
            listing.left_out.append(LeftOut(str(path), "no picture"))
    return listing


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in `folder`, by name, without hidden and generated ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_generated(path.name))


def is_generated(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or one that some program made beside a person's own."""
    return name.startswith(".") or name.lower() in _GENERATED | _GENERATED_FILES


def _files(folder: Path, left_out: list[LeftOut], above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    """Every entry below that is no folder. above: the folders on the way here, so that no link leads in circles."""
    try:
        status = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        left_out.append(LeftOut(str(folder), f"a folder that cannot be read ({error.strerror or error})"))
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        left_out.append(LeftOut(str(folder), "a link to a folder that it lies in"))
        return
    for entry in entries:
        path = Path(entry.path)
        if not entry.is_dir():
            yield path
        elif is_generated(path.name):
            left_out.append(LeftOut(str(path), "a hidden folder, or one made by a program"))
        else:
            yield from _files(path, left_out, above | {here})
