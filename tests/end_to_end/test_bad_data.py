"""Unusable data of every kind, through the command line: a clear message, the right status, nothing left behind."""

from __future__ import annotations

import gzip
import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toys import Result, idx_bytes, toy_pictures, unmeasured

Cli = Callable[..., Result]
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


@pytest.fixture(autouse=True)
def _no_named_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASHIONLAB_DATA", raising=False)


def _listing(folder: Path) -> dict[str, int]:
    """All files below `folder` with their sizes; locks and other traces in the cache count too."""
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def _refused(cli: Cli, tmp_path: Path, *arguments: object, names: str, code: int = 3) -> str:
    """Run the command; it must end with `code`, at most two lines that name `names`, and leave every file as it was."""
    before = _listing(tmp_path)
    result = cli(*arguments)
    assert result.code == code, result
    assert result.out == ""
    assert 1 <= len(result.err.strip().splitlines()) <= 2, result.err
    assert names in result.err
    assert _listing(tmp_path) == before
    return result.err


@pytest.fixture
def toy(toy_data: Path, tmp_path: Path) -> Path:
    """A copy of the toy files, to be damaged."""
    return Path(shutil.copytree(toy_data, tmp_path / "toy"))


def _pack(array: np.ndarray) -> bytes:
    return gzip.compress(idx_bytes(array))


