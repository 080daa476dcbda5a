"""How image folders are understood: parts, classes, wrappers, what is left out; what can be read in two ways is asked
about."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data import load_training
from fashionlab.data.folder_layout import folder_layout
from fashionlab.data.formats import FORMATS, recognise
from fashionlab.data.formats.image_folder import write_folder
from fashionlab.data.held_out import load_test
from fashionlab.data.part_names import part_called
from fashionlab.data.read import read
from fashionlab.data.source import Wanted
from shared_data import shared_case, shared_photos

CLASSES = ("hat", "sock")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def _pictures(folder: Path, *classes: str, n: int = 3) -> Path:
    """n pictures in each class folder below `folder`, in the folder itself without classes; no two are alike."""
    for name in classes or ("",):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(n):
            seed = zlib.crc32(f"{folder}|{name}|{index}".encode())
            pixels = np.random.default_rng(seed).integers(0, 256, (4, 4), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


def _lengths(root: Path) -> tuple[int, int, int]:
    """Pictures for training, validation and test."""
    training, test = load_training(str(root)), load_test(str(root))
    held = 0 if training.validation is None else len(training.validation)
    return len(training) - held, held, len(test)


def _left_out(pictures: PictureSet) -> dict[str, str]:
    return {one.file: one.reason for one in pictures.left_out}


@pytest.mark.parametrize(("part", "names"), [
    ("train", ("train", "Train", "TRAINING", "training_set", "trainset", "Train Set", "train_images", "train-data",
               "trn", "images_train", "train2017", "01_train", "TrainImages", "Training Dataset", "trainsplit")),
    ("val", ("val", "Valid", "VALIDATION", "validation_set", "valset", "dev", "devset", "eval", "Evaluation",
             "val_imgs")),
    ("test", ("test", "Testing", "TEST_SET", "testset", "test images", "tst", "test-photos")),
    (None, ("trainer", "trains", "strain", "contest", "testament", "bus", "valley", "devil", "evaluate", "set",
            "images", "data", "2017", "", "train_test", "latest", "protest")),
])
def test_names_of_parts(part: str | None, names: tuple[str, ...]) -> None:
    assert {name: part_called(name) for name in names} == dict.fromkeys(names, part)


@pytest.mark.parametrize("names", [
    ("train", "val", "test"), ("Training", "Validation", "Testing"), ("training_set", "dev", "test_set"),
    ("Train", "valid", "Test"), ("TRAIN", "evaluation", "tst"), ("shop_train", "shop_val", "shop_test")])
def test_parts_of_any_usual_name(names: tuple[str, str, str], tmp_path: Path) -> None:
    for n, name in zip((5, 3, 2), names, strict=True):
        _pictures(tmp_path / name, *CLASSES, n=n)
    assert _lengths(tmp_path) == (10, 6, 4)
    pictures = load_training(str(tmp_path))
    assert pictures.classes == CLASSES and "held out" not in pictures.source
    assert pictures.notes[0] == (f"{names[0]} holds the training part, {names[1]} holds the validation part, "
                                 f"{names[2]} holds the test part")
    held = [pictures.files[index] for index in pictures.validation]
    assert held and all(name.startswith(f"{names[1]}/") for name in held)


def test_only_what_is_missing_is_held_out(tmp_path: Path) -> None:
    for name in ("train", "val"):
        _pictures(tmp_path / "without test" / name, *CLASSES, n=12 if name == "train" else 2)
    assert _lengths(tmp_path / "without test") == (20, 4, 4)
    assert "no test part" in " ".join(load_training(str(tmp_path / "without test")).notes)
    for name in ("train", "test"):
        _pictures(tmp_path / "without val" / name, *CLASSES)
    assert _lengths(tmp_path / "without val") == (6, 0, 6)


def test_evaluation_beside_validation_is_the_test_part(tmp_path: Path) -> None:
    for n, name in enumerate(("training", "validation", "evaluation"), 2):
        _pictures(tmp_path / name, *CLASSES, n=n)
    assert _lengths(tmp_path) == (4, 6, 8)
    assert any("evaluation is taken for the test part" in note for note in load_training(str(tmp_path)).notes)


@pytest.mark.parametrize("names", [("train", "Training", "test"), ("train", "val", "validation", "test"),
                                   ("train", "val", "evaluation", "test"), ("train", "test", "test_set")])
def test_two_folders_for_one_part_are_asked_about(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        _pictures(tmp_path / name, *CLASSES)
    with pytest.raises(DataError, match=r"would each be the (training|validation|test) part; rename") as error:
        recognise(tmp_path)
    assert sum(name in str(error.value).split(" would")[0].rpartition(": ")[2].split(", ") for name in names) == 2


def test_a_test_folder_without_classes_is_told_and_not_used(tmp_path: Path) -> None:
    _pictures(tmp_path / "train", *CLASSES, n=12)
    _pictures(tmp_path / "test", n=5)
    assert _lengths(tmp_path) == (20, 0, 4)
    pictures = load_training(str(tmp_path))
    assert "test has no class folders: not used as the test part" in pictures.notes
    assert _left_out(pictures) == {"test": "no class folders in it, which would tell labels"}


def test_a_training_folder_without_classes_is_one_message(tmp_path: Path) -> None:
    _pictures(tmp_path / "train", n=5)
    _pictures(tmp_path / "test", *CLASSES)
    with pytest.raises(DataError, match="train: no class folders in it, expected one folder of pictures a class"):
        recognise(tmp_path)


@pytest.mark.parametrize("name", ["test", "validation"])
def test_a_part_without_a_training_part_is_one_message(name: str, tmp_path: Path) -> None:
    _pictures(tmp_path / name, *CLASSES)
    with pytest.raises(DataError, match=f"{name} would be a part, but no folder is the training part"):
        recognise(tmp_path)
    _pictures(tmp_path, *CLASSES)
    with pytest.raises(DataError, match=f"{name} would be a part.*classes.txt"):
        recognise(tmp_path)


def test_a_test_part_within_a_wrapper_is_not_trained_on(tmp_path: Path) -> None:
    _pictures(tmp_path / "archive" / "test", *CLASSES, n=12)
    with pytest.raises(DataError, match="test would be a part, but no folder is the training part"):
        recognise(tmp_path)


def test_a_training_folder_alone(tmp_path: Path) -> None:
    _pictures(tmp_path / "Train", *CLASSES, n=12)
    assert _lengths(tmp_path) == (20, 0, 4)


def test_a_class_called_train(tmp_path: Path) -> None:
    _pictures(tmp_path, "bus", "car", "train", n=8)
    pictures = load_training(str(tmp_path))
    assert pictures.classes == ("bus", "car", "train") and _lengths(tmp_path) == (20, 0, 4)
    assert "train is taken for a class beside bus, car: it holds pictures and no class folders" in pictures.notes


@pytest.mark.parametrize("name", ["test", "valid"])
def test_a_class_that_may_be_a_part_is_asked_about(name: str, tmp_path: Path) -> None:
    _pictures(tmp_path, "dress", "shoe", name, n=8)
    with pytest.raises(DataError, match=f"{name} may be a class beside dress, shoe, or a part.*a classes.txt"):
        recognise(tmp_path)
    (tmp_path / "classes.txt").write_text(f"dress\nshoe\n{name}\n")  # as the message says
    assert load_training(str(tmp_path)).classes == ("dress", "shoe", name)


def test_nested_folders_that_may_be_parts_or_classes_are_asked_about(tmp_path: Path) -> None:
    for name in ("bus", "car", "train"):
        _pictures(tmp_path / name, "2023", "2024", n=4)
    with pytest.raises(DataError, match=r"train may hold the training part, or be a class beside bus, car; a cl"):
        recognise(tmp_path)
    (tmp_path / "classes.txt").write_text("car\nbus\ntrain\n")
    assert load_training(str(tmp_path)).classes == ("car", "bus", "train") and _lengths(tmp_path) == (20, 0, 4)


@pytest.mark.parametrize("listed", [("bus", "train"), ("train", "test")])
def test_classes_called_as_parts_within_parts(listed: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("train", "test"):
        _pictures(tmp_path / name, *listed)
    assert _lengths(tmp_path) == (6, 0, 6) and load_training(str(tmp_path)).classes == tuple(sorted(listed))
    (tmp_path / "classes.txt").write_text("\n".join(listed))
    assert _lengths(tmp_path) == (6, 0, 6) and load_training(str(tmp_path)).classes == listed


def test_folders_beside_the_parts_are_told(tmp_path: Path) -> None:
    for name in ("train", "test"):
        _pictures(tmp_path / name, *CLASSES)
    _pictures(tmp_path / "pred", n=4)
    (tmp_path / "docs").mkdir()
    assert _lengths(tmp_path) == (6, 0, 6)
    assert set(_left_out(load_training(str(tmp_path)))) == {"pred", "docs"}


def test_folders_around_everything_are_looked_through(tmp_path: Path) -> None:
    inner = tmp_path / "archive" / "fashion dataset"
    for name in ("train", "test"):
        _pictures(inner / name / name, *CLASSES)  # as some archives have it
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "archive" / "LICENSE").write_text("CC0")
    (tmp_path / "__MACOSX").mkdir()
    pictures = load_training(str(tmp_path))
    assert _lengths(tmp_path) == (6, 0, 6) and pictures.classes == CLASSES
    assert "the data set lies in archive/fashion dataset: folders around it are looked through" in pictures.notes
    assert pictures.files[0] == "archive/fashion dataset/train/train/hat/0.png"
    assert set(_left_out(pictures)) == {"README.md", "archive/LICENSE", "__MACOSX"}


def test_a_classes_txt_within_a_wrapper_counts(tmp_path: Path) -> None:
    _pictures(tmp_path / "all", *CLASSES, n=6)
    (tmp_path / "all" / "classes.txt").write_text("sock\nhat\n")
    assert load_training(str(tmp_path)).classes == ("sock", "hat")


def test_pictures_in_folders_within_a_class_count_to_it(tmp_path: Path) -> None:
    _pictures(tmp_path / "hat" / "2023" / "may", n=4)
    _pictures(tmp_path / "hat", n=4)
    _pictures(tmp_path / "sock", n=4)
    pictures = load_training(str(tmp_path))
    assert np.bincount(pictures.labels).tolist() == [7, 3]
    assert "pictures in folders within a class folder count to that class: hat/2023/may" in pictures.notes


def test_parts_within_classes_are_refused(tmp_path: Path) -> None:
    for name in CLASSES:
        _pictures(tmp_path / name, "train", "test")
    with pytest.raises(DataError, match=r"hat/(test|train) and hat/(test|train) would be parts within a class, "
                                        "expected the parts above"):
        load_training(str(tmp_path))


def test_what_lies_beside_class_folders_is_told(tmp_path: Path) -> None:
    for name in ("train", "test"):
        _pictures(tmp_path / name, *CLASSES)
        _pictures(tmp_path / name, n=1)
    (tmp_path / "labels.csv").write_text("file,label\n")
    _pictures(tmp_path, n=1)
    source = FORMATS["folder"].detect(tmp_path)
    assert source is not None
    told = _left_out(read(source, "train", Wanted()))
    assert told == {"labels.csv": "a list beside class folders; give the file itself to use its columns",
                    "0.png": "a picture in no class folder", "train/0.png": "a picture in no class folder"}
    assert _left_out(read(source, "test", Wanted()))["test/0.png"] == "a picture in no class folder"


def test_reading_training_lists_no_class_folder_of_the_test_part(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train", "val", "test"):
        _pictures(tmp_path / name, *CLASSES)
    listed: list[str] = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(str(path)) or scan(path))
    load_training(str(tmp_path))
    assert str(tmp_path / "train" / "hat") in listed
    assert not [path for path in listed if path.startswith(str(tmp_path / "test" / "hat"))]


def test_hidden_and_generated_folders_hold_no_pictures(tmp_path: Path) -> None:
    for name in CLASSES:
        _pictures(tmp_path / name, n=6)
        for other in (".ipynb_checkpoints", "@eaDir", "__MACOSX", ".git", ".thumbnails"):
            _pictures(tmp_path / name / other, n=2)
    for other in ("@eaDir", "__MACOSX", ".git", "$RECYCLE.BIN", "lost+found"):
        _pictures(tmp_path / other, n=2)
    (tmp_path / "hat" / "._0.png").write_bytes(b"\0\5\x16\7")
    pictures = load_training(str(tmp_path))
    assert pictures.classes == CLASSES and sum(_lengths(tmp_path)) == 12
    told = _left_out(pictures)
    assert set(told.values()) == {"hidden, or made by a program"} and len(told) == 16
    assert "hat/@eaDir" in told and ".git" in told and "hat/._0.png" in told


def test_links(tmp_path: Path) -> None:
    _pictures(tmp_path / "elsewhere", n=6)
    root = tmp_path / "set"
    _pictures(root / "sock", n=6)
    (root / "hat").symlink_to(tmp_path / "elsewhere")
    (root / "sock" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (root / "sock" / "around").symlink_to(root)
    (root / "sock" / "itself").symlink_to(root / "sock" / "itself")
    (root / "up").symlink_to(tmp_path)
    os.mkfifo(root / "sock" / "pipe.png")
    pictures = load_training(str(root))
    assert pictures.classes == CLASSES and _lengths(root) == (10, 0, 2)
    assert _left_out(pictures) == {
        "sock/gone.png": "a broken link", "sock/itself": "a broken link", "up": "a link to a folder that it lies in",
        "sock/around": "a link to a folder that it lies in", "sock/pipe.png": "a pipe, a device or a socket"}


def test_two_links_to_one_another_end(tmp_path: Path) -> None:
    _pictures(tmp_path, *CLASSES, n=6)
    (tmp_path / "hat" / "to sock").symlink_to(tmp_path / "sock")
    (tmp_path / "sock" / "to hat").symlink_to(tmp_path / "hat")
    assert "a link to a folder that it lies in" in _left_out(load_training(str(tmp_path))).values()


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pictures(tmp_path, *CLASSES, n=6)
    (tmp_path / "hat" / "private").mkdir()
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "private":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told = _left_out(load_training(str(tmp_path)))
    assert told == {"hat/private": "a folder that cannot be read (Permission denied)"}


def test_a_class_without_pictures_is_named_with_what_it_holds(tmp_path: Path) -> None:
    _pictures(tmp_path, *CLASSES, n=6)
    glove = tmp_path / "glove"
    glove.mkdir()
    with pytest.raises(DataError, match="glove: no readable picture of class 'glove'; nothing is there"):
        load_training(str(tmp_path))
    for index in range(3):
        (glove / f"{index}.txt").write_text("x")
    with pytest.raises(DataError, match=r"glove: no readable picture of class 'glove'; there are 3 \.txt"):
        load_training(str(tmp_path))
    (glove / "a.CR2").write_bytes(b"II*\0")
    with pytest.raises(DataError, match=r"there are 3 \.txt, 1 \.cr2 \(a raw photo"):
        load_training(str(tmp_path))


def test_pictures_of_forms_that_are_not_read_are_left_out_and_told(tmp_path: Path) -> None:
    _pictures(tmp_path, *CLASSES, n=6)
    (tmp_path / "hat" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (tmp_path / "hat" / "IMG_2.nef").write_bytes(b"MM\0*")
    assert _lengths(tmp_path) == (10, 0, 2)
    told = _left_out(load_training(str(tmp_path)))
    assert set(told) == {"hat/IMG_1.HEIC", "hat/IMG_2.nef"} and "HEIC" in told["hat/IMG_1.HEIC"]


def test_parts_with_other_classes(tmp_path: Path) -> None:
    _pictures(tmp_path / "train", *CLASSES)
    _pictures(tmp_path / "test", "hat")
    assert any("test has no picture of sock" in note for note in load_test(str(tmp_path)).notes)
    _pictures(tmp_path / "val", "hat", "shoe")
    with pytest.raises(DataError, match="val/shoe: no such class, expected one of hat, sock"):
        load_training(str(tmp_path))


def test_a_validation_part_is_written_and_read_again(tmp_path: Path) -> None:
    def pictures(n: int) -> PictureSet:
        images = np.random.default_rng(n).integers(0, 256, (n, 1, 5, 5), dtype=np.uint8)
        return PictureSet(images, np.arange(n) % 2, CLASSES, "drawn")

    write_folder(tmp_path, {"train": pictures(8), "val": pictures(6), "test": pictures(4)})
    training = load_training(str(tmp_path))
    np.testing.assert_array_equal(training.images[:8], pictures(8).images)
    np.testing.assert_array_equal(training.images[8:], pictures(6).images)
    assert training.validation is not None and training.validation.tolist() == list(range(8, 14))
    assert load_test(str(tmp_path)).sha256 == pictures(4).sha256


@pytest.mark.parametrize(("case", "lengths"), [
    ("split_names", (60, 0, 12)), ("val_ignored", (60, 12, 12)), ("class_named_train", (60, 0, 12)),
    ("eaDir", (60, 0, 12)), ("hidden_folder", (60, 0, 12)), ("other_formats", (60, 0, 12)),
    ("other_formats_class", (60, 0, 12)), ("duplicates", (60, 0, 60))])
def test_folders_that_failed_for_real_users(case: str, lengths: tuple[int, int, int]) -> None:
    root = shared_case(case)
    assert _lengths(root) == lengths
    assert load_training(str(root)).classes == (
        ("bus", "car", "train") if case == "class_named_train" else ("dress", "pants", "shoes"))


def test_the_photographs_as_they_lie() -> None:
    layout = folder_layout(shared_photos())
    assert layout is not None and len(layout.classes) == 10
    assert {part: path.name for part, path in layout.parts.items()} == {"train": "train", "val": "validation",
                                                                        "test": "test"}
    assert {one.file: one.reason for one in layout.left_out} == {
        "labels.csv": "a list beside class folders; give the file itself to use its columns", "README.md": "no picture"}
    source = FORMATS["folder"].detect(shared_photos())
    assert source is not None
    assert {part: len(read()) for part, read in source.parts.items()} == {"train": 3068, "val": 341, "test": 372}
