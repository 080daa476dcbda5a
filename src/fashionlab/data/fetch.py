"""Fetching a named data set: from its official addresses, else out of its Debian package. No root needed.

Safe when several processes start at once: they wait for one another where they can lock, and in any case every file is
verified before it is renamed into place, so the later one replaces bytes by equal bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.common.progress import note, progress
from fashionlab.data.catalog import NamedDataset
from fashionlab.data.debian import from_debian
from fashionlab.data.decoded_cache import user_cache
from fashionlab.data.formats.idx import named_files, read_idx, sha256
from fashionlab.data.routes import RouteFailed

Route = Callable[[NamedDataset, Path], None]  # puts the set's files into the folder or raises RouteFailed
_TIMEOUT_SECONDS = 8.0


def routes(dataset: NamedDataset) -> list[tuple[str, Route]]:
    """The ways to get `dataset`, in the order in which they are tried, each with its name."""
    ways: list[tuple[str, Route]] = [(address, from_address(address)) for address in dataset.addresses]
    if dataset.debian:
        ways.append((f"Debian package {dataset.debian}", from_debian(dataset.debian)))
    return ways


def fetch(dataset: NamedDataset, target: Path, ways: Sequence[tuple[str, Route]] | None = None) -> Path:
    """Put the verified files of `dataset` into `target` (made if need be) unless they are there; returns `target`.

    Raises DataError listing what was tried when no way works, FashionlabError when `target` cannot be written.
    """
    name = dataset.name
    ways = routes(dataset) if ways is None else ways
    advice = f"Put {dataset.file_names[0]}.gz and the other three files into a folder and give it as --data-dir FOLDER."
    if not ways:
        raise DataError(f"{name} is neither in {target} nor in share/datasets, and no address is known.\n{advice}")
    with _lock(target):
        if is_whole(dataset, target):
            return target
        tried = []
        for label, way in ways:
            note(f"fetching {name}: {label}")
            try:
                with _workshop(target) as folder:
                    way(dataset, folder)
                    _install(dataset, folder, target)
                note(f"{name}: verified, in {target}")
                return target
            except (RouteFailed, DataError) as error:
                tried.append(f"{label} ({error})")
            except OSError as error:
                raise FashionlabError(f"cannot write {target}: {error.strerror or error}") from error
    raise DataError(f"cannot fetch {name}; tried {'; '.join(tried)}.\n{advice}")


def is_whole(dataset: NamedDataset, folder: Path) -> bool:
    """Whether `folder` holds all files of `dataset` with the right hashes (where those are known)."""
    try:
        _verify(dataset, folder)
    except DataError:
        return False
    return True


def _verify(dataset: NamedDataset, folder: Path) -> list[Path]:
    """The files in `folder`. Raises DataError when one is missing or not the one it should be."""
    files = named_files(folder, dataset.files)
    if files is None:
        raise DataError(f"{folder}: incomplete")
    paths = [path for pair in files.values() for path in pair]
    for path in paths:
        expected = dataset.hashes.get(path.name.removesuffix(".gz"))
        if sha256(read_idx(path, (1, 3))) != expected and expected is not None:
            raise DataError(f"{path.name}: wrong sha256")
    return paths


def _install(dataset: NamedDataset, folder: Path, target: Path) -> None:
    for path in _verify(dataset, folder):
        path.chmod(0o644)
        path.replace(target / path.name)
        twin = path.name.removesuffix(".gz") if path.suffix == ".gz" else path.name + ".gz"
        (target / twin).unlink(missing_ok=True)  # an older, unverified one


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


def from_address(address: str, timeout: float = _TIMEOUT_SECONDS) -> Route:
    """A route that downloads `<address><file>.gz`; `timeout` in seconds, to connect and for each read."""

    def route(dataset: NamedDataset, folder: Path) -> None:
        for name in dataset.file_names:
            download(f"{address}{name}.gz", folder / f"{name}.gz", timeout)

    return route


def download(url: str, target: Path, timeout: float = _TIMEOUT_SECONDS) -> None:
    """Write what is at `url` to `target`; `timeout` in seconds, to connect and for each read. Raises RouteFailed."""
    failures = (OSError, http.client.HTTPException, ValueError)
    try:
        # An opener of its own: urlopen would remember the proxies of its first call for ever.
        response = urllib.request.build_opener().open(url, timeout=timeout)
    except failures as error:
        raise RouteFailed(_reason(error)) from error
    size = int(response.headers["Content-Length"] or 0)
    with response, target.open("wb") as stream, progress(target.name, size) as advance:
        while True:
            try:
                piece = response.read(1 << 16)
            except failures as error:
                raise RouteFailed(_reason(error)) from error
            if not piece:
                return
            stream.write(piece)
            advance(len(piece))


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error or type(error).__name__)


def copy_from(source: Path) -> Route:
    """A route that copies the files from the folder `source`."""

    def route(dataset: NamedDataset, folder: Path) -> None:
        for path in _verify(dataset, source):
            shutil.copyfile(path, folder / path.name)

    return route
