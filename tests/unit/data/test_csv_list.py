"""Lists of picture files with labels: every picture carries its number as its colour, which tells what was read."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.data import load_training
from fashionlab.data.formats import lone_file, recognise
from fashionlab.data.held_out import load_test
from fashionlab.data.source import RawPart
from shared_data import shared_photos


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "set"


def picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 6), number, dtype=np.uint8)).save(path)


def write(path: Path, rows: list[list[object]], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)
    return path


def pictures(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        picture(folder / name, number)


def read(path: Path | str, part: str = "train") -> RawPart:
    source = recognise(Path(path))
    return source.parts[part]()  # type: ignore[index]


def numbers_and_labels(part: RawPart) -> list[tuple[int, str]]:
    assert not isinstance(part.pictures, np.ndarray)
    return [(int(np.asarray(Image.open(path))[0, 0]), str(label))
            for path, label in zip(part.pictures, part.labels, strict=True)]


@pytest.mark.parametrize("header", [
    ["file", "label"], ["label", "filename"], ["Image Path", "class"], ["CATEGORY", "file_name"], ["target", "img"],
    ["image", "breed"], ["foto", "klasse"], None,
])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_usual_headers_in_any_order(folder: Path, header: list[str] | None, delimiter: str) -> None:
    pictures(folder / "images", ["a.png", "b.png", "c.png"])
    files_first = header is None or header[0] in ("file", "Image Path", "image", "foto")
    rows: list[list[object]] = [["images/a.png", "hat"], ["images/c.png", "shoe"], ["images/b.png", "hat"]]
    path = write(folder / "any.csv", [*([header] if header else []),
                                      *(row if files_first else row[::-1] for row in rows)], delimiter)
    for given in (path, folder):
        assert numbers_and_labels(read(given)) == [(0, "hat"), (2, "shoe"), (1, "hat")]
    assert recognise(path).classes == ("hat", "shoe")


@pytest.mark.parametrize("features", [
    [f"f{number}" for number in range(1, 51)], [f"feature_{number}" for number in range(49)],
    [str(number) for number in range(64)], [str(number) for number in range(512)], ["dim 1", "dim 2", "dim 3", "dim 4"],
])
def test_numbered_columns_beside_files_are_no_pixels(folder: Path, features: list[str]) -> None:
    pictures(folder, ["a.png", "b.png", "c.png"])
    numbers = [f"{number / 7:.3f}" for number in range(len(features))]
    path = write(folder / "list.csv", [["file", "label", *features], ["c.png", "hat", *numbers],
                                       ["a.png", "shoe", *numbers]])
    for given in (path, folder):
        assert numbers_and_labels(read(given)) == [(2, "hat"), (0, "shoe")]
    assert read(path).columns[features[3]].tolist() == [numbers[3]] * 2


def test_a_column_for_the_part_and_others_for_groups(folder: Path) -> None:
    rows: list[list[object]] = [["file", "label", "Split", "sender"]]
    words = ["Training", "train", "TRAIN", "train", "valid", "dev", "test", "Testing"]
    for number, word in enumerate(words):
        picture(folder / f"{number}.png", number)
        rows.append([f"{number}.png", "hat" if number % 2 else "shoe", word, f"s{number // 2}"])
    path = write(folder / "list.csv", rows)
    source = recognise(path)
    assert list(source.parts) == ["train", "val", "test"]
    assert [number for part in source.parts.values() for number, _ in numbers_and_labels(part())] == list(range(8))
    training = load_training(str(path), group="sender")
    assert training.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert training.validation is not None and training.validation.tolist() == [4, 5]
    assert training.groups is not None and training.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert load_test(str(path)).images[:, 0, 0, 0].tolist() == [6, 7]
    assert any("column 'Split'" in note for note in training.notes)


def test_lists_by_their_names_and_folders_of_their_parts(folder: Path) -> None:
    """train.csv and test.csv with bare ids, the same ids in train/ and test/, and a list to be handed in."""
    for number, name in enumerate(["train/1.png", "train/2.png", "test/1.png", "test/2.png"]):
        picture(folder / name, number)
    write(folder / "train.csv", [["id", "label"], [2, "hat"], [1, "shoe"]])
    write(folder / "test.csv", [["id", "label"], [1, "hat"], [2, "shoe"]])
    write(folder / "sample_submission.csv", [["id", "label"], [1, "hat"]])
    source = recognise(folder)
    assert numbers_and_labels(source.parts["train"]()) == [(1, "hat"), (0, "shoe")]
    assert numbers_and_labels(source.parts["test"]()) == [(2, "hat"), (3, "shoe")]
    assert [one.file for one in source.left_out] == ["sample_submission.csv"]
    write(folder / "test.csv", [["id"], [1]])
    source = recognise(folder)
    assert list(source.parts) == ["train"] and "test.csv has no column of labels" in " ".join(source.notes)


def test_ids_and_paths_of_another_machine_are_found_by_their_names(folder: Path) -> None:
    pictures(folder / "photos", ["a/10.png", "b/10.png", "b/11.JPG.png", "12.png"])
    path = write(folder / "x.csv", [
        ["image_id", "label"], ["12", "hat"], ["/kaggle/input/photos/a/10.png", "hat"], ["b\\10.png", "shoe"]])
    part = read(path)
    assert numbers_and_labels(part) == [(3, "hat"), (0, "hat"), (1, "shoe")]
    assert "3 of 3 files were found by their names" in " ".join(part.notes)
    write(path, [["image_id", "label"], ["12", "hat"], ["10", "shoe"]])
    with pytest.raises(DataError, match=r"x\.csv: line 3: '10' may be .*a/10\.png or .*b/10\.png"):
        read(path)


def test_files_outside_the_folder_are_told(folder: Path) -> None:
    pictures(folder, ["images/a.png", "images/b.png"])
    path = write(folder / "lists" / "x.csv", [["file", "label"], ["../images/a.png", "hat"],
                                              [folder / "images" / "b.png", "shoe"]])
    part = read(path)
    assert numbers_and_labels(part) == [(0, "hat"), (1, "shoe")]
    assert f"2 of 2 files lie outside {path.parent}" in " ".join(part.notes)


def test_missing_files(folder: Path) -> None:
    pictures(folder, [f"{n}.png" for n in range(14)])
    rows: list[list[object]] = [["file", "label"], *([f"{n}.png", "ab"[n % 2]] for n in range(14)), ["gone.png", "a"]]
    path = write(folder / "x.csv", rows)
    assert "1 of 15 files are missing, the first in line 16: " in " ".join(read(path).notes)
    with pytest.raises(DataError, match=r"gone\.png: .*--skip-unreadable"):
        load_training(str(path))
    skipped = load_training(str(path), skip_unreadable=True)
    assert [Path(one.file).name for one in skipped.left_out if "cannot be read" in one.reason] == ["gone.png"]
    write(path, [["file", "label"], ["x/1.jpg", "a"], ["x/2.jpg", "b"]])
    with pytest.raises(DataError, match=r"none of its 2 files is there, such as in line 2: .*x/1\.jpg; paths are rel"):
        load_training(str(path))


def test_what_is_left_out_is_told(folder: Path) -> None:
    pictures(folder, ["in/1.png", "in/2.png", "in/3.png", "in/4.png", "in/5.png", "in/.6.png", "far/7.png"])
    (folder / "in" / "notes.txt").write_text("x")
    lines = ["file,label", "in/1.png,hat", "in/2.png,", "in/3.png,shoe", "in/1.png,hat", "in/4.png,shoe,black", ",hat"]
    (folder / "x.csv").write_text("\n".join(lines))
    source = recognise(folder / "x.csv")
    part = source.parts["train"]()
    assert numbers_and_labels(part) == [(0, "hat"), (2, "shoe")]
    assert "1 rows name a picture again" in " ".join(part.notes)
    assert {(one.file, one.reason) for one in part.left_out} == {
        ("x.csv (line 6)", "more or fewer cells than the header, which has 2"), ("x.csv (line 3)", "no label"),
        ("x.csv (line 7)", "no file"), ("in", "2 pictures that x.csv does not name")}


@pytest.mark.parametrize(("rows", "message"), [
    ([["file", "label"], ["a.png", "hat"], ["b.png", "hat"], ["./a.png", "shoe"]],
     "a.png is 'hat' in line 2 and 'shoe' in line 4"),
    ([["file", "label", "split"], ["a.png", "hat", "train"], ["a.png", "hat", "test"]],
     "a.png is in part 'train' in line 2 and in part 'test' in line 3"),
    ([["file", "label", "split"], ["a.png", "hat", "train"], ["b.png", "hat", "foo"]], "line 3, column split: 'foo'"),
    ([["file", "label", "split"], ["a.png", "hat", "test"], ["b.png", "hat", "val"]], "no row is of the training part"),
    ([["file", "label", "class"], ["a.png", "hat", "x"], ["b.png", "hat", "y"]],
     r"may be the label \('label', 'class'\); say which one with .*#class"),
    ([["file", "price", "shop"], ["a.png", "1", "x"], ["b.png", "1", "y"]], r"may be the label \('price', 'shop'\)"),
    ([["path", "filename", "label"], ["a.png", "b.png", "x"], ["b.png", "a.png", "y"]], "several columns may name"),
    ([["file"], ["a.png"], ["b.png"]], r"no column of labels \(columns: 'file'\)"),
    ([["one", "two"], ["x", "y"]], r"no column names the pictures \(columns: 'one', 'two'\)"),
    ([["file", "label"]], "holds no rows"),
    ([["file", "label", "label"], ["a.png", "hat", "x"]], "two columns are called 'label'"),
    ([["file", "label"], ["https://x.org/a.png", "hat"]], "line 2: 'https://x.org/a.png' is an address"),
    ([["file", "label"], ["a.png", "hat"], ["b\0.png", "hat"]], "line 3: .* is no name of a file"),
    ([["file", "label"], ["a.png", "hat", "x"], ["b.png", "hat", "y"], ["a.png", "hat"]],
     r"line 2 \(and 1 more\) has more or fewer cells"),
    ([["file", "label"], ["a.png", ""]], "no row has both a file and a label"),
    ([["file", "label"], ["a.png", "x" * 300]], "line 2, column label: 'x*'... of 300 characters"),
    ([["a\0b", "label"], ["a.png", "b.png"]], "no column names the pictures"),
    ([["path", "file", "label"], ["a.png"], ["a.png", "b.png", "x"]], "several columns may name the pictures"),
    ([["file", "label"], ["x" * 5000, "hat"]], "none of its 1 files is there"),
])
def test_what_is_wrong_or_could_be_read_in_two_ways(folder: Path, rows: list[list[object]], message: str) -> None:
    pictures(folder, ["a.png", "b.png"])
    path = write(folder / "x.csv", rows)
    with pytest.raises(DataError, match=message) as caught:
        load_training(str(path))
    assert str(path) in str(caught.value)
    with pytest.raises(DataError, match=str(folder)):
        load_training(str(folder))


def styles(folder: Path) -> Path:
    """As Kaggle's Fashion Product Images has them, with its broken row."""
    pictures(folder / "images", ["1163.jpg", "1164.jpg", "1165.jpg"])
    (folder / "styles.csv").write_text(
        "id,gender,masterCategory,subCategory,articleType,productDisplayName\n"
        "1163,Men,Apparel,Topwear,Tshirts,Blue Tee\n1164,Women,Footwear,Shoes,Heels,Red Heels\n"
        "1165,Men,Apparel,Bottomwear,Jeans,Jeans, slim\n")
    return folder / "styles.csv"


