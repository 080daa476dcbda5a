"""NPZ archives under other names and in other forms than x_train and bytes."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data import load_training
from fashionlab.data.array_names import understand
from fashionlab.data.formats import lone_file, recognise
from fashionlab.data.formats.npz import NpzFile, write_npz
from fashionlab.data.held_out import load_test
from fashionlab.data.npy_header import check_memory
from fashionlab.data.source import Part
from fashionlab.preparation.files import from_deep_grey
from shared_data import shared_case

DRAW = np.random.default_rng(7)
IMAGES = DRAW.integers(0, 256, (12, 9, 8), dtype=np.uint8)
LABELS = np.arange(12) % 3


def save(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "set.npz", **arrays)
    return str(folder / "set.npz")


def training(folder: Path, images: np.ndarray, labels: np.ndarray = LABELS, **more: Any) -> PictureSet:
    """What is read of an archive; its test part is there, so that nothing is held out."""
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    return load_training(save(folder, **arrays | more))


@pytest.mark.parametrize(("x", "y"), [
    ("x_train", "y_train"), ("X_train", "Y_train"), ("X_TRAIN", "y_train"), ("train_x", "train_y"),
    ("xTrain", "yTrain"),
    ("train_images", "train_labels"), ("images_train", "labels_train"), ("training-images", "training-labels"),
    ("train.data", "train.targets"), ("X", "y"), ("x", "y"), ("images", "labels"), ("image", "label"),
    ("data", "target"), ("arr_0", "arr_1"),
])
def test_training_pictures_under_the_usual_names(tmp_path: Path, x: str, y: str) -> None:
    pictures = load_training(save(tmp_path, **{x: IMAGES, y: LABELS}))
    whole = {image.tobytes() for image in IMAGES}
    assert {image.tobytes() for image in pictures.images} < whole  # some are held out as a test part
    assert any("held out" in note for note in pictures.notes)
    usual = (x, y) == ("x_train", "y_train")
    assert usual or any(x in note and y in note for note in pictures.notes)


@pytest.mark.parametrize("word", ["val", "valid", "validation", "dev", "VAL", "evaluation", "eval"])
def test_the_validation_part_is_used_as_such(tmp_path: Path, word: str) -> None:
    held_out = IMAGES[:3] ^ 255
    pictures = training(tmp_path, IMAGES, **{f"x_{word}": held_out, f"y_{word}": np.array([2, 1, 0])})
    assert pictures.validation is not None and pictures.validation.tolist() == [12, 13, 14]
    np.testing.assert_array_equal(pictures.images[12:, 0], held_out)
    assert pictures.labels[12:].tolist() == [2, 1, 0]


def test_medmnist_as_it_is(tmp_path: Path) -> None:
    arrays = {}
    for part, n in (("train", 12), ("val", 6), ("test", 5)):
        arrays[f"{part}_images"] = DRAW.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(n, dtype=np.uint8)[:, None] % 3
    path = save(tmp_path, **arrays)
    pictures, test = load_training(path), load_test(path)
    expected = np.concatenate([arrays["train_images"], arrays["val_images"]]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(pictures.images, expected)
    np.testing.assert_array_equal(test.images, arrays["test_images"].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(test.labels, np.arange(5) % 3)


@pytest.mark.parametrize("name", ["classes", "class_names", "label_names", "labels_names", "target_names"])
def test_class_names_and_text_labels(tmp_path: Path, name: str) -> None:
    names = np.array(["hat", "coat", "bag"])
    assert training(tmp_path, IMAGES, **{name: names}).classes == ("hat", "coat", "bag")
    read = training(tmp_path, IMAGES, names[LABELS], **{name: names})
    assert read.classes == ("hat", "coat", "bag") and read.labels.tolist() == LABELS.tolist()
    for texts in (names[LABELS], names[LABELS].astype("S")):
        read = training(tmp_path, IMAGES, texts)
        assert read.classes == ("bag", "coat", "hat")
        assert [read.classes[label] for label in read.labels] == names[LABELS].tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool, np.uint8])
def test_one_hot_labels(tmp_path: Path, dtype: type) -> None:
    """The last class has no picture, and is one nevertheless."""
    pictures = training(tmp_path, IMAGES, np.eye(4, dtype=dtype)[LABELS])
    assert pictures.classes == ("0", "1", "2", "3") and pictures.labels.tolist() == LABELS.tolist()
    assert any("one-hot rows of 4 classes" in note for note in pictures.notes)


def test_labels_that_are_whole_floats_or_truths(tmp_path: Path) -> None:
    assert training(tmp_path, IMAGES, LABELS.astype(float)).labels.tolist() == LABELS.tolist()
    assert training(tmp_path, IMAGES, LABELS > 0).labels.tolist() == (LABELS > 0).astype(int).tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("white", [1, 255])
def test_floats_of_either_scale_give_the_bytes_back(tmp_path: Path, dtype: type, white: int) -> None:
    pictures = training(tmp_path, (IMAGES / 255 * white).astype(dtype))
    np.testing.assert_array_equal(pictures.images[:, 0], IMAGES)
    assert any(f"0 to {white}" in note for note in pictures.notes)


@given(st_numpy.arrays(np.uint16, (3, 8, 8)), st.sampled_from([255, 4095, 65535]))
@settings(max_examples=40, deadline=None)
def test_deep_grey_is_scaled_as_that_of_files(tmp_path_factory: pytest.TempPathFactory, images: np.ndarray, most: int,
                                              ) -> None:
    from PIL import Image

    images = np.minimum(images, most)
    images[0, 0, 0] = most  # else other bits might suffice for other pictures
    read = training(tmp_path_factory.mktemp("deep"), images, np.array([0, 1, 0]))
    expected = from_deep_grey(Image.fromarray(images.reshape(24, 8).astype(np.int32)))
    np.testing.assert_array_equal(read.images.reshape(24, 8), np.asarray(expected))


def test_all_parts_have_the_scale_of_the_training_pictures(tmp_path: Path) -> None:
    deep = IMAGES.astype(np.uint16) * 257
    path = save(tmp_path, x_train=deep, y_train=LABELS, x_test=deep // 257, y_test=LABELS)
    assert load_test(path).images.max() == 1  # and not 255, as those pictures would have by themselves
    assert load_training(path).images.max() == IMAGES.max()


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint16])
def test_bytes_in_larger_numbers_and_truths(tmp_path: Path, dtype: type) -> None:
    np.testing.assert_array_equal(training(tmp_path, IMAGES.astype(dtype)).images[:, 0], IMAGES)
    np.testing.assert_array_equal(training(tmp_path, IMAGES > 99).images[:, 0], np.where(IMAGES > 99, 255, 0))


@pytest.mark.parametrize("axes", ["NCHW", "NHWC"])
def test_the_order_of_axes_may_be_said(tmp_path: Path, axes: str) -> None:
    images = DRAW.integers(0, 256, (12, 3, 9, 3), dtype=np.uint8)
    expected = images if axes == "NCHW" else images.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(training(tmp_path, images, axes=np.array(axes)).images, expected)
    with pytest.raises(DataError, match=r"axes is 'CHWN', expected NHWC or NCHW"):
        training(tmp_path, images, axes=np.array("CHWN"))


def test_bytes_of_0_and_1_stay_and_are_told(tmp_path: Path) -> None:
    pictures = training(tmp_path, IMAGES % 2)
    np.testing.assert_array_equal(pictures.images[:, 0], IMAGES % 2)
    assert any("nearly black" in note for note in pictures.notes)


def test_flat_rows_of_square_pictures(tmp_path: Path) -> None:
    square = DRAW.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    pictures = training(tmp_path, square.reshape(12, 784))
    np.testing.assert_array_equal(pictures.images[:, 0], square)
    assert any("784 numbers are grey pictures of 28 x 28" in note for note in pictures.notes)


@pytest.mark.parametrize(("images", "expected"), [
    (np.zeros((12, 3, 9, 3), dtype=np.uint8), r"may be \[N, C, H, W\] or \[N, H, W, C\]"),
    (np.zeros((12, 3072), dtype=np.uint8), r"in two orders; say which"),
    (np.zeros((12, 100, 100, 4), dtype=np.uint8), r"\[\.\.\., :3\]"),
    (np.zeros((12, 5), dtype=np.uint8), "rows of 5 numbers"),
    (np.zeros((12, 2, 9, 9, 3), dtype=np.uint8), "pictures of shape"),
    (DRAW.normal(size=(12, 9, 9)), "expected 0 to 1 or 0 to 255; undo"),
    (DRAW.uniform(-1, 1, (12, 9, 9)), "expected 0 to 1 or 0 to 255; undo"),
    (np.full((12, 9, 9), 300.5), "values from 300.5 to 300.5"),
    (np.full((12, 9, 9), np.nan), "not finite"),
    (-IMAGES.astype(int), "expected 0 to 255"),
    (IMAGES.astype(np.int32) * 1000, "expected 0 to 255"),
    (np.eye(12, dtype=int)[None].repeat(12, 0), "only the whole numbers 0 and 1"),
    (IMAGES.astype(complex), "holds complex128"),
    (IMAGES[:0], "do not fit together"),
])
def test_pictures_that_can_not_be_understood(tmp_path: Path, images: np.ndarray, expected: str) -> None:
    with pytest.raises(DataError, match=rf"set\.npz.*{expected}"):
        training(tmp_path, images)


@pytest.mark.parametrize(("labels", "expected"), [
    (np.full((12, 3), 0.5), "row 0 is not one-hot"), (np.ones((12, 3), int), "row 0 is not one-hot"),
    (np.array(["hat"] * 11 + [""]), "text of picture 11 is empty"), (LABELS + 0.5, r"label 0\.5 \(picture 0\)"),
    (np.zeros((12, 1, 1), int), "labels of shape"), (np.array([None] * 12), "without pickles"),
])
def test_labels_that_can_not_be_understood(tmp_path: Path, labels: np.ndarray, expected: str) -> None:
    with pytest.raises(DataError, match=rf"set\.npz.*{expected}"):
        training(tmp_path, IMAGES, labels)


@pytest.mark.parametrize(("one", "other"), [("x_train", "X_train"), ("x_train", "train_images"), ("x_train", "x"),
                                            ("y_train", "y"), ("x_val", "x_valid"), ("classes", "class_names")])
def test_two_names_of_one_meaning_are_refused(tmp_path: Path, one: str, other: str) -> None:
    arrays = {"x_train": IMAGES, "y_train": LABELS, one: LABELS, other: LABELS}
    with pytest.raises(DataError, match=f"'{one}' and '{other}' may both be") as caught:
        load_training(save(tmp_path, **arrays))
    assert "set.npz" in str(caught.value)


def test_arrays_without_a_name_say_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", IMAGES, LABELS, IMAGES, LABELS)
    with pytest.raises(DataError, match="arr_0 to arr_3"):
        load_training(str(tmp_path / "set.npz"))


def test_arrays_that_are_not_used_are_told(tmp_path: Path) -> None:
    pictures = training(tmp_path, IMAGES, ids=LABELS, note=np.array("by hand"))
    assert sorted(one.file for one in pictures.left_out) == ["set.npz: ids", "set.npz: note"]


def test_labels_or_pictures_alone_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'y_train' is missing: 'X' has no labels"):
        recognise(Path(save(tmp_path, X=IMAGES, x_test=IMAGES, y_test=LABELS)))
    with pytest.raises(DataError, match="'x_train' is missing"):
        recognise(Path(save(tmp_path, x_test=IMAGES, y_test=LABELS)))


@pytest.mark.parametrize(("name", "lacking"), [("x_test", "labels"), ("y_test", "pictures"), ("val_images", "labels")])
def test_a_part_of_which_half_is_there_is_none(tmp_path: Path, name: str, lacking: str) -> None:
    """Known before a training, which would else end in it: a sixth is held out as the test part."""
    path = save(tmp_path, x_train=IMAGES, y_train=LABELS, **{name: IMAGES if lacking == "labels" else LABELS})
    pictures = load_training(path)
    assert any(f"{name} has no {lacking}: it is no " in note for note in pictures.notes)
    [left_out] = pictures.left_out
    assert (left_out.file, left_out.reason) == (f"set.npz: {name}", f"an array without {lacking}")
    assert pictures.validation is None and len(pictures) == 10 and len(load_test(path)) == 2


def test_each_array_of_pictures_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scale of the training pictures is known when those for validation are read."""
    path = save(tmp_path, **{f"{kind}_{part}": IMAGES / 255 if kind == "x" else LABELS
                             for kind in "xy" for part in ("train", "val", "test")})
    loaded: list[str] = []
    load = NpzFile._load
    monkeypatch.setattr(NpzFile, "_load", lambda file, name: [loaded.append(name), load(file, name)][1])
    np.testing.assert_array_equal(load_training(path).images[:, 0], np.concatenate([IMAGES, IMAGES]))
    assert sorted(loaded) == ["x_train", "x_val", "y_train", "y_val"]


