"""What is packed in one file (an archive, a Parquet table), unpacked once into the user's cache, so that its pictures
have paths.

The folder's name is a hash of the file's path, size and time: a file that changes is unpacked again.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.common.progress import note

_VERSION = 1  # to be raised when unpacking gives other files than before


def unpacked(source: Path, write: Callable[[Path], None], what: str = "") -> Path:
    """The folder in the user's cache that `write` filled from `source`; a second call finds it there.

    write: is given an empty folder. Whatever it raises is passed on, and nothing is kept then. what: what people call
    the contents. Several processes may ask at once: each writes a folder of its own, and the first one stays.
    Raises DataError when `source` is missing, FashionlabError when the cache cannot be written.
    """
    from fashionlab.data.decoded_cache import user_cache  # needs platformdirs, which a service goes without

    try:
        status = source.stat()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from error
    key = f"{_VERSION}\0{source.absolute()}\0{status.st_size}\0{status.st_mtime_ns}"
    target = user_cache() / "unpacked" / hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]
    if target.is_dir():
        return target
    note(f"unpacking {what or source} into {target}")
    temporary = _temporary_folder(target)
    try:
        write(temporary / "new")
        _keep(temporary / "new", target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _temporary_folder(target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        (temporary / "new").mkdir()  # with the permissions of the person's umask, which mkdtemp's folder lacks
    except OSError as error:
        raise FashionlabError(f"cannot write {target}: {error.strerror or error}") from error
    return temporary


def _keep(folder: Path, target: Path) -> None:
    """Rename `folder` to `target`, unless another process was first."""
    try:
        folder.rename(target)
    except OSError as error:
        if not target.is_dir():
            raise FashionlabError(f"cannot write {target}: {error.strerror or error}") from error
