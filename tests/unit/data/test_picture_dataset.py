"""Named data sets of picture files: fetched from a server on this machine or in a folder, known by their contents."""

from __future__ import annotations

import http.server
import json
import multiprocessing
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.errors import DataError, UsageError
from fashionlab.data import DATASETS, load_training, routes
from fashionlab.data.fetch import fetch, is_whole
from fashionlab.data.git_ids import blob_id, tree_id
from fashionlab.data.held_out import load_test
from fashionlab.data.locate import fetch_named, locate
from fashionlab.data.picture_dataset import Edition, PictureDataset
from fashionlab.data.routes import from_archive
from shared_data import shared_photos
from toys import Result

Cli = Callable[..., Result]
NAME = "toy-photos"
CLASSES = ("hat", "sock", "t-shirt")
COUNTS = {"train": 8, "validation": 2, "test": 3}  # a class


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.delenv("FASHIONLAB_DATA", raising=False)


def _write(folder: Path, size: int) -> Path:
    """A set whose pictures' longer sides are `size`; their colours tell class and number."""
    for part, count in COUNTS.items():
        for label, name in enumerate(CLASSES):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                colour = (80 * label + 40, 10 * number, 20 * len(part))
                Image.new("RGB", (size, size - 8), colour).save(folder / part / name / f"{part}-{number}.png")
    return folder


def _write_labels(folder: Path) -> None:
    """Pictures of one number are of one sender."""
    rows = [f"{path.relative_to(folder).as_posix()},{path.parent.name},{path.parent.parent.name},s{path.stem[-1]}"
            for path in sorted(folder.glob("*/*/*.png"))]
    (folder / "labels.csv").write_text("\n".join(["file,label,part,sender", *rows]) + "\n")


def _ids(folder: Path) -> dict[str, str]:
    ids = {part: tree_id(folder / part) for part in COUNTS}
    labels = folder / "labels.csv"
    return {**ids, "labels.csv": blob_id(labels)} if labels.exists() else ids


@dataclass(frozen=True)
class Toy:
    """originals, reduced: folders with the two editions. entry: what the catalog says of them."""

    originals: Path
    reduced: Path
    entry: PictureDataset


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A named data set, in the catalog, whose address answers nothing."""
    originals, reduced = _write(tmp_path / "originals", 96), _write(tmp_path / "reduced", 72)
    _write_labels(reduced)
    entry = PictureDataset(NAME, "toy photographs", CLASSES, f"{_closed_port()}toy.zip",
                           (Edition("originals (verified)", _ids(originals)), Edition("the copy", _ids(reduced))),
                           {"sender": "senders are not known there"}, ("a toy",))
    DATASETS.names()  # all others are there before
    monkeypatch.setitem(DATASETS._entries, NAME, entry)
    return Toy(originals, reduced, entry)


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


def _closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def _packed(folder: Path, archive: Path, top: str = "toy-1234/") -> Path:
    """The archive as GitHub makes it: one folder, with files about the set beside the parts."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr(f"{top}README.md", "toy")
        for path in sorted(folder.rglob("*")):
            stream.write(path, top + path.relative_to(folder).as_posix())
    return archive


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _way(address: str) -> list[tuple[str, routes.Route]]:
    return [("server", from_archive(address, tuple(COUNTS), timeout=5))]


