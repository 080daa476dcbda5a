from __future__ import annotations

import gzip
import hashlib
import http.server
import multiprocessing
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.data import DATASETS, load_training
from fashionlab.data.debian import from_debian
from fashionlab.data.fetch import copy_from, fetch, is_whole
from fashionlab.data.idx_dataset import IdxDataset
from fashionlab.data.locate import fetch_named
from fashionlab.data.routes import from_address
from fashionlab.data.source import Part


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.delenv("FASHIONLAB_DATA", raising=False)


@pytest.fixture(scope="module")
def toy(toy_data: Path) -> IdxDataset:
    """A named data set of toy files with their true hashes."""
    hashes = {path.name.removesuffix(".gz"): hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
              for path in toy_data.glob("*.gz")}
    return IdxDataset("toy", "toy", tuple("0123456789"), _files(), hashes)


def _files() -> Mapping[Part, tuple[str, str]]:
    entry = DATASETS["fashion-mnist"]
    assert isinstance(entry, IdxDataset)
    return entry.files


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(toy_data: Path) -> Iterator[str]:
    """Where a real server gives out the toy files."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(toy_data)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def _closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_download_verified_and_not_repeated(toy: IdxDataset, address: str, toy_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    assert fetch(toy, target, [("server", from_address(address, toy.file_names))]) == target
    assert _names(target) == _names(toy_data)
    assert is_whole(toy, target)
    fetch(toy, target, [("nowhere", from_address(_closed_port(), toy.file_names))])  # is there: nothing is asked


def test_the_next_way_is_taken_when_one_fails_or_gives_other_files(toy: IdxDataset, address: str, toy_data: Path,
                                                                  tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(toy_data, wrong)
    (wrong / "t10k-labels-idx1-ubyte.gz").write_bytes((wrong / "train-labels-idx1-ubyte.gz").read_bytes())
    ways = [("nowhere", from_address(_closed_port(), toy.file_names)), ("wrong", copy_from(toy, wrong)),
            ("404", from_address(address + "no/", toy.file_names)), ("server", from_address(address, toy.file_names))]
    fetch(toy, tmp_path / "target", ways)
    assert is_whole(toy, tmp_path / "target") and _names(tmp_path / "target") == _names(toy_data)


def test_a_damaged_file_is_replaced(toy: IdxDataset, address: str, toy_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    shutil.copytree(toy_data, target)
    (target / "train-images-idx3-ubyte").write_bytes(b"damaged, and read before its .gz")
    (target / "mine.txt").write_text("keep")
    assert not is_whole(toy, target)
    fetch(toy, target, [("server", from_address(address, toy.file_names))])
    assert is_whole(toy, target) and _names(target) == sorted([*_names(toy_data), "mine.txt"])


def test_no_way_works(toy: IdxDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    ways = [("first", from_address(_closed_port(), toy.file_names)),
            ("package", from_debian("dataset-fashion-mnist", toy.file_names))]
    with pytest.raises(DataError) as caught:
        fetch(toy, tmp_path / "new" / "target", ways)
    message = str(caught.value)
    assert "first (" in message and "refused" in message and "package (apt-get is not on this machine)" in message
    assert "--data-dir" in message and len(message.splitlines()) == 2
    assert not (tmp_path / "new").exists()


def test_a_server_that_says_nothing_is_left_soon(toy: IdxDataset, tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        silent = from_address(f"http://127.0.0.1:{deaf.getsockname()[1]}/", toy.file_names, timeout=0.2)
        with pytest.raises(DataError, match="timed out"):
            fetch(toy, tmp_path / "target", [("deaf", silent)])


def _fetch_and_report(toy: IdxDataset, target: Path, address: str, barrier: object, results: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    fetch(toy, target, [("server", from_address(address, toy.file_names))])
    results.put(is_whole(toy, target))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_two_processes_at_once(toy: IdxDataset, address: str, toy_data: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(2), context.Queue()
    work = [context.Process(target=_fetch_and_report, args=(toy, tmp_path / "target", address, barrier, results))
            for _ in range(2)]
    for process in work:
        process.start()
    assert [results.get() for _ in work] == [True, True]
    for process in work:
        process.join()
        assert process.exitcode == 0
    assert _names(tmp_path / "target") == _names(toy_data)


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(toy: IdxDataset, toy_data: Path, tmp_path: Path) -> None:
    script = f"""
import resource
from pathlib import Path
from fashionlab.data.idx_dataset import IdxDataset
from fashionlab.data.fetch import fetch, copy_from
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
toy = {toy!r}
try:
    fetch(toy, Path({str(tmp_path / "target")!r}), [("copy", copy_from(toy, Path({str(toy_data)!r})))])
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"FashionlabError cannot write {tmp_path / 'target'}: File too large"), done
    assert not (tmp_path / "target").exists()


def test_a_target_that_is_no_folder(toy: IdxDataset, toy_data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FashionlabError, match="cannot write"):
        fetch(toy, tmp_path / "file" / "target", [("copy", copy_from(toy, toy_data))])


def test_a_named_folder_is_the_only_place_looked_at(toy_data: Path, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"nowhere.*--data-dir.*no such folder"):
        load_training(data_dir=tmp_path / "nowhere")
    partial_copy = tmp_path / "partial"
    shutil.copytree(toy_data, partial_copy)
    (partial_copy / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("FASHIONLAB_DATA", str(partial_copy))
    with pytest.raises(DataError, match=r"partial \(FASHIONLAB_DATA\).*: t10k-labels-idx1-ubyte missing"):
        load_training()
    with pytest.raises(DataError, match="sha256"):  # complete, but not Fashion-MNIST
        load_training(data_dir=toy_data)


def test_a_set_without_hashes_says_so(toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not verified" in load_training("mnist", data_dir=toy_data).source
    monkeypatch.setenv("FASHIONLAB_DATA", str(tmp_path))
    shutil.copytree(toy_data, tmp_path / "kmnist")
    kmnist = load_training("kmnist")
    assert kmnist.classes[0] == "o" and str(tmp_path / "kmnist") in kmnist.source


def test_a_system_copy_is_found_after_the_cache(toy_data: Path, tmp_path: Path) -> None:
    system, cached = tmp_path / "share" / "datasets" / "mnist", tmp_path / "cache" / "fashionlab" / "data" / "mnist"
    shutil.copytree(toy_data, system)
    assert str(system) in load_training("mnist").source and fetch_named("mnist") == system
    shutil.copytree(toy_data, cached)
    assert str(cached) in load_training("mnist").source


def test_the_cache_is_found(toy_data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no address is known"):
        load_training("mnist")
    folder = tmp_path / "cache" / "fashionlab" / "data" / "mnist"
    shutil.copytree(toy_data, folder)
    assert len(load_training("mnist")) == 600
    assert fetch_named("mnist") == folder
    copied = fetch_named("mnist", tmp_path / "copy")
    assert copied == tmp_path / "copy" and _names(copied) == _names(folder)
    assert fetch_named("mnist", tmp_path / "copy") == copied