@pytest.mark.parametrize(("harmed", "whole"), [("test", "train"), ("train", "test"), ("test", "val")])
def test_one_part_alone_is_decompressed(tmp_path: Path, harmed: Part, whole: Part) -> None:
    """Damage in the pictures of another part is not noticed."""
    arrays = {f"{kind}_{part}": values for part in ("train", "val", "test") for kind, values in
              (("x", IMAGES), ("y", LABELS))}
    path = Path(save(tmp_path, **arrays))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(f"x_{harmed}.npy").header_offset + 300
    content[start : start + 8] = bytes(255 - byte for byte in content[start : start + 8])
    path.write_bytes(content)
    parts = recognise(path).parts
    np.testing.assert_array_equal(np.asarray(parts[whole]().pictures)[:, 0], IMAGES)
    with pytest.raises(DataError, match=r"set\.npz.*CRC"):
        parts[harmed]()


def test_an_array_larger_than_memory_is_named(tmp_path: Path) -> None:
    path = Path(save(tmp_path, y_train=LABELS))
    header = np.lib.format.magic(1, 0) + (118).to_bytes(2, "little") + (
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (12, 1000000, 1000000), }".ljust(117) + b"\n")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", header)
    with pytest.raises(DataError, match=r"set\.npz: x_train: \[12, 1000000, 1000000\].*GiB"):
        load_training(str(path))