def test_fetched_verified_and_not_fetched_again(toy: Toy, served: Callable[[Path], str], tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    address = served(_packed(toy.originals, tmp_path / "toy.zip"))
    monkeypatch.setitem(DATASETS._entries, NAME, replace(toy.entry, address=address))
    folder = tmp_path / "cache" / "fashionlab" / "data" / NAME
    result = cli("data", "fetch", NAME)
    assert (result.code, result.out) == (0, f"{folder}\n"), result
    assert _names(folder) == ["test", "train", "validation"]  # what was not verified is not kept
    assert _ids(folder) == _ids(toy.originals)
    monkeypatch.setitem(DATASETS._entries, NAME, toy.entry)  # nobody answers any more
    assert fetch_named(NAME) == folder
    training, test = load_training(NAME), load_test(NAME)
    assert training.source == test.source == f"{NAME}, originals (verified)"
    assert training.classes == CLASSES and training.notes[0] == "a toy"
    assert training.validation is not None and len(training.validation) == 6
    assert (len(training), len(test)) == (30, 9)
    copied = fetch_named(NAME, tmp_path / "mine")
    assert copied == tmp_path / "mine" / NAME and _ids(copied) == _ids(folder)
    assert fetch_named(NAME, tmp_path / "mine") == fetch_named(NAME, copied) == copied


def test_training_fetches_it(toy: Toy, served: Callable[[Path], str], tmp_path: Path,
                             monkeypatch: pytest.MonkeyPatch) -> None:
    address = served(_packed(toy.originals, tmp_path / "toy.zip"))
    monkeypatch.setitem(DATASETS._entries, NAME, replace(toy.entry, address=address))
    assert load_training(NAME).source == f"{NAME}, originals (verified)"


def test_a_copy_has_its_list_too(toy: Toy, tmp_path: Path) -> None:
    shutil.copytree(toy.reduced, tmp_path / "share" / "datasets" / NAME)
    folder = fetch_named(NAME, tmp_path / "mine")
    assert _names(folder) == ["labels.csv", "test", "train", "validation"] and _ids(folder) == _ids(toy.reduced)


def _other_picture(folder: Path) -> None:
    Image.new("RGB", (9, 9)).save(folder / "validation" / "hat" / "validation-0.png")


def _one_more(folder: Path) -> None:
    shutil.copyfile(folder / "test" / "hat" / "test-0.png", folder / "test" / "hat" / "test-9.png")


def _one_less(folder: Path) -> None:
    (folder / "train" / "sock" / "train-0.png").unlink()


@pytest.mark.parametrize(("change", "what"), [
    (_other_picture, "validation: other files"), (_one_more, "test: other files"), (_one_less, "train: other files"),
    (lambda folder: shutil.rmtree(folder / "test"), "test missing"),
])
def test_other_content_is_refused_and_nothing_kept(toy: Toy, served: Callable[[Path], str], tmp_path: Path,
                                                   change: Callable[[Path], None], what: str) -> None:
    changed = Path(shutil.copytree(toy.originals, tmp_path / "changed"))
    change(changed)
    address = served(_packed(changed, tmp_path / "toy.zip"))
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
    whole = _packed(toy.originals, tmp_path / "whole.zip").read_bytes()

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
        _packed(toy.originals, tmp_path / "tops.zip", tops)
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
    assert mine.read_bytes() == b"mine" and _names(mine.parents[1]) == [part]


def _fetch_and_report(entry: PictureDataset, target: Path, address: str, barrier: object, results: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    fetch(entry, target, _way(address))
    results.put(is_whole(entry, target))  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("locks", ["locked", "without locks"])
def test_two_processes_at_once(toy: Toy, served: Callable[[Path], str], tmp_path: Path, locks: str) -> None:
    if locks == "without locks":
        (tmp_path / "cache").write_text("no folder")
    address = served(_packed(toy.originals, tmp_path / "toy.zip"))
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
    assert _names(tmp_path / "target") == ["test", "train", "validation"]


def test_a_folder_is_it_or_holds_it_and_says_which_edition(toy: Toy, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, what in ((toy.originals, "originals (verified)"), (toy.reduced, "the copy")):
        assert locate(NAME, folder).describe == f"{NAME}, {what}"
        holds = tmp_path / f"holds-{folder.name}"
        shutil.copytree(folder, holds / NAME)
        assert locate(NAME, holds).describe == f"{NAME}, {what}"
        monkeypatch.setenv("FASHIONLAB_DATA", str(holds))
        assert load_training(NAME).source == load_test(NAME).source == f"{NAME}, {what}"
    monkeypatch.delenv("FASHIONLAB_DATA")
    for change in (_other_picture, _one_less, lambda folder: (folder / "labels.csv").unlink()):
        changed = Path(shutil.copytree(toy.reduced, tmp_path / f"changed-{change.__name__.strip('<>')}"))
        change(changed)
        assert locate(NAME, changed).describe == f"{NAME}, in {changed} (not verified)"
    (toy.originals / "labels.csv").write_text("file,sender\n")
    assert locate(NAME, toy.originals).describe == f"{NAME}, originals (verified)"


def test_a_test_part_that_is_another_one_is_noticed_when_it_is_read(toy: Toy) -> None:
    _one_more(toy.originals)
    assert load_training(NAME, data_dir=toy.originals).source == f"{NAME}, originals (verified)"
    with pytest.raises(DataError, match=r"originals/test: other files than those of toy-photos, originals"):
        load_test(NAME, data_dir=toy.originals)
    _other_picture(toy.originals)
    assert len(load_test(NAME, data_dir=toy.originals)) == 10  # of a set that is not verified all is taken


def test_folders_that_are_not_the_set(toy: Toy, tmp_path: Path, cli: Cli) -> None:
    shutil.rmtree(toy.originals / "validation")
    with pytest.raises(DataError, match=rf"originals \(--data-dir\) does not hold {NAME}: folder validation missing"):
        locate(NAME, toy.originals)
    with pytest.raises(DataError, match=r"nowhere \(--data-dir\).*no such folder"):
        locate(NAME, tmp_path / "nowhere")
    (toy.reduced / "train" / "scarf").mkdir()
    shutil.copy(toy.reduced / "train" / "hat" / "train-0.png", toy.reduced / "train" / "scarf")
    result = cli("data", "info", NAME, "--data-dir", toy.reduced)
    assert result.code == 3 and "scarf: no such class, expected one of hat, sock, t-shirt" in result.err


def test_senders_are_those_of_the_list(toy: Toy, cli: Cli) -> None:
    for load in (load_training, load_test):
        pictures = load(NAME, data_dir=toy.reduced, group="sender")
        assert pictures.groups is not None and pictures.files is not None
        numbers = [Path(file).stem[-1] for file in pictures.files]
        same = np.array(numbers)[:, None] == np.array(numbers)
        np.testing.assert_array_equal(pictures.groups[:, None] == pictures.groups, same)
    labels = toy.reduced / "labels.csv"
    lines = labels.read_text().splitlines()
    labels.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")  # by the file, not by the place
    np.testing.assert_array_equal(load_test(NAME, data_dir=toy.reduced, group="sender").groups, pictures.groups)

    result = cli("data", "info", NAME, "--data-dir", toy.originals, "--group", "sender")
    assert result.code == 2 and "--group sender: " in result.err and "senders are not known there" in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert load_training(NAME, data_dir=toy.originals, group="-([0-9])").groups is not None  # a pattern does
    with pytest.raises(UsageError, match="no column of that name"):
        load_training(NAME, data_dir=toy.reduced, group="sendr")


@pytest.mark.parametrize(("lines", "what"), [
    (["file,sender", "train/hat/train-0.png,1"], "labels.csv: no row for validation/hat/validation-0.png"),
    (["picture,sender", "train/hat/train-0.png,1"], "labels.csv: no column 'file'"),
    (["file,sender"], "labels.csv: holds no rows"),
])
def test_a_list_that_does_not_know_the_pictures(toy: Toy, lines: list[str], what: str) -> None:
    (toy.originals / "labels.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=what):
        load_training(NAME, data_dir=toy.originals)


def test_a_training_uses_the_parts_and_says_what_it_was_given(toy: Toy, tmp_path: Path, cli: Cli) -> None:
    words = ["--set", f"data.dataset={NAME}", "--data-dir", toy.reduced, "--set", "epochs=1", "--set",
             "data.image_size=32"]
    result = cli("train", "three-linear", *words, "--name", "toy")
    assert result.code == 0, result
    assert "data: 24 training and 6 validation pictures of 3 classes" in result.err and "the copy" in result.err
    run = tmp_path / "runs" / "toy"
    record = json.loads((run / "environment.json").read_text())["data"]
    assert (record["source"], record["train"], record["validation"]) == (f"{NAME}, the copy", 24, 6)
    assert "validation: given" in (run / "recipe.yaml").read_text()
    result = cli("evaluate", run, "--data-dir", toy.originals)
    assert result.code == 3 and "not those that" in result.err and "originals (verified)" in result.err
    result = cli("train", "three-linear", *words, "--name", "grouped", "--group", "sender")
    # The validation part has pictures 0 and 1 of each class, training 0 to 7.
    assert result.code == 0 and "2 of 8 groups are in the training and in the validation part" in result.err, result


_AUDITED = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
from fashionlab import recipes
from fashionlab.data import DATASETS
from fashionlab.data.picture_dataset import Edition, PictureDataset
from fashionlab.training import session
entry = {entry!r}
DATASETS.names()
DATASETS.add(entry.name, entry)
folder = Path({folder!r})
fitted = recipes.load_fitted("three-linear", {{"data.dataset": entry.name, "epochs": 1, "data.image_size": 32}}, folder)
session.start(fitted.recipe, Path({run!r}), session.Options(data_dir=folder))
inside = {{path.parts[len(folder.parts)] for path in map(Path, opened) if path.is_relative_to(folder)}}
print(*sorted(name for name in inside if (folder / name).exists()))
"""


def test_no_file_of_the_test_part_is_opened_while_training(toy: Toy, tmp_path: Path) -> None:
    script = _AUDITED.format(entry=toy.entry, folder=str(toy.reduced), run=str(tmp_path / "run"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["labels.csv", "train", "validation"], done.stderr


def test_the_photographs_by_name() -> None:
    folder = shared_photos()
    source = locate("clothing-photos", folder.parent)
    assert source.describe == "clothing-photos, the copy reduced to 224 px"
    assert source.classes == DATASETS["clothing-photos"].classes
    assert {part: len(read()) for part, read in source.parts.items()} == {"train": 3068, "val": 341, "test": 372}
    assert fetch_named("clothing-photos", folder.parent) == folder
