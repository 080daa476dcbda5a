"""The files that a zip archive unpacks to, checked before anything is written: archives come from anywhere.

Refused as a whole: names that lead out of the folder, encryption, files packed in other ways than stored or deflated,
more than the disk holds, and archives that unpack to absurdly more than they are.
"""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fashionlab.common.errors import DataError
from fashionlab.common.progress import progress
from fashionlab.common.records import LeftOut
from fashionlab.data.listing import GENERATED, is_generated

MOST_BYTES = 200 * 2**30
MOST_ENTRIES = 5_000_000
MOST_RATIO = 200  # of unpacked to packed bytes, where they are many: pictures hardly shrink, tables about tenfold
_MANY = 2**30
_SPARE = 2**30  # of the disk, which stays free
_PIECE = 1 << 20
_UTF8 = 0x800  # the flag of names that are UTF-8
_ENCRYPTED = 0x1
_DRIVE = re.compile(r"[A-Za-z]:")
_FAILURES = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class ZipEntries:
    """What an archive holds. folders: those that it names. files: the entries to be unpacked by where they go.
    left_out: what else is in it. notes: what was taken for what."""

    path: Path
    folders: tuple[PurePosixPath, ...]
    files: dict[PurePosixPath, zipfile.ZipInfo]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return sum(entry.file_size for entry in self.files.values())

    def unpack(self, folder: Path) -> None:
        """Write all files below `folder`, which is made. Raises DataError for damage, names that the disk cannot have,
        and where it is too small."""
        free = shutil.disk_usage(folder.parent).free
        if self.size > free - _SPARE:
            raise DataError(f"{self.path}: unpacks to {self.size / 2**30:,.1f} GiB, but {folder} has only "
                            f"{free / 2**30:,.1f} GiB free (XDG_CACHE_HOME moves it)")
        for name in (PurePosixPath(), *self.folders):
            with self._unpacking(name):
                (folder / name).mkdir(parents=True, exist_ok=True)
        with _opened(self.path) as archive, progress(f"unpacking {self.path.name}", len(self.files)) as advance:
            for name, entry in self.files.items():
                with self._unpacking(name):
                    _write(archive, entry, folder / name)
                advance(1)

    @contextmanager
    def _unpacking(self, name: PurePosixPath) -> Iterator[None]:
        """Whatever goes wrong with an entry becomes one DataError."""
        try:
            yield
        except _FAILURES as error:
            raise DataError(f"{self.path}: {name}: cannot be unpacked ({error})") from error


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """zipfile gives no more bytes than the header says, and checks them by their CRC."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as packed, target.open("xb") as stream:  # x: on some disks two names are one
        shutil.copyfileobj(packed, stream, _PIECE)
        if stream.tell() != entry.file_size:
            raise ValueError(f"{stream.tell():,} bytes, its header says {entry.file_size:,}")


def read_entries(path: Path) -> ZipEntries:
    """What the archive `path` holds. Raises DataError for one that is damaged or refused."""
    with _opened(path) as archive:
        entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise DataError(f"{path}: {len(entries):,} entries, the limit is {MOST_ENTRIES:,}")
    names, notes = _names(entries)
    folders: list[PurePosixPath] = []
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    left_out: dict[str, str] = {}
    for name, entry in zip(names, entries, strict=True):
        inner = _inner_path(path, name)
        generated = next((PurePosixPath(*inner.parts[: index + 1]) for index, part in enumerate(inner.parts)
                          if is_generated(part)), None)
        if generated:
            left_out[str(generated)] = GENERATED
        elif name.endswith("/"):
            folders.append(inner)
        elif reason := _no_file(entry):
            left_out[str(inner)] = reason
        else:
            _check(path, inner, entry)
            if inner in files:
                raise DataError(f"{path}: two entries are called {inner}")
            files[inner] = entry
    told = tuple(LeftOut(name, reason) for name, reason in left_out.items())
    read = ZipEntries(path, tuple(folders), files, told, notes)
    _check_size(read)
    return read


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except _FAILURES as error:
        raise DataError(f"{path}: cannot be read as a zip archive, truncated or damaged? ({error})") from error
    with archive:
        yield archive


def _names(entries: list[zipfile.ZipInfo]) -> tuple[list[str], tuple[str, ...]]:
    """The entries' names with / between folders. Old Windows programs write \\, and macOS writes UTF-8 without saying
    so, which zipfile reads as code page 437."""
    unmarked = [entry for entry in entries if not entry.flag_bits & _UTF8]
    try:
        meant = {id(entry): entry.filename.encode("cp437").decode("utf-8") for entry in unmarked}
    except UnicodeError:
        meant = {}
    names = [meant.get(id(entry), entry.filename) for entry in entries]
    notes = ["\\ in names of the archive is read as /"] if any("\\" in name for name in names) else []
    if any(name != entry.filename for name, entry in zip(names, entries, strict=True)):
        notes.append("names in the archive are read as UTF-8")
    return [name.replace("\\", "/") for name in names], tuple(notes)


def _inner_path(path: Path, name: str) -> PurePosixPath:
    inner = PurePosixPath(name)
    nameless = not (inner.parts or name.endswith("/"))
    if inner.is_absolute() or ".." in inner.parts or _DRIVE.match(name) or nameless:
        raise DataError(f"{path}: refused, the entry {name[:80]!r} would lie outside of the folder it is unpacked into")
    return inner


def _no_file(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry that is no folder is not unpacked."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link, which is not followed within an archive"
    if kind not in (0, stat.S_IFREG):
        return "no file"
    return "an archive within the archive, not opened" if entry.filename.lower().endswith(".zip") else None


def _check(path: Path, inner: PurePosixPath, entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise DataError(f"{path}: {inner} is encrypted; unpack the archive yourself and give the folder")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{path}: {inner} is packed by method {entry.compress_type}, expected deflate (8); unpack the "
                        "archive yourself and give the folder")


def _check_size(read: ZipEntries) -> None:
    size, packed = read.size, read.path.stat().st_size
    if size > MOST_BYTES or (size > _MANY and size > MOST_RATIO * packed):
        raise DataError(f"{read.path}: refused, its {packed:,} bytes would unpack to {size:,} (at most "
                        f"{MOST_BYTES >> 30} GiB, and {MOST_RATIO} times its size); unpack it yourself and give the "
                        "folder")