def test_the_column_that_is_meant_is_named_behind_the_path(folder: Path) -> None:
    path = styles(folder)
    with pytest.raises(DataError, match=r"\('masterCategory', 'subCategory', 'articleType'\); say which one with "
                                        r"styles\.csv#COLUMN"):
        load_training(str(folder))
    for given in (f"{path}#articleType", f"{folder}#articleType"):
        part = read(given)
        assert part.labels.tolist() == ["Tshirts", "Heels"] and part.names == ["images/1163.jpg", "images/1164.jpg"]
        assert part.left_out[0].file == "styles.csv (line 4)"
    assert read(f"{path}#masterCategory").labels.tolist() == ["Apparel", "Footwear"]
    with pytest.raises(DataError, match="no column 'articletype'; did you mean 'articleType'"):
        recognise(Path(f"{path}#articletype"))
    with pytest.raises(DataError, match="no such file or folder"):
        load_training(f"{folder}/nowhere.csv#articleType")


def test_a_set_that_was_moved_keeps_its_column(folder: Path, tmp_path: Path) -> None:
    given = f"{styles(folder)}#gender"
    rows = [[f"{n}", "Men" if n % 2 else "Women", "a"] for n in range(1170, 1200)]
    write(folder / "styles.csv", [["id", "gender", "articleType"], *rows])
    pictures(folder / "images", [f"{n}.jpg" for n in range(1170, 1200)])
    before = load_training(given)
    shutil.move(folder, tmp_path / "elsewhere")
    after = load_training(given, data_dir=tmp_path / "elsewhere")
    assert after.classes == ("Men", "Women") and after.sha256 == before.sha256


