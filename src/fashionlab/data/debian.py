"""A data set out of a Debian package, without root: apt-get downloads it, dpkg-deb unpacks it, both into a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fashionlab.data.routes import Route, RouteFailed

_TIMEOUT_SECONDS = 900
# Root's apt-get hands downloads to the user _apt, who cannot write here and of which it would warn at length.
_OPTIONS = ("-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1",
            "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10")


def from_debian(package: str, names: Sequence[str]) -> Route:
    """A route that takes the files `names`, plain or with .gz, out of `package`. Works as root and as a user."""

    def route(folder: Path) -> None:
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise RouteFailed(f"{tool} is not on this machine")
        work = folder / "debian"
        work.mkdir()
        try:
            _run(["apt-get", *_OPTIONS, "download", package], work)
        except RouteFailed:  # the package lists are missing or old: fetch lists of our own
            private = _private_lists(work)
            _run(["apt-get", *_OPTIONS, *private, "update"], work)
            _run(["apt-get", *_OPTIONS, *private, "download", package], work)
        archives = sorted(work.glob("*.deb"))
        if not archives:
            raise RouteFailed("apt-get downloaded nothing")
        _run(["dpkg-deb", "-x", str(archives[0]), str(work / "unpacked")], work)
        wanted = {f"{name}{end}" for name in names for end in ("", ".gz")}
        for path in sorted((work / "unpacked").rglob("*")):
            if path.name in wanted and path.is_file():
                path.replace(folder / path.name)
        shutil.rmtree(work)

    return route


def _private_lists(work: Path) -> list[str]:
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    return ["-o", f"Dir::State::Lists={work}/lists", "-o", f"Dir::Cache={work}/cache", "-o", "Debug::NoLocking=true"]


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise RouteFailed(f"{command[0]} took longer than {_TIMEOUT_SECONDS} s") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb: error"))]
        raise RouteFailed((lines or done.stderr.splitlines() or [f"{command[0]} ended with {done.returncode}"])[0])
