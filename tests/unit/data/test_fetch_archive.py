"""Named data sets of picture files, fetched as an archive from a server on this machine."""

from __future__ import annotations

import http.server
import multiprocessing
import shutil
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from fashionlab.common.errors import DataError
from fashionlab.data import DATASETS, load_training, routes
from fashionlab.data.fetch import fetch, is_whole
from fashionlab.data.held_out import load_test
from fashionlab.data.locate import fetch_named
from fashionlab.data.picture_dataset import PictureDataset
from fashionlab.data.routes import from_archive
from toy_photos import CLASSES, COUNTS, NAME, Toy, ids, names, one_less, one_more, other_picture, packed
from toys import Result

Cli = Callable[..., Result]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """`served(file)` is the address at which a server gives out a file."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def address(file: Path) -> str:
        shutil.copyfile(file, folder / file.name)
        return f"http://127.0.0.1:{server.server_port}/{file.name}"

    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def _way(address: str) -> list[tuple[str, routes.Route]]:
    return [("server", from_archive(address, tuple(COUNTS), timeout=5))]


def test_fetched_verified_and_not_fetched_again(toy: Toy, served: Callable[[Path], str], tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    address = served(packed(toy.originals, tmp_path / "toy.zip"))
    monkeypatch.setitem(DATASETS._entries, NAME, replace(toy.entry, address=address))
    folder = tmp_path / "cache" / "fashionlab" / "data" / NAME
    result = cli("data", "fetch", NAME)
    assert (result.code, result.out) == (0, f"{folder}\n"), result
    assert names(folder) == ["test", "train", "validation"]  # what was not verified is not kept
    assert ids(folder) == ids(toy.originals)
    monkeypatch.setitem(DATASETS._entries, NAME, toy.entry)  # nobody answers any more
    assert fetch_named(NAME) == folder
    training, test = load_training(NAME), load_test(NAME)
    assert training.source == test.source == f"{NAME}, originals (verified)"
    assert training.classes == CLASSES and training.notes[0] == "a toy"
    assert training.validation is not None and len(training.validation) == 6
    assert (len(training), len(test)) == (30, 9)
    copied = fetch_named(NAME, tmp_path / "mine")
    assert copied == tmp_path / "mine" / NAME and ids(copied) == ids(folder)
    assert fetch_named(NAME, tmp_path / "mine") == fetch_named(NAME, copied) == copied


def test_training_fetches_it(toy: Toy, served: Callable[[Path], str], tmp_path: Path,
                             monkeypatch: pytest.MonkeyPatch) -> None:
    address = served(packed(toy.originals, tmp_path / "toy.zip"))
    monkeypatch.setitem(DATASETS._entries, NAME, replace(toy.entry, address=address))
    assert load_training(NAME).source == f"{NAME}, originals (verified)"


def test_a_copy_has_its_list_too(toy: Toy, tmp_path: Path) -> None:
    shutil.copytree(toy.reduced, tmp_path / "share" / "datasets" / NAME)
    folder = fetch_named(NAME, tmp_path / "mine")
    assert names(folder) == ["labels.csv", "test", "train", "validation"] and ids(folder) == ids(toy.reduced)


@pytest.mark.parametrize(("change", "what"), [
    (other_picture, "validation: other files"), (one_more, "test: other files"), (one_less, "train: other files"),
    (lambda folder: shutil.rmtree(folder / "test"), "test missing"),
])
def test_other_content_is_refused_and_nothing_kept(toy: Toy, served: Callable[[Path], str], tmp_path: Path,
                                                   change: Callable[[Path], None], what: str) -> None:
    changed = Path(shutil.copytree(toy.originals, tmp_path / "changed"))
    change(changed)
    address = served(packed(changed, tmp_path / "toy.zip"))
    _refused(toy, address, tmp_path, what)


def _refused(toy: Toy, address: str, tmp_path: Path, what: str) -> None:
    before = _all_but_locks(tmp_path)
    with pytest.raises(DataError) as caught:
        fetch(toy.entry, tmp_path / "new" / "target", _way(address))
    message = str(caught.value)
    assert what in message and message.startswith(f"cannot fetch {NAME}; tried server (") and "--data-dir" in message
    assert len(message.splitlines()) == 2 and ".fetch-" not in message
    assert _all_but_locks(tmp_path) == before


def _all_but_locks(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if not path.is_relative_to(folder / "cache")]


def test_archives_that_are_none_or_hostile_are_refused(toy: Toy, served: Callable[[Path], str], tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    whole = packed(toy.originals, tmp_path / "whole.zip").read_bytes()

    def refused(content: bytes, what: str) -> None:
        (tmp_path / "toy.zip").write_bytes(content)
        _refused(toy, served(tmp_path / "toy.zip"), tmp_path, what)

    refused(whole[: len(whole) // 2], "truncated or damaged")
    refused(b"<html>not found</html>", "truncated or damaged")
    refused(b"", "truncated or damaged")
    damaged = bytearray(whole)
    damaged[whole.index(b"train-0.png") + 60] ^= 0xFF
    refused(bytes(damaged), "cannot be unpacked")
    for name in ("../../escaped", "toy-1234/../../escaped", "/tmp/escaped", "C:/escaped"):
        with zipfile.ZipFile(tmp_path / "hostile.zip", "w") as stream:
            stream.writestr(name, "x")
        refused((tmp_path / "hostile.zip").read_bytes(), "outside of the folder")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("toy-1234/train/hat/zeros.png", bytes(200_000))
    with monkeypatch.context() as limits:
        limits.setattr(routes, "_MOST_BYTES", 100_000)
        refused((tmp_path / "bomb.zip").read_bytes(), "unpacks to 200,000 bytes")
        refused(bytes(200_000), "sends more than 100,000 bytes")
    for tops in ("", "a/"):  # no folder around the parts, or two
        packed(toy.originals, tmp_path / "tops.zip", tops)
        with zipfile.ZipFile(tmp_path / "tops.zip", "a") as stream:
            stream.writestr("b/file", "x")
        refused((tmp_path / "tops.zip").read_bytes(), "expected one folder with train, validation, test in it")


def test_without_a_network_one_message_says_what_to_do(toy: Toy, tmp_path: Path, cli: Cli) -> None:
    result = cli("data", "info", NAME)
    assert result.code == 3 and "refused" in result.err and toy.entry.address in result.err, result
    assert "--data-dir" in result.err and not (tmp_path / "cache" / "fashionlab" / "data").exists()
    silent = socket.socket()
    with silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        way = from_archive(f"http://127.0.0.1:{silent.getsockname()[1]}/x.zip", tuple(COUNTS), timeout=0.2)
        with pytest.raises(DataError, match="timed out"):
            fetch(toy.entry, tmp_path / "target", [("silent", way)])


@pytest.mark.parametrize("part", COUNTS)
def test_what_lies_there_is_never_replaced(toy: Toy, tmp_path: Path, part: str) -> None:
    mine = tmp_path / "mine" / NAME / part / "mine.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(DataError, match=rf"{NAME}: holds {part}, but not {NAME}.*move that elsewhere"):
        fetch_named(NAME, tmp_path / "mine")
    assert mine.read_bytes() == b"mine" and names(mine.parents[1]) == [part]


def _fetch_and_report(entry: PictureDataset, target: Path, address: str, barrier: object, results: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    fetch(entry, target, _way(address))
    results.put(is_whole(entry, target))  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("locks", ["locked", "without locks"])
def test_two_processes_at_once(toy: Toy, served: Callable[[Path], str], tmp_path: Path, locks: str) -> None:
    if locks == "without locks":
        (tmp_path / "cache").write_text("no folder")
    address = served(packed(toy.originals, tmp_path / "toy.zip"))
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    work = [context.Process(target=_fetch_and_report, args=(toy.entry, tmp_path / "target", address, barrier, results))
            for _ in range(2)]
    for process in work:
        process.start()
    assert [results.get(timeout=60) for _ in work] == [True, True]
    for process in work:
        process.join()
        assert process.exitcode == 0
    assert names(tmp_path / "target") == ["test", "train", "validation"]
