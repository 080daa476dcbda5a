"""The picture files below a folder, and what else lies there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.common.records import LeftOut
from fashionlab.preparation import files
from fashionlab.preparation.recognise import form_not_read, head, is_heic, is_picture

# What programs make beside a person's own files: thumbnails, caches, bins.
_GENERATED = frozenset({"@eadir", "@recycle", "@tmp", "#recycle", "#snapshot", "$recycle.bin", "__macosx",
                        "__pycache__", "desktop.ini", "ehthumbs.db", "icon\r", "lost+found",
                        "system volume information", "thumbs.db"})
GENERATED = "hidden, or made by a program"
_Identity = tuple[int, int]  # device and inode


@dataclass
class Listing:
    """What lies below a folder. pictures: files in order of their paths. not_read: pictures that are not read here,
    by their form (raw photos, drawings, HEIC without what reads it). left_out: all else, hidden and generated folders
    as a whole."""

    pictures: list[Path] = field(default_factory=list)
    not_read: list[LeftOut] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass
class Entries:
    """What lies directly in a folder, by name. left_out: what is hidden or made by a program, broken links, links in
    circles, pipes and other special files, and the folder itself where it cannot be read."""

    folders: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def list_pictures(folder: Path) -> Listing:
    """The pictures below `folder`, at any depth; links are followed. A picture is what is one by its name or, where the
    name says nothing, by its content; whether it can be decoded is not tried."""
    listing = Listing()
    for entries in _walk(folder):
        listing.left_out += entries.left_out
        for path in entries.files:
            if not is_picture(path):
                listing.left_out.append(LeftOut(str(path), "no picture"))
            elif reason := why_not_read(path):
                listing.not_read.append(LeftOut(str(path), reason))
            else:
                listing.pictures.append(path)
    listing.pictures.sort()
    listing.not_read.sort(key=lambda one: one.file)
    listing.left_out.sort(key=lambda one: one.file)
    return listing


def entries_of(folder: Path) -> Entries:
    """What lies directly in `folder`."""
    return _scanned(folder, _lineage(folder))


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in `folder`, by name, without hidden and generated ones and links in circles."""
    return entries_of(folder).folders


def is_generated(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or one that some program made beside a person's own."""
    return name.startswith(".") or name.lower() in _GENERATED


def why_not_read(path: Path) -> str | None:
    """Why a picture file is not read here, by its form; None for one of a form that is read."""
    if path.suffix.lower() in (".png", ".jpg", ".jpeg"):  # nearly all: not worth opening
        return None
    try:
        start = head(path)
    except OSError:
        return None  # decoding says so
    reason = form_not_read(path.name, start)
    if reason is None and is_heic(start):  # whether it is read depends on what is installed
        try:
            files.look(path, path.name).close()
        except DataError as error:
            return str(error).removeprefix(f"{path.name}: ")
    return reason


def _walk(folder: Path) -> Iterator[Entries]:
    """What lies in `folder` and in every folder below."""
    waiting = [(folder, _lineage(folder))]
    while waiting:
        path, above = waiting.pop()
        here = above | _identities(path)
        entries = _scanned(path, here)
        yield entries
        waiting += [(below, here) for below in entries.folders]


def _scanned(folder: Path, lineage: frozenset[_Identity]) -> Entries:
    """lineage: the folder and all that it lies in."""
    entries = Entries()
    try:
        with os.scandir(folder) as scan:
            found = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        return Entries(left_out=[LeftOut(str(folder), f"a folder that cannot be read ({error.strerror or error})")])
    for entry in found:
        path = Path(entry.path)
        if is_generated(entry.name):
            entries.left_out.append(LeftOut(str(path), GENERATED))
        elif path.is_dir() if entry.is_symlink() else entry.is_dir():
            if entry.is_symlink() and _identities(path) & lineage:
                entries.left_out.append(LeftOut(str(path), "a link to a folder that it lies in"))
            else:
                entries.folders.append(path)
        elif path.is_file() if entry.is_symlink() else entry.is_file():
            entries.files.append(path)
        else:
            broken = entry.is_symlink() and not path.exists()
            entries.left_out.append(LeftOut(str(path), "a broken link" if broken else "a pipe, a device or a socket"))
    return entries


def _lineage(folder: Path) -> frozenset[_Identity]:
    """A folder, and all that it lies in."""
    real = folder.resolve()
    return frozenset().union(*(_identities(one) for one in (real, *real.parents)))


def _identities(path: Path) -> frozenset[_Identity]:
    """The file behind `path`; none where that cannot be told."""
    try:
        status = path.stat()
    except OSError:
        return frozenset()
    return frozenset({(status.st_dev, status.st_ino)})