def test_columns_that_tell_the_same_classes_are_one(folder: Path) -> None:
    pictures(folder, ["a.png", "b.png", "c.png"])
    path = write(folder / "x.csv", [["file", "class_id", "class_name"], ["a.png", 7, "hat"], ["b.png", 3, "shoe"],
                                    ["c.png", 7, "hat"]])
    assert read(path).labels.tolist() == ["hat", "shoe", "hat"]
    assert "column 'class_name' is the label" in " ".join(read(path).notes)


def test_numbers_are_names_in_their_order_or_lines_of_classes_txt(folder: Path) -> None:
    pictures(folder, [f"{n}.png" for n in range(30)])
    path = write(folder / "x.csv", [["file", "label"], *([f"{n}.png", n % 12 + 1] for n in range(30))])
    assert recognise(path).classes == tuple(str(n) for n in range(1, 13))
    write(path, [["file", "label"], *([f"{n}.png", n % 3] for n in range(30))])
    (folder / "classes.txt").write_text("hat\nshoe\nbag\n")
    training, test = load_training(str(path)), load_test(str(path))
    for one in (training, test):
        assert one.classes == ("hat", "shoe", "bag") and one.labels.tolist() == (one.images[:, 0, 0, 0] % 3).tolist()


def test_class_folders_win_where_they_agree(folder: Path) -> None:
    pictures(folder, ["hat/a.png", "hat/b.png", "shoe/c.png", "shoe/d.png"])
    write(folder / "list.csv", [["file", "label"], ["hat/a.png", "Hat"], ["shoe/c.png", "shoe"]])
    assert recognise(folder).describe.startswith("image folder")
    write(folder / "list.csv", [["file", "label"], ["hat/a.png", "big"], ["shoe/c.png", "small"]])
    with pytest.raises(DataError, match=r"list\.csv and the folders \(hat, shoe\) tell different classes"):
        recognise(folder)
    assert read(folder / "list.csv").labels.tolist() == ["big", "small"]
    write(folder / "list.csv", [["item", "price"], ["hat", "3"]])  # about something else
    assert recognise(folder).describe.startswith("image folder")