def test_memory_is_known_without_what_windows_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")
    check_memory((12, 8, 8), np.dtype(np.uint8), "set.npz")
    with pytest.raises(DataError, match=r"set\.npz: .* GiB of memory"):
        check_memory((10**7, 10**7), np.dtype(np.uint8), "set.npz")


@given(st.sampled_from(["train", "val", "test"]), st.sampled_from(["x", "images", "data"]), st.booleans(),
       st.sampled_from(["", "_", "-", "."]), st.sampled_from([str.lower, str.upper, str.title]))
def test_order_case_and_separators_do_not_matter(part: str, kind: str, part_first: bool, separator: str,
                                                 case: Any) -> None:
    name = case(separator.join((part, kind) if part_first else (kind, part)))
    assert understand([name], "set").pictures == {part: name}
    assert not understand([f"{name}2"], "set").pictures


def test_the_validation_part_is_written(tmp_path: Path) -> None:
    def pictures(n: int) -> PictureSet:
        images = DRAW.integers(0, 256, (n, 1, 5, 5), dtype=np.uint8)
        return PictureSet(images, np.arange(n) % 3, ("a", "b", "c"), "drawn")

    parts = {"train": pictures(9), "val": pictures(6), "test": pictures(5)}
    write_npz(tmp_path / "set.npz", parts)  # type: ignore[arg-type]
    read = load_training(str(tmp_path / "set.npz"))
    assert read.validation is not None
    np.testing.assert_array_equal(read.images[read.validation], parts["val"].images)
    np.testing.assert_array_equal(load_test(str(tmp_path / "set.npz")).images, parts["test"].images)


