"""The ids that git gives to files and folders: the same on every machine, whatever archive they came out of.

A blob's is the SHA-1 of "blob <size>\\0" and the file's bytes; a tree's that of "tree <size>\\0" and, for each entry in
order of its name (a folder's with a / behind it), "<mode> <name>\\0" and the 20 bytes of the entry's own id
(git-scm.com/book, "Git Objects"). SHA-1 tells what was damaged, cut or exchanged; it is no proof of who made it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fashionlab.data.listing import is_generated

_FILE, _FOLDER, _LINK = b"100644", b"40000", b"120000"
_PIECE = 1 << 20


def blob_id(path: Path) -> str:
    """Of a file. Raises OSError."""
    return _file(path).hex()


def tree_id(folder: Path) -> str:
    """Of a folder and all below it, but for what is hidden or made by a program, which belongs to no data set.

    No file counts as marked as a program: unpacking and other systems' disks mark files as they like. Links are links,
    and never followed. Raises OSError.
    """
    return _tree(folder).hex()


def _tree(folder: Path) -> bytes:
    entries: list[tuple[bytes, bytes]] = []  # what they are sorted by, and what they are
    for entry in os.scandir(folder):
        name = os.fsencode(entry.name)
        if is_generated(entry.name):
            continue
        if entry.is_symlink():
            entries.append((name, _entry(_LINK, name, _object(b"blob", os.fsencode(Path(entry).readlink())))))
        elif entry.is_dir():
            entries.append((name + b"/", _entry(_FOLDER, name, _tree(Path(entry)))))
        elif entry.is_file():  # git knows no pipes and devices
            entries.append((name, _entry(_FILE, name, _file(Path(entry)))))
    return _object(b"tree", b"".join(entry for _, entry in sorted(entries)))


def _entry(mode: bytes, name: bytes, digest: bytes) -> bytes:
    return mode + b" " + name + b"\0" + digest


def _object(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha1(_header(kind, len(data)) + data, usedforsecurity=False).digest()


def _file(path: Path) -> bytes:
    with path.open("rb") as stream:
        digest = hashlib.sha1(_header(b"blob", os.fstat(stream.fileno()).st_size), usedforsecurity=False)
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def _header(kind: bytes, size: int) -> bytes:
    return kind + b" %d\0" % size