@pytest.mark.parametrize(("file", "damage", "expected"), [
    (TRAIN_IMAGES, lambda data: data[: len(data) // 2], "truncated or damaged"),
    (TRAIN_LABELS, lambda data: data[:30], "truncated or damaged"),
    (TRAIN_IMAGES, lambda data: gzip.decompress(data)[:5000], "only 4,984 follow"),
    (TRAIN_IMAGES, lambda data: gzip.compress(b"\0\0\r\3" + gzip.decompress(data)[4:]), "magic number 0x00000d03"),
    (TRAIN_LABELS, lambda data: _pack(np.arange(599, dtype=np.uint8) % 10), "600 pictures"),
    (TRAIN_LABELS, lambda data: _pack(np.r_[np.arange(599) % 10, 200].astype(np.uint8)), "label 200"),
    ("t10k-labels-idx1-ubyte.gz", lambda data: _pack(np.r_[np.arange(199) % 10, 10].astype(np.uint8)), "label 10"),
    ("t10k-images-idx3-ubyte.gz", lambda data: b"", "magic number"),
], ids=["cut-gzip", "cut-labels", "cut-plain", "magic", "counts", "label", "test-label", "empty"])
def test_damaged_idx_files(cli: Cli, toy: Path, tmp_path: Path, file: str, damage: Callable[[bytes], bytes],
                           expected: str) -> None:
    path = toy / file
    path.write_bytes(damage(path.read_bytes()))
    assert expected in _refused(cli, tmp_path, "data", "info", toy, names=file)
    _refused(cli, tmp_path, "data", "convert", toy, "out", "--to", "csv", names=file)


def test_an_incomplete_set(cli: Cli, toy: Path, tmp_path: Path) -> None:
    (toy / TRAIN_LABELS).unlink()
    assert "train labels" in _refused(cli, tmp_path, "data", "info", toy, names=str(toy))
    message = _refused(cli, tmp_path, "data", "info", "--data-dir", toy, names="train-labels-idx1-ubyte missing")
    assert "fashionlab data fetch" in message


def test_other_files_under_fashion_mnists_names(cli: Cli, toy: Path, tmp_path: Path) -> None:
    assert "sha256" in _refused(cli, tmp_path, "data", "info", "--data-dir", toy, names=TRAIN_IMAGES)


def _table() -> list[list[str]]:
    pictures, labels = toy_pictures(30, seed=1)
    header = ["label", *(f"pixel{i}" for i in range(1, 785))]
    rows = [[str(label), *map(str, picture.ravel())] for label, picture in zip(labels, pictures, strict=True)]
    return [header, *rows]


def _set_value(rows: list[list[str]], value: str) -> None:
    rows[7][100] = value


@pytest.mark.parametrize(("damage", "expected"), [
    (lambda rows: [row.pop(300) for row in rows], "line 1, column 301 is 'pixel301', expected 'pixel300'"),
    (lambda rows: _set_value(rows, "x"), "line 8, column pixel100: 'x'"),
    (lambda rows: _set_value(rows, "256"), "line 8, column pixel100: '256'"),
    (lambda rows: _set_value(rows, "-3"), "line 8, column pixel100: '-3'"),
    (lambda rows: rows[12].pop(), "line 13 has 784 columns, expected 785"),
    (lambda rows: rows[3].append("0"), "line 4 has 786 columns, expected 785"),
], ids=["missing-column", "letter", "256", "negative", "short-row", "long-row"])
def test_damaged_tables(cli: Cli, tmp_path: Path, damage: Callable[[list[list[str]]], object], expected: str) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in ("fashion-mnist_train.csv", "fashion-mnist_test.csv"):
        rows = _table()
        if "train" in name:
            damage(rows)
        (folder / name).write_text("".join(",".join(row) + "\n" for row in rows))
    assert expected in _refused(cli, tmp_path, "data", "info", folder, names="fashion-mnist_train.csv")


def _pictures(root: Path, classes: tuple[str, ...] = ("boot", "shirt")) -> Path:
    pictures, _ = toy_pictures(24, seed=1)
    for index, picture in enumerate(pictures):
        path = root / classes[index % len(classes)] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return root


def test_image_folders_without_enough_in_them(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _refused(cli, tmp_path, "data", "info", "empty", names="empty")
    one = _pictures(tmp_path / "one", classes=("boot",))
    assert "only 1 class" in _refused(cli, tmp_path, "data", "info", one, names=str(one))


def test_a_broken_picture_among_good_ones(cli: Cli, tmp_path: Path) -> None:
    root = _pictures(tmp_path / "clothes")
    broken = root / "boot" / "6.png"
    broken.write_bytes(broken.read_bytes()[:100])
    assert "--skip-unreadable" in _refused(cli, tmp_path, "data", "show", root, names=str(broken))
    shown = cli("data", "info", root)
    assert shown.code == 0 and "left out, " in shown.out and "boot/6.png" in shown.out
    result = cli("data", "convert", root, "out.npz", "--to", "npz", "--skip-unreadable")
    assert result.code == 0 and f"skipped {broken}" in result.err
    with np.load("out.npz") as archive:
        assert len(archive["y_train"]) + len(archive["y_test"]) == 23


def test_a_picture_of_a_hundred_megapixels(cli: Cli, tmp_path: Path) -> None:
    root = _pictures(tmp_path / "clothes")
    Image.new("L", (10_000, 10_000)).save(root / "shirt" / "huge.png")
    message = _refused(cli, tmp_path, "data", "show", root, names="huge.png")
    assert "10000 x 10000 pixels" in message and "warning" not in message.lower()


class _Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch executed",)


def test_a_pickle_in_an_archive_is_never_executed(cli: Cli, tmp_path: Path) -> None:
    np.savez("evil.npz", x_train=np.array([_Code()]), y_train=np.zeros(1, dtype=int))
    _refused(cli, tmp_path, "data", "info", "evil.npz", names="evil.npz")
    Path("plain.npz").write_bytes(pickle.dumps(_Code()))
    _refused(cli, tmp_path, "data", "info", "plain.npz", names="plain.npz")
    assert not Path("executed").exists()


def test_unknown_names_and_missing_paths(cli: Cli, tmp_path: Path) -> None:
    message = _refused(cli, tmp_path, "data", "info", "fasion-mnist", names="'fasion-mnist'", code=2)
    assert "did you mean 'fashion-mnist'" in message
    _refused(cli, tmp_path, "data", "info", "./nothing", names="./nothing")
    _refused(cli, tmp_path, "data", "fetch", "nothing", names="'nothing'", code=2)


def test_targets_in_use_and_wrong_targets(cli: Cli, toy: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    _refused(cli, tmp_path, "data", "convert", toy, "taken", "--to", "csv", names="taken", code=2)
    _refused(cli, tmp_path, "data", "convert", toy, "new", "--to", "tsv", names="'tsv'", code=2)
    (tmp_path / "sheet.png").write_text("a picture of mine")
    _refused(cli, tmp_path, "data", "show", toy, "--out", "sheet.png", names="sheet.png", code=2)
    _refused(cli, tmp_path, "data", "show", toy, "--out", "sheet.jpg", names="sheet.jpg", code=2)
    _refused(cli, tmp_path, "data", "show", toy, "--out", "sheet.png/x.png", names="sheet.png/x.png", code=1)
    _refused(cli, tmp_path, "data", "convert", toy, "sheet.png/x", "--to", "idx", names="sheet.png/x", code=1)


@pytest.mark.slow
def test_a_full_disk(toy: Path, tmp_path: Path) -> None:
    """The kernel refuses to let files grow beyond 2,000 bytes, as a full disk would."""
    script = ("import resource, sys; from fashionlab.cli.main import run\n"
              "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
              "print(run(['data', 'convert', sys.argv[1], 'out', '--to', 'csv']))\n"
              "print(run(['data', 'show', sys.argv[1], '--out', 'sheet.png']))\n")
    before = _listing(tmp_path)
    done = subprocess.run([sys.executable, "-c", script, toy], capture_output=True, text=True, check=True, cwd=tmp_path,
                          env=unmeasured())
    assert done.stdout.split() == ["1", "1"]
    assert done.stderr.splitlines() == ["fashionlab: cannot write out: File too large",
                                        "fashionlab: cannot write sheet.png: File too large"]
    assert _listing(tmp_path) == before


def test_no_network(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is a closed port and no apt-get is in reach, so nothing can be fetched."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, closed)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "no-system-copy"))
    for command in ("info", "fetch"):
        result = cli("data", command)
        assert result.code == 3 and result.out == ""
        message = result.err[result.err.index("fashionlab: ") :]
        assert len(message.splitlines()) == 2 and "--data-dir" in message
        assert "amazonaws" in message and "githubusercontent" in message and "apt-get is not on this machine" in message
        assert [path for path in _listing(tmp_path) if not path.endswith(".lock")] == []
    before = _listing(tmp_path)
    assert cli("data", "fetch", "--data-dir", "new").code == 3
    assert not Path("new").exists() and len(_listing(tmp_path)) <= len(before) + 1