def test_asked_about_alone_it_is_understood_the_same_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(save(tmp_path, train_images=IMAGES / 255, test_images=IMAGES[:5] / 255))
    reader = lone_file("set.npz")
    assert reader
    np.testing.assert_array_equal(reader.read(path)[:, 0], IMAGES[:5])
    assert "answered on the 5 pictures of test_images, not on train_images" in capsys.readouterr().err
    assert len(reader.read(Path(save(tmp_path, X=IMAGES)))) == 12
    with pytest.raises(DataError, match="missing"):
        reader.read(Path(save(tmp_path, weights=IMAGES)))


def test_case_validation_arrays_are_used() -> None:
    folder = shared_case("npz_xval_ignored")
    with np.load(folder / "xval.npz") as raw:
        pictures, test = load_training(str(folder / "xval.npz")), load_test(str(folder / "xval.npz"))
        assert pictures.validation is not None
        np.testing.assert_array_equal(pictures.images[pictures.validation, 0], raw["x_val"])
        np.testing.assert_array_equal(test.images[:, 0], raw["x_test"])
    pictures, test = load_training(str(folder / "xvalonly.npz")), load_test(str(folder / "xvalonly.npz"))
    assert pictures.validation is not None
    assert (len(pictures), len(pictures.validation), len(test)) == (310, 60, 50)
    assert any("held out" in note for note in pictures.notes)


@pytest.mark.parametrize(("case", "file", "n"), [("validation_5000", "six.npz", 6000),
                                                 ("predict_own_form", "white.npz", 2000)])
def test_cases_of_plain_archives(case: str, file: str, n: int) -> None:
    path = shared_case(case) / file
    pictures = load_training(str(path))
    with np.load(path) as raw:
        np.testing.assert_array_equal(pictures.images[:, 0], raw["x_train"])
        np.testing.assert_array_equal(pictures.labels, raw["y_train"])
    assert len(pictures) == n and not pictures.left_out
