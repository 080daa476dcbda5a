"""IDX files of other parts than training and test, and folders around them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from fashionlab.common.errors import DataError
from fashionlab.data import load_training
from fashionlab.data.folder_contents import wrapped
from fashionlab.data.formats import lone_file, recognise
from fashionlab.data.held_out import load_test
from toys import idx_bytes


def write(folder: Path, prefix: str, n: int, seed: int = 0) -> np.ndarray:
    images = np.random.default_rng(seed).integers(0, 256, (n, 4, 4), dtype=np.uint8)
    folder.mkdir(exist_ok=True)
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes((np.arange(n) % 3).astype(np.uint8)))
    return images


def test_of_the_training_pair_alone_a_sixth_is_held_out(tmp_path: Path) -> None:
    images = write(tmp_path, "train", 18)
    training, test = load_training(str(tmp_path)), load_test(str(tmp_path))
    assert (len(training), len(test)) == (15, 3) and any("held out" in note for note in training.notes)
    together = sorted(one.tobytes() for one in [*training.images, *test.images])
    assert together == sorted(one.tobytes() for one in images)


@pytest.mark.parametrize("word", ["val", "valid", "validation", "dev", "eval"])
def test_a_validation_pair_is_used_as_such(tmp_path: Path, word: str) -> None:
    write(tmp_path, "train", 9)
    write(tmp_path, "t10k", 3)
    images = write(tmp_path, word, 4, seed=1)
    training = load_training(str(tmp_path))
    assert training.validation is not None
    np.testing.assert_array_equal(training.images[training.validation, 0], images)
    assert len(load_test(str(tmp_path))) == 3


def test_the_test_pair_alone_is_named(tmp_path: Path) -> None:
    write(tmp_path, "t10k", 3)
    with pytest.raises(DataError, match="the IDX file of the train images and the train labels is missing"):
        load_training(str(tmp_path))


def test_two_pairs_of_one_part_are_refused(tmp_path: Path) -> None:
    for prefix in ("train", "t10k", "test"):
        write(tmp_path, prefix, 3)
    with pytest.raises(DataError, match=r"t10k-\S* and test-\S* may both be the test"):
        load_training(str(tmp_path))


def test_swapped_files_are_named(tmp_path: Path) -> None:
    write(tmp_path, "train", 9)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    content = images.read_bytes()
    images.write_bytes(labels.read_bytes())
    labels.write_bytes(content)
    with pytest.raises(DataError, match=r"train-images\S* .*; it holds labels, are the two files swapped"):
        load_training(str(tmp_path))


@pytest.mark.parametrize(("shape", "last", "note"), [
    ((9, 5, 4, 3), True, None), ((9, 3, 5, 4), False, "[N, C, H, W]"), ((9, 3, 5, 3), True, "[N, H, W, C]")])
def test_an_order_of_axes_that_is_unusual_or_open_is_told(
        tmp_path: Path, shape: tuple[int, ...], last: bool, note: str | None,
        capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "train", 9)
    write(tmp_path, "t10k", 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(idx_bytes(images))
    training = load_training(str(tmp_path))
    np.testing.assert_array_equal(training.images, images.transpose(0, 3, 1, 2) if last else images)
    expected = [] if note is None else [f"{file}: pictures of shape {list(shape)} are taken for {note}"]
    assert list(training.notes) == expected
    reader = lone_file(file.name)
    assert reader is not None
    np.testing.assert_array_equal(reader.read(file), training.images)
    assert capsys.readouterr().err.splitlines() == expected


def test_what_lies_beside_is_told(tmp_path: Path) -> None:
    write(tmp_path, "train", 9)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"an older one")
    (tmp_path / "train.csv").write_text("label,pixel1\n")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "classes.txt").write_text("a\nb\nc\n")
    files = {Path(one.file).name: one.reason for one in load_training(str(tmp_path)).left_out}
    assert files.keys() == {"train-labels-idx1-ubyte.gz", "train.csv", ".cache"}
    assert "hidden" in files[".cache"]


def test_pictures_of_emnist_from_a_path_are_said_to_lie(tmp_path: Path) -> None:
    write(tmp_path, "emnist-balanced-train", 9)
    assert any("--dataset emnist-balanced" in note for note in load_training(str(tmp_path)).notes)


def test_folders_around_everything_are_looked_through(tmp_path: Path) -> None:
    inner = tmp_path / "download" / "fashion"
    inner.mkdir(parents=True)
    images = write(inner, "train", 18)
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "LICENSE").write_text("mine")
    (tmp_path / ".DS_Store").write_text("")
    (tmp_path / "download" / "__MACOSX").mkdir()
    training = load_training(str(tmp_path))
    assert {one.tobytes() for one in training.images} < {one.tobytes() for one in images}
    assert any("looked through" in note and str(Path("download/fashion")) in note for note in training.notes)
    assert {one.file for one in training.left_out} == {"README.md", "LICENSE", ".DS_Store", "download/__MACOSX"}


def test_a_file_that_is_all_there_is_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((12, 4, 4), dtype=np.uint8), y=np.arange(12) % 2)
    (tmp_path / "readme.txt").write_text("about")
    assert len(load_training(str(tmp_path))) == 10


def test_links_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(wrapped(tmp_path)) < 20


@pytest.mark.parametrize(("files", "expected"), [
    ({}, "an empty folder"), ({".hidden": b""}, "an empty folder"),
    ({"1.jpg": b"", "2.png": b"", "b": b"\xff\xd8\xff\xe0"}, "it holds 3 pictures without class folders"),
    ({"a.txt": b"", "b.TXT": b"", "c": b"", "4.png": b""},
     "it holds 2 .txt files, 1 picture without class folders, 1 file"),
])
def test_a_folder_that_is_no_data_set(tmp_path: Path, files: dict[str, bytes], expected: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"no data set: {re.escape(expected)}; expected .*own-pictures"):
        recognise(tmp_path)


def test_a_file_that_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match=r"letter\.txt: no data set: a \.txt file of 4 bytes"):
        recognise(tmp_path / "letter.txt")
    with pytest.raises(DataError, match="no such file or folder"):
        recognise(tmp_path / "nothing")
