"""Fetching a named data set in one of its ways. No root needed.

Safe when several processes start at once: they wait for one another where they can lock, and in any case every file is
verified before it is renamed into place, so what the later one brings is equal.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.common.progress import note
from fashionlab.data.decoded_cache import user_cache
from fashionlab.data.named import NamedDataset
from fashionlab.data.routes import Route, RouteFailed


def fetch(dataset: NamedDataset, target: Path, ways: Sequence[tuple[str, Route]] | None = None) -> Path:
    """Put the verified files of `dataset` into `target` (made if need be) unless they are there; returns `target`.

    Raises DataError listing what was tried when no way works, FashionlabError when `target` cannot be written.
    """
    name = dataset.name
    ways = dataset.routes() if ways is None else ways
    if not ways:
        raise DataError(f"{name} is neither in {target} nor in share/datasets, and no address is known.\n"
                        f"{dataset.advice}")
    with _lock(target):
        if is_whole(dataset, target):
            return target
        dataset.check_target(target)
        tried = []
        for label, way in ways:
            note(f"fetching {name}: {label}")
            try:
                with _workshop(target) as folder:
                    way(folder)
                    dataset.install(dataset.verified(folder), target)
                note(f"{name}: verified, in {target}")
                return target
            except (RouteFailed, DataError) as error:
                tried.append(f"{label} ({error})")
            except OSError as error:
                raise FashionlabError(f"cannot write {target}: {error.strerror or error}") from error
    raise DataError(f"cannot fetch {name}; tried {'; '.join(tried)}.\n{dataset.advice}")


def is_whole(dataset: NamedDataset, folder: Path) -> bool:
    """Whether `folder` holds all of `dataset`, and what it should be (where that is known)."""
    try:
        dataset.verified(folder)
    except DataError:
        return False
    return True


def copy_from(dataset: NamedDataset, source: Path) -> Route:
    """A route that copies what `dataset` consists of from the folder `source`."""

    def route(folder: Path) -> None:
        for path in dataset.verified(source):
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, folder / path.name)

    return route


@contextlib.contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A temporary folder in `target`, on the same disk. What was made for it is removed again if the block fails."""
    made = [folder for folder in (target, *target.parents) if not folder.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target) as folder:
            yield Path(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


@contextlib.contextmanager
def _lock(target: Path) -> Iterator[None]:
    """Wait until no other process fetches into `target`. Goes on without where the cache cannot be written."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            locks = user_cache() / "locks"
            locks.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(os.fsencode(target.absolute())).hexdigest()[:16]
            stack.enter_context(FileLock(locks / f"{name}.lock"))
        yield
