"""The ways to get a data set: from an address, file by file or as an archive (Debian's packages: `debian`)."""

from __future__ import annotations

import http.client
import shutil
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from fashionlab.common.errors import DataError
from fashionlab.common.progress import progress
from fashionlab.data.zip_entries import read_entries

Route = Callable[[Path], None]  # puts the set's files into the folder, still unverified, or raises RouteFailed
_TIMEOUT_SECONDS = 8.0
_MOST_BYTES = 2**30  # of a download, and of what an archive unpacks to


class RouteFailed(Exception):
    """A way to get a data set did not work; the message says why."""


def from_address(address: str, names: Sequence[str], timeout: float = _TIMEOUT_SECONDS) -> Route:
    """A route that downloads `<address><name>.gz` for each name; `timeout` in seconds, to connect and for each read."""

    def route(folder: Path) -> None:
        for name in names:
            download(f"{address}{name}.gz", folder / f"{name}.gz", timeout)

    return route


def from_archive(address: str, names: Sequence[str], timeout: float = _TIMEOUT_SECONDS) -> Route:
    """A route that downloads the zip archive at `address` and takes the folders `names` out of the one folder in it."""

    def route(folder: Path) -> None:
        archive, unpacked = folder / "archive.zip", folder / "unpacked"
        download(address, archive, timeout)
        try:
            entries = read_entries(archive)
            if entries.size > _MOST_BYTES:
                raise RouteFailed(f"unpacks to {entries.size:,} bytes, at most {_MOST_BYTES:,} are taken")
            unpacked.mkdir()
            entries.unpack(unpacked)
        except DataError as error:
            raise RouteFailed(str(error).removeprefix(f"{archive}: ")) from error
        tops = list(unpacked.iterdir())
        missing = [name for name in names if len(tops) != 1 or not (tops[0] / name).is_dir()]
        if missing:
            raise RouteFailed(f"expected one folder with {', '.join(names)} in it; {', '.join(missing)} missing")
        for name in names:
            (tops[0] / name).rename(folder / name)
        archive.unlink()
        shutil.rmtree(unpacked)

    return route


def download(url: str, target: Path, timeout: float = _TIMEOUT_SECONDS) -> None:
    """Write what is at `url` to `target`; `timeout` in seconds, to connect and for each read. Raises RouteFailed."""
    failures = (OSError, http.client.HTTPException, ValueError)
    try:
        # An opener of its own: urlopen would remember the proxies of its first call for ever.
        response = urllib.request.build_opener().open(url, timeout=timeout)
    except failures as error:
        raise RouteFailed(_reason(error)) from error
    size, done = int(response.headers["Content-Length"] or 0), 0
    with response, target.open("wb") as stream, progress(target.name, size) as advance:
        while True:
            try:
                piece = response.read(1 << 16)
            except failures as error:
                raise RouteFailed(_reason(error)) from error
            if not piece:
                return
            done += len(piece)
            if done > _MOST_BYTES:
                raise RouteFailed(f"sends more than {_MOST_BYTES:,} bytes")
            stream.write(piece)
            advance(len(piece))


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error or type(error).__name__)
