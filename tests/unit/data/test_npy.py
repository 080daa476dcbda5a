"""Pairs of .npy files in one folder, and one such file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.data import load_training
from fashionlab.data.formats import lone_file
from fashionlab.data.held_out import load_test
from fashionlab.data.resident import ResidentPictures

DRAW = np.random.default_rng(8)
IMAGES = DRAW.integers(0, 256, (12, 9, 10, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def save(folder: Path, **arrays: Any) -> str:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return str(folder)


@pytest.mark.parametrize(("x", "y"), [("x_{}", "y_{}"), ("X_{}", "y_{}"), ("{}_images", "{}_labels")])
def test_all_three_parts(tmp_path: Path, x: str, y: str) -> None:
    arrays = {}
    for part, n in (("train", 12), ("val", 4), ("test", 5)):
        arrays |= {x.format(part): IMAGES[:n], y.format(part): LABELS[:n]}
    pictures, test = load_training(save(tmp_path, **arrays)), load_test(str(tmp_path))
    assert pictures.validation is not None and pictures.validation.tolist() == [12, 13, 14, 15]
    np.testing.assert_array_equal(pictures.images, np.concatenate([IMAGES, IMAGES[:4]]).transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(test.images, IMAGES[:5].transpose(0, 3, 1, 2))
    assert test.labels.tolist() == LABELS[:5].tolist()


def test_one_pair_other_files_and_class_names(tmp_path: Path) -> None:
    save(tmp_path, X=IMAGES, y=LABELS, extra=LABELS)
    (tmp_path / "notes.md").write_text("mine")
    (tmp_path / "old").mkdir()
    (tmp_path / "classes.txt").write_text("hat\ncoat\nbag\n")
    pictures = load_training(str(tmp_path))
    assert pictures.classes == ("hat", "coat", "bag") and len(pictures) == 10
    assert sorted(Path(one.file).name.rpartition(": ")[2] for one in pictures.left_out) == ["extra", "notes.md", "old"]


def test_large_arrays_of_bytes_stay_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES, y_test=LABELS)
    in_memory = load_training(path)
    assert not isinstance(in_memory.images, np.memmap)
    monkeypatch.setenv("FASHIONLAB_MEMORY_BUDGET_MB", "0")
    mapped = load_training(path)
    assert isinstance(mapped.images, np.memmap) and mapped.sha256 == in_memory.sha256
    indices = np.array([7, 2, 11])
    batch = ResidentPictures.from_set(mapped, indices, "cpu").take(torch.tensor([1, 0]))
    np.testing.assert_array_equal(batch[1].numpy(), in_memory.images[[2, 7]])


def test_training_opens_no_file_of_the_test_part(tmp_path: Path) -> None:
    path = save(tmp_path, x_train=IMAGES, y_train=LABELS)
    for name in ("x_test", "y_test"):
        (tmp_path / f"{name}.npy").write_bytes(b"broken")
    assert len(load_training(path)) == 12
    with pytest.raises(DataError, match=r"x_test\.npy"):
        load_test(path)


class Harmful:
    """A pickle that leaves a file behind where it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["x_train", "y_train"])
def test_a_pickle_is_not_loaded(tmp_path: Path, name: str) -> None:
    save(tmp_path, x_train=IMAGES, y_train=LABELS)
    mark = tmp_path / "mark"
    np.save(tmp_path / f"{name}.npy", np.array([Harmful(mark)] * 12, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=rf"{name}\.npy: .*pickle"):
        load_training(str(tmp_path))
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"\x80\x04N.", None], ids=["empty", "magic", "pickle", "cut"])
def test_damage_is_named(tmp_path: Path, content: bytes | None) -> None:
    save(tmp_path, x_train=IMAGES, y_train=LABELS)
    file = tmp_path / "x_train.npy"
    file.write_bytes(file.read_bytes()[:-9] if content is None else content)
    with pytest.raises(DataError, match=r"x_train\.npy"):
        load_training(str(tmp_path))


def test_pictures_alone_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'y_train' is missing: 'images' has no labels"):
        load_training(save(tmp_path, images=IMAGES))


@pytest.mark.parametrize("names", [("X", "x_train"), ("x_test", "y_test"), ("y",), ("arr_0", "arr_1", "arr_2")])
def test_beside_class_folders_what_is_no_whole_set_is_left_out(tmp_path: Path, names: tuple[str, ...]) -> None:
    for number, name in enumerate(["hat/1.png", "hat/2.png", "shoe/3.png", "shoe/4.png"] * 3):
        path = tmp_path / name.replace(".", f"{number}.")
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(IMAGES[number]).save(path)
    pictures = load_training(save(tmp_path, **dict.fromkeys(names, LABELS)))
    assert pictures.classes == ("hat", "shoe")
    assert {one.file for one in pictures.left_out} == {f"{name}.npy" for name in names}


def test_files_of_other_names_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"it holds 2 \.npy files; expected .*x_train\.npy"):
        load_training(save(tmp_path, a=IMAGES, b=LABELS))


def test_two_files_of_one_meaning_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'X' and 'x_train' may both be"):
        load_training(save(tmp_path, x_train=IMAGES, X=IMAGES, y=LABELS))


@pytest.mark.parametrize(("name", "array", "expected"), [
    ("x_test", IMAGES, IMAGES.transpose(0, 3, 1, 2)), ("new", IMAGES, IMAGES.transpose(0, 3, 1, 2)),
    ("new", IMAGES[..., 0], IMAGES[:, None, :, :, 0]), ("new", IMAGES[0, :, :, 0], IMAGES[:1, None, :, :, 0]),
    ("new", IMAGES / 255, IMAGES.transpose(0, 3, 1, 2)),
    ("X", IMAGES[:, :8, :8, 0].reshape(12, 64), IMAGES[:, None, :8, :8, 0]),
])
def test_a_file_alone(tmp_path: Path, name: str, array: np.ndarray, expected: np.ndarray) -> None:
    reader = lone_file(f"{name}.npy")
    assert reader
    np.testing.assert_array_equal(reader.read(Path(save(tmp_path, **{name: array})) / f"{name}.npy"), expected)


@pytest.mark.parametrize(("array", "expected"), [
    (np.zeros((64, 64), dtype=np.uint8), "one picture or 64 rows of 8 x 8"),
    (IMAGES[0], "one colour picture or 9 grey ones"), (LABELS, "pictures of shape"),
    (np.zeros(()), "pictures of shape"),
    (np.zeros((0, 9, 9)), "holds no pictures"), (np.array(["a"]), "expected numbers"),
    (DRAW.normal(size=(3, 9, 9)), "undo what normalised them"),
])
def test_a_file_alone_that_can_not_be_understood(tmp_path: Path, array: np.ndarray, expected: str) -> None:
    reader = lone_file("new.npy")
    assert reader
    with pytest.raises(DataError, match=rf"new\.npy.*{expected}"):
        reader.read(Path(save(tmp_path, new=array)) / "new.npy")
