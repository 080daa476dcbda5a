"""Where the parts and the classes of an image folder are: told by the names of folders and by what they hold.

No picture in a class folder is opened, and none is listed where the test part has class folders. Of a file beside the
folders whose name does not tell whether it is a picture the beginning is read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.common.naming import some_of
from fashionlab.common.records import LeftOut
from fashionlab.data.listing import Entries, entries_of, folders_in, is_generated
from fashionlab.data.part_names import EVALUATION, letters_of, part_called
from fashionlab.data.source import CLASSES_FILE, PARTS, Part, read_classes
from fashionlab.preparation.recognise import is_picture

_LISTS = (".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz")
_SHOWN = 8  # names in a message


@dataclass(frozen=True)
class FolderLayout:
    """How an image folder is understood.

    root: the folder that was named. parts: the folder with the class folders of each part, "train" always. divided:
    whether folders hold parts, not classes. classes: folders' names, or what a classes.txt lists. named: whether one
    lists them. notes, left_out: as of Source.
    """

    root: Path
    parts: Mapping[Part, Path]
    divided: bool
    classes: tuple[str, ...]
    named: bool
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


@dataclass
class _Reading:
    """What becomes known on the way to a FolderLayout."""

    root: Path
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def name(self, path: Path) -> str:
        """What messages call a file or folder of the data set."""
        return path.relative_to(self.root).as_posix() if path != self.root else str(path)

    def leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append(LeftOut(self.name(path), reason))


def folder_layout(root: Path) -> FolderLayout | None:
    """How the folder `root` is understood; None where there is no folder in it.

    Raises DataError where it can be understood in two ways, and for parts that do not fit together.
    """
    if not root.is_dir() or not entries_of(root).folders:
        return None
    reading = _Reading(root)
    top, names = _unwrapped(root, reading)
    if top != root:
        reading.notes.append(f"the data set lies in {reading.name(top)}: folders around it are looked through")
    entries = entries_of(top)
    _leave_out_files(entries, reading)
    folders = _parts(top, entries.folders, names, reading)
    parts: dict[Part, Path] = {part: _unwrapped(path, reading, part)[0] for part, path in folders.items()}
    if not folders:
        parts["train"] = top
    else:
        reading.notes.append(", ".join(f"{reading.name(path)} holds the {PARTS[part]} part"
                                       for part, path in parts.items()))
    classes = names or tuple(path.name for path in entries_of(parts["train"]).folders)
    return FolderLayout(root, parts, bool(folders), classes, names is not None, tuple(reading.notes),
                        tuple(reading.left_out))


def class_folders(folder: Path) -> dict[str, Path]:
    """The folders of pictures that may be classes, by name: directly in `folder`, or below its train and val; into what
    is called test nobody looks."""
    below: list[Path] = []
    for outer in folders_in(folder):
        part = part_called(outer.name)
        below += [outer] if part is None else folders_in(outer) if part != "test" else []
    return {one.name: one for one in below if _holds_picture(one)}


def _holds_picture(folder: Path) -> bool:
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_generated(name)]
        if any(is_picture(Path(above, name)) for name in names):
            return True
    return False


def why_beside(path: Path) -> str:
    """Why a file beside class folders is none of the pictures."""
    if path.name.lower().endswith(_LISTS):
        return "a list beside class folders; give the file itself to use its columns"
    return "a picture in no class folder" if is_picture(path) else "no picture"


def folder_names(classes: tuple[str, ...]) -> list[str]:
    """A folder name for each class: safe on every file system, different even where upper and lower case are one."""
    names: list[str] = []
    taken: set[str] = set()
    for label, name in enumerate(classes):
        letters = [letter if letter.isalnum() or letter in " _-+." else "-" for letter in name[:80]]
        safe = "".join(letters).strip(" .") or "class"
        if safe.casefold() in taken or is_generated(safe):
            safe = f"{safe}-{label}"
        while safe.casefold() in taken:
            safe += "-"
        taken.add(safe.casefold())
        names.append(safe)
    return names


def _unwrapped(folder: Path, reading: _Reading, part: Part | None = None) -> tuple[Path, tuple[str, ...] | None]:
    """The folder with the classes or the parts: `folder`, or below folders that hold nothing but one more; and the
    classes that a classes.txt on the way lists. part: which one `folder` holds, where it holds one."""
    names = read_classes(folder)
    while True:
        entries = entries_of(folder)
        below = entries.folders[0] if len(entries.folders) == 1 else None
        if (below is None or not entries_of(below).folders or part_called(below.name) not in (None, part)
                or (names and below.name in folder_names(names))):
            return folder, names
        _leave_out_files(entries, reading)
        folder = below
        names = read_classes(folder) or names


def _leave_out_files(entries: Entries, reading: _Reading) -> None:
    """Tell what lies beside the folders."""
    for path in entries.files:
        if path.name != CLASSES_FILE:
            reading.leave_out(path, why_beside(path))
    reading.left_out += [LeftOut(reading.name(Path(one.file)), one.reason) for one in entries.left_out]


def _parts(top: Path, folders: Sequence[Path], names: tuple[str, ...] | None, reading: _Reading) -> dict[Part, Path]:
    """The folders that hold a part each; none where the folders in `top` are classes. Raises DataError for what can be
    understood in two ways."""
    candidates = _candidates(folders)
    if not candidates or _are_listed(folders, candidates, names):
        return {}
    inside = {path: entries_of(path) for path in candidates}
    loose = {path for path in candidates if inside[path].files and not inside[path].folders}
    others = [path for path in folders if path not in candidates]
    named = _listed(candidates)
    choice = f"a {CLASSES_FILE} in {top} that lists the classes tells which folders are classes"
    if others and len(loose) == len(candidates) and set(candidates.values()) == {"train"}:
        reading.notes.append(f"{named} is taken for a class beside {_listed(others)}: it holds "
                             "pictures and no class folders")
        return {}
    if others and len(loose) == len(candidates):
        raise DataError(f"{top}: {named} may be a class beside {_listed(others)}, or a part "
                        f"without class folders; {choice}, or move what is no part of the data set elsewhere")
    parts = _one_each(candidates, top, reading)
    if "train" not in parts:
        raise DataError(f"{top}: {named} would be a part, but no folder is the training part by its name, such as "
                        f"train; {choice}")
    if parts["train"] in loose:
        raise DataError(f"{parts['train']}: no class folders in it, expected one folder of pictures a class; {choice}")
    if len(parts) == 1 and (rivals := [path for path in others if _holds_picture(path)]):
        raise DataError(f"{top}: {named} may hold the training part, or be a class beside {_listed(rivals)}; {choice}, "
                        "or move what is no part of the data set elsewhere")
    for part, path in list(parts.items()):
        if path in loose:
            del parts[part]
            reading.notes.append(f"{reading.name(path)} has no class folders: not used as the {PARTS[part]} part")
            reading.leave_out(path, "no class folders in it, which would tell labels")
    for path in others:
        reading.leave_out(path, f"neither of the folders {named}")
    return parts


def _candidates(folders: Sequence[Path]) -> dict[Path, Part]:
    """The folders that hold a part by their names; names with a word more (shop_train, shop_test) do where another
    part's has the same word and both have folders in them."""
    plain: dict[Path, Part] = {path: part for path in folders if (part := part_called(path.name))}
    if plain:
        return plain
    more: dict[str, dict[Path, Part]] = {}
    for path in folders:
        words = re.findall(r"[^\W_]+", path.name.casefold())
        for at in {0, len(words) - 1} if len(words) > 1 else ():
            if part := part_called(words[at]):
                more.setdefault(" ".join(words[:at] + words[at + 1 :]), {})[path] = part
    for alike in more.values():
        several = "train" in alike.values() and len(set(alike.values())) > 1
        if several and all(entries_of(path).folders for path in alike):
            return alike
    return {}