def test_several_lists_without_parts_in_their_names(folder: Path) -> None:
    pictures(folder, ["a.png", "b.png"])
    for name in ("one.csv", "two.csv"):
        write(folder / name, [["file", "label"], ["a.png", "hat"], ["b.png", "shoe"]])
    with pytest.raises(DataError, match=r"several lists of pictures with labels \(one\.csv, two\.csv\); give the one"):
        recognise(folder)


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
@pytest.mark.parametrize("per_part", [True, False])
def test_image_folders_of_hugging_face(folder: Path, name: str, per_part: bool) -> None:
    """Metadata in the folder or in each part's folder, as `datasets` documents ImageFolder."""
    files = ["train/1.png", "train/2.png", "test/1.png"]
    pictures(folder, files)
    labels = ["hat", "shoe", "hat"]

    def metadata(path: Path, rows: list[tuple[str, str]]) -> None:
        if name.endswith(".csv"):
            write(path, [["file_name", "label"], *map(list, rows)])
        else:
            path.write_text("".join(json.dumps({"file_name": file, "label": label}) + "\n" for file, label in rows))

    if per_part:
        metadata(folder / "train" / name, [("1.png", "hat"), ("2.png", "shoe")])
        metadata(folder / "test" / name, [("1.png", "hat")])
    else:
        metadata(folder / name, list(zip(files, labels, strict=True)))
    source = recognise(folder)
    assert numbers_and_labels(source.parts["train"]()) == [(0, "hat"), (1, "shoe")]
    assert numbers_and_labels(source.parts["test"]()) == [(2, "hat")]


def test_metadata_without_labels_leaves_the_folders_their_say(folder: Path) -> None:
    pictures(folder, ["hat/a.png", "shoe/c.png"])
    write(folder / "metadata.csv", [["file_name", "text"], ["hat/a.png", "a red hat"]])
    assert recognise(folder).describe.startswith("image folder")


@pytest.mark.parametrize(("text", "message"), [
    ('{"file_name": "a.png", "label": "x"}\n{"file_na', "line 2: no JSON"), ('[1]\n', "line 1: expected a JSON object"),
    ("", "holds no rows"), ("[" * 100_000, "line 1: no JSON"),
])
def test_broken_json_lines(folder: Path, text: str, message: str) -> None:
    folder.mkdir()
    (folder / "x.jsonl").write_text(text)
    with pytest.raises(DataError, match=rf"x\.jsonl: {message}"):
        load_training(str(folder / "x.jsonl"))


def test_predicting_on_a_list_says_what_it_is_not(folder: Path) -> None:
    path = write(folder / "x.csv", [["file", "label"], ["a.png", "hat"]])
    alone = lone_file(path.name)
    assert alone is not None
    with pytest.raises(DataError, match=r"no header of a table of pixels.*of a list of files give the files"):
        alone.read(path)


def test_the_photographs_through_their_list() -> None:
    folder = shared_photos()
    with (folder / "labels.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    source = recognise(folder / "labels.csv")
    assert source.classes == tuple(sorted({row["label"] for row in rows}))
    for part, word in (("train", "train"), ("val", "validation"), ("test", "test")):
        expected = [row for row in rows if row["part"] == word]
        raw = source.parts[part]()  # type: ignore[index]
        assert list(raw.names or ()) == [row["file"] for row in expected]
        assert raw.labels.tolist() == [row["label"] for row in expected]
        assert raw.columns["sender"].tolist() == [row["sender"] for row in expected]
        assert Counter(raw.labels.tolist()) == Counter(path.parent.name for path in raw.pictures
                                                       if isinstance(path, Path))
    assert source.left_out == ()
