"""Files that are never half-written: a temporary name beside the target, then a rename."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fashionlab.common.errors import FashionlabError

_LOCK_SECONDS = 60.0
_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path in `path`'s folder; rename it onto `path` if the block succeeds, remove it otherwise.

    Raises FashionlabError naming `path` when the disk is full, read-only or not ours to write.
    """
    temporary = _beside(path)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise  # about something the block read, not about this file
        raise FashionlabError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise FashionlabError(f"cannot write {path}: {error.strerror or error}") from error
    os.close(descriptor)
    return Path(name)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target`; it takes its place if the block succeeds and is removed otherwise.

    Raises FashionlabError naming `target` when it cannot be written.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        contents = temporary / "new"
        contents.mkdir()  # with the permissions the person's umask gives, which mkdtemp's folder lacks
        yield contents
        if target.exists():
            target.replace(temporary / "old")
        contents.replace(target)
    except OSError as error:
        raise FashionlabError(f"cannot write {target}: {os.strerror(error.errno) if error.errno else error}") from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically. NaN and infinity are refused: they are no JSON."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Whoever else wants to change the file `path` waits while the block runs, in this process or another.

    Raises FashionlabError, naming the file, when it is not free after a minute.
    """
    from filelock import FileLock, Timeout  # slow to import, and who only reads or serves needs no lock

    lock = FileLock(lock_file(path))
    try:
        lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout:
        raise FashionlabError(f"cannot write {path}: another process has been changing it for {_LOCK_SECONDS:.0f} s "
                              f"(lock: {lock.lock_file})") from None
    except OSError as error:
        raise FashionlabError(f"cannot write {lock.lock_file}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def lock_file(path: Path) -> Path:
    """The lock of `path`, whichever way it is written. It lies in the system's folder for temporary files: a lock may
    be needed before what it guards exists, and must not be left behind among the runs."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"fashionlab-{name}.lock"