def _are_listed(folders: Sequence[Path], candidates: Mapping[Path, Part], names: tuple[str, ...] | None) -> bool:
    """Whether a classes.txt says that the candidates for parts are classes."""
    if not names:
        return False
    listed = set(folder_names(names))
    within = [{one.name for one in entries_of(path).folders} for path, part in candidates.items() if part == "train"]
    if any(below and below <= listed for below in within):
        return False  # a class may be called train within the folder train
    return listed <= {path.name for path in folders} and not listed.isdisjoint(path.name for path in candidates)


def _one_each(candidates: Mapping[Path, Part], top: Path, reading: _Reading) -> dict[Part, Path]:
    """The folder of each part. Raises DataError where two would be one."""
    parts: dict[Part, list[Path]] = {}
    for path, part in candidates.items():
        parts.setdefault(part, []).append(path)
    for path in parts.get("val", [])[:]:
        if len(parts["val"]) > 1 and "test" not in parts and letters_of(path.name) in EVALUATION:
            parts["val"].remove(path)
            parts["test"] = [path]
            reading.notes.append(f"{reading.name(path)} is taken for the test part: another folder is for validation")
    for part, paths in parts.items():
        if len(paths) > 1:
            raise DataError(f"{top}: {_listed(paths)} would each be the {PARTS[part]} part; "
                            "rename those that are not, or move them elsewhere")
    return {part: parts[part][0] for part in PARTS if part in parts}


def _listed(paths: Iterable[Path]) -> str:
    return some_of([path.name for path in paths], _SHOWN)
