"""What lies at a path, for people, and what a folder is merely wrapped around."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from fashionlab.common.records import LeftOut
from fashionlab.data.listing import GENERATED, is_generated
from fashionlab.preparation.recognise import is_picture

_DEEPEST = 8  # folders within one another that are looked through; a link may lead in circles
_ABOUT = re.compile(r"(readme|licen[cs]e|citation|copying|notice|changelog)([._-].*)?", re.IGNORECASE)
_COUNTED = 10_000  # files: enough to say what a folder is full of


def wrapped(path: Path) -> list[Path]:
    """What the folder `path` holds and nothing else: a folder or a file, the one in that folder, and so on.

    Hidden files, those that programs make and those about the data (README, LICENSE) do not count.
    """
    inner: list[Path] = []
    while path.is_dir() and len(inner) < _DEEPEST:
        entries = [entry for entry in _entries(path) if not (is_generated(entry.name) or _is_about(entry))]
        if len(entries) != 1:
            break
        path = entries[0]
        inner.append(path)
    return inner


def _is_about(path: Path) -> bool:
    return bool(_ABOUT.fullmatch(path.name)) and not path.is_dir()


def left_beside(folder: Path, used: Collection[Path]) -> tuple[LeftOut, ...]:
    """What else lies directly in `folder`, beside the files and folders that are `used`; folders as a whole."""
    return tuple(LeftOut(path.name, _why_beside(path)) for path in sorted(set(_entries(folder)) - set(used)))


def _why_beside(path: Path) -> str:
    if is_generated(path.name):
        return GENERATED
    return f"{'a folder that is ' if path.is_dir() else ''}no part of the data set"


def describe(path: Path) -> str:
    """Such as "12 pictures without class folders, 3 .txt files"."""
    if not path.exists():
        return "no such file or folder"
    if path.is_file():
        return f"{_kind(path)} of {path.stat().st_size:,} bytes"
    entries = [entry for entry in _entries(path) if not is_generated(entry.name)]
    if not entries:
        return "an empty folder" if path.is_dir() else "neither a file nor a folder"
    kinds = Counter("folder" if entry.is_dir() else _kind(entry).removeprefix("a ") for entry in entries[:_COUNTED])
    counted = [_counted(kind, number) for kind, number in kinds.most_common(6)]
    more = ["and more"] if len(kinds) > 6 or len(entries) > _COUNTED else []
    return "it holds " + ", ".join([*counted, *more])


def _counted(kind: str, number: int) -> str:
    plural = f"{number:,} {kind}{'s' if number > 1 else ''}"
    return f"{plural} without class folders" if kind == "picture" else plural


def _kind(path: Path) -> str:
    if is_picture(path):
        return "a picture"
    return f"a {path.suffix.lower()} file" if path.suffix else "a file"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
