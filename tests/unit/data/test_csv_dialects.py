"""Tables of pixels in the dialects of Kaggle, pandas, R, numpy and spreadsheets, written here by plain Python."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionlab.common.errors import DataError
from fashionlab.data import load_training
from fashionlab.data.formats import lone_file, recognise
from fashionlab.data.formats.csv import detect
from fashionlab.data.held_out import load_test
from fashionlab.data.pixel_table import read_pixels
from shared_data import shared_case

TEN = list("0123456789")
NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")


def write(path: Path, rows: list[list[object]], delimiter: str = ",", quote: bool = False, end: str = "\n",
          encoding: str = "utf-8") -> Path:
    stream = io.StringIO()
    quoting = csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL
    csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    data = stream.getvalue().encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def pixel_names(kind: str, side: int) -> list[str]:
    count = side * side
    return {
        "pixel1": [f"pixel{i + 1}" for i in range(count)],
        "pixel0": [f"pixel{i}" for i in range(count)],
        "px_0": [f"PX_{i}" for i in range(count)],
        "padded": [f"pixel{i:04}" for i in range(count)],
        "1x1": [f"{row + 1}x{column + 1}" for row in range(side) for column in range(side)],
        "r0c0": [f"r{row}c{column}" for row in range(side) for column in range(side)],
        "numbers": [str(i) for i in range(count)],
    }[kind]


@given(data=st.data())
def test_any_dialect_is_read_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    draw = data.draw
    n, side = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    images = np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)
    images[0, 0, :2] = 0, 255
    numbers = draw(st.booleans())
    labels = [int(value) for value in np.arange(n) % 3] if numbers else [["hat", "left, shoe", "b o x"][i % 3]
                                                                         for i in range(n)]
    scale = draw(st.sampled_from(["whole", "point", "unit", "exponent"]))
    text = {"whole": str, "point": lambda v: f"{float(v)}", "unit": lambda v: f"{v / 255:.9f}",
            "exponent": lambda v: f"{v:.6e}"}[scale]
    names = pixel_names(draw(st.sampled_from(["pixel1", "pixel0", "px_0", "padded", "1x1", "r0c0", "numbers"])), side)
    label_name = draw(st.sampled_from(["label", "Class", "TARGET", "y", "category"]))
    rows: list[list[object]] = []
    for i in range(n):
        rows.append([text(int(v)) for v in images[i].reshape(-1)])
    place = draw(st.sampled_from([0, len(names)]))
    names.insert(place, label_name)
    for row, label in zip(rows, labels, strict=True):
        row.insert(place, label)
    index = draw(st.sampled_from([None, "", "Unnamed: 0", "id", "Index"]))
    if index is not None:
        names.insert(0, index)
        for number, row in enumerate(rows):
            row.insert(0, number + 7)
    suffix = draw(st.sampled_from([".csv", ".csv.gz", ".CSV", ".tsv"]))
    path = write(tmp_path_factory.mktemp("csv") / f"train{suffix}", [names, *rows],
                 draw(st.sampled_from([",", ";", "\t"])), draw(st.booleans()), draw(st.sampled_from(["\n", "\r\n"])),
                 draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))
    read = read_pixels(path)
    np.testing.assert_array_equal(read.images, images)
    assert read.labels is not None and read.labels.tolist() == labels
    assert ("numbers from 0 to 1: times 255, rounded" in read.notes) == (scale == "unit")
    assert any("left out" in note for note in read.notes) == (index is not None)
    source = recognise(path)
    np.testing.assert_array_equal(source.parts["train"]().pictures, images[:, None])
    alone = lone_file(path.name)
    assert alone is not None
    np.testing.assert_array_equal(alone.read(path), images[:, None])


def reference(folder: Path, part: str) -> tuple[np.ndarray, list[str]]:
    """The table of part as the standard library reads it: numbers, and the first cell of each row."""
    path = next(folder.glob(f"*{part}.csv*"))
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    rows = rows[1:] if not rows[0][-1].isdigit() else rows
    values = np.array([row[-784:] for row in rows], dtype=int).reshape(-1, 1, 28, 28)
    return values, [row[0] for row in rows]


@pytest.mark.parametrize("case", ["F1pixel0", "F2mnistjoseph", "F3nohdr", "F7quoted", "F8gz", "F10str"])
def test_tables_as_kaggle_has_them(tmp_path: Path, case: str) -> None:
    original = shared_case("csv_variants") / case
    folder = tmp_path / case
    folder.mkdir()
    for file in original.iterdir():
        shutil.copyfile(file, folder / file.name)
    classes = NAMES if case == "F10str" else tuple(TEN)
    (folder / "classes.txt").write_text("\n".join(classes))  # twenty rows hold no picture of some classes
    plain = shared_case("csv_variants") / "F1pixel0"
    for part, load in (("train", load_training), ("test", load_test)):
        pictures = load(str(folder))
        values, labels = reference(original, part)
        np.testing.assert_array_equal(pictures.images, values)
        assert [pictures.classes[label] for label in pictures.labels] == labels
        expected = reference(plain, part)
        np.testing.assert_array_equal(pictures.images[:19], expected[0])
        assert pictures.labels[:19].tolist() == [int(label) for label in expected[1]]
        assert pictures.left_out == ()


def test_without_a_test_table_a_sixth_is_held_out(tmp_path: Path) -> None:
    """Kaggle's test table has no labels, others have none at all, or the training table is given itself."""
    original = shared_case("csv_variants") / "F14kaggle"
    expected = reference(original, "train")[0]
    for case in ("F14kaggle", "F15train", "file"):
        folder = tmp_path / case
        folder.mkdir()
        for file in (shared_case("csv_variants") / case.replace("file", "F14kaggle")).iterdir():
            shutil.copyfile(file, folder / file.name)
        (folder / "classes.txt").write_text("\n".join(TEN))
        path = folder / "train.csv" if case == "file" else folder
        training, test = load_training(str(path)), load_test(str(path))
        both = {picture.tobytes() for pictures in (training, test) for picture in pictures.images}
        assert len(training) == 16 and len(test) == 3
        assert both == {picture.astype(np.uint8).tobytes() for picture in expected}
        assert any("held out" in note for note in training.notes)
        notes, left_out = " ".join(training.notes), [(one.file, one.reason) for one in training.left_out]
        if case == "F14kaggle":
            assert "test.csv has no column of labels" in notes
            assert left_out == [("test.csv", "a table of pixels without labels")]
        elif case == "F15train":
            assert left_out == [("x.txt", "no table of pixels")]
        else:
            assert "test.csv beside it: not read" in notes


def test_gaps_in_the_numbers_of_classes_are_refused_with_advice() -> None:
    with pytest.raises(DataError, match=r"train\.csv: label 5 .*no picture has label 4.*classes\.txt"):
        load_training(str(shared_case("csv_variants") / "F7quoted"))


def table(labels: list[object], header: list[str] | None = None) -> list[list[object]]:
    rows: list[list[object]] = [[label, 10 * i, 200, i, 9] for i, label in enumerate(labels)]
    return rows if header is None else [list(header), *rows]


def test_a_validation_table_is_read_as_such(tmp_path: Path) -> None:
    for name, labels in (("my_Train.csv", [0, 1, 0, 1]), ("my_Valid.csv", [1, 0, 1]), ("my_Test.csv", [0, 1])):
        write(tmp_path / name, table(list(labels), ["label", "p0", "p1", "p2", "p3"]))
    pictures = load_training(str(tmp_path))
    assert pictures.labels.tolist() == [0, 1, 0, 1, 1, 0, 1] and pictures.validation is not None
    assert pictures.validation.tolist() == [4, 5, 6]
    assert load_test(str(tmp_path)).labels.tolist() == [0, 1]


def test_of_a_test_table_the_training_needs_the_first_lines(tmp_path: Path) -> None:
    header = ["label", "p0", "p1", "p2", "p3"]
    write(tmp_path / "train.csv", table([0, 1, 0, 1], header))
    write(tmp_path / "test.csv", [*table([0], header), ["nonsense"]])
    assert load_training(str(tmp_path)).labels.tolist() == [0, 1, 0, 1]
    with pytest.raises(DataError, match=r"test\.csv: line 3 has 1 columns, expected 5"):
        load_test(str(tmp_path))


@pytest.mark.parametrize(("rows", "place"), [
    ([[0, 5, 9, 200, 30], [1, 5, 9, 255, 40], [2, 5, 9, 0, 0]], 0),
    ([[0, 9, 5, 200, 0], [0, 5, 9, 200, 1], [0, 5, 9, 200, 2]], 4),
    ([["hat", 5, 9, 200, 1], ["shoe", 5, 9, 200, 0]], 0),
    ([[3, 5, 9, 200, "hat"], [3, 5, 9, 200, "shoe"]], 4),
    ([[1, 5, 9, 200, 0], [2, 5, 9, 200, 0]], 0),
])
def test_without_a_header_the_label_is_first_or_last(tmp_path: Path, rows: list[list[object]], place: int) -> None:
    read = read_pixels(write(tmp_path / "train.csv", rows))
    assert read.labels is not None and read.labels.tolist() == [row[place] for row in rows]
    rest = [[value for column, value in enumerate(row) if column != place] for row in rows]
    assert read.images.reshape(len(rows), -1).tolist() == rest
    assert f"the {'last' if place else 'first'} column is the label" in " ".join(read.notes)


def test_without_a_header_the_training_table_tells_where_the_label_is(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [[0, 9, 5, 200, 0], [0, 5, 9, 200, 1]])
    write(tmp_path / "test.csv", [[0, 5, 9, 200, 1], [1, 5, 9, 200, 0]])  # by itself it may be read in two ways
    assert load_test(str(tmp_path)).labels.tolist() == [1, 0]


@pytest.mark.parametrize(("rows", "message"), [
    ([[0, 5, 9, 200, 0], [1, 5, 9, 200, 1]], "the first column as well as the last one may be the label; a first line"),
    ([[1] * 49, [2] * 49], "49 columns may be a picture or a label and a picture"),
    ([["label", "class", "p0", "p1", "p2"], [1, 2, 3, 4, 5]],
     r"line 1: several columns may be the label \('label', 'class'\)"),
    ([["kind", "shop", "p0", "p1", "p2", "p3"], [1, 2, 3, 4, 5, 6]], r"may be the label \('kind', 'shop'\)"),
    ([["label", "1x1", "2x1", "1x2", "2x2"], [0, 1, 2, 3, 4]], "column 3 is '2x1', expected '1x2'"),
    ([["label", "p1", "p10", "p2", "p3"], [0, 1, 2, 3, 4]], "column 3 is 'p10', expected 'p2'"),
    ([["label", "p5", "p6", "p7", "p8"], [0, 1, 2, 3, 4]], "is 'p5', expected the first pixel"),
    ([["label", "0x0", "0x1", "1x0"], [0, 1, 2, 3]], "3 pixel columns, which are no whole picture"),
    ([*table([0, 1], ["label", "p0", "p1", "p2", "p3"]), [0, "12.5", 2, 3, 4]], "line 4, column p0: '12.5'"),
    ([*table([0, 1], ["label", "p0", "p1", "p2", "p3"]), [0, "1.0", 2, 300, 4]], "line 4, column p2: '300'"),
    ([*table([0, 1], ["label", "p0", "p1", "p2", "p3"]), [0, "nan", 2, 3, 4]], "line 4, column p0: 'nan'"),
    ([*table([0, 1], ["label", "p0", "p1", "p2", "p3"]), ["x", 1, 2, 3, 4]], "line 4, column label: 'x'"),
    ([*table([0, 1], ["label", "p0", "p1", "p2", "p3"]), ["", 1, 2, 3, 4]], "line 4, column label: empty"),
    ([*table([0, 1], ["label", "p0", "p1", "p2", "p3"]), [0, "1.0", 2, 3, 4, 5]], "line 4 has 6 columns, expected 5"),
    ([["label", "p0", "p1", "p2", "p3"], [0, -0.5, 0.1, 0.2, 0.3]], "line 2, column p0: '-0.5'"),
    ([["label", *(f"p{'9' * 5000}{i}" for i in range(4))], [0, 1, 2, 3, 4]], "no column names the pictures"),
    ([["label", "p0", "p1", "p2", "p3"], [0, "\u0661", 2, 3, 4]], "line 2, column p0: '\u0661'"),
    ([["p0", "p1", "p2", "p3"], [1, 2, 3, 4]], "no table of pixels with labels|has no column of labels"),
])
def test_what_is_wrong_or_could_be_read_in_two_ways(tmp_path: Path, rows: list[list[object]], message: str) -> None:
    path = write(tmp_path / "train.csv", rows)
    with pytest.raises(DataError, match=message) as caught:
        load_training(str(path))
    assert str(path) in str(caught.value)


def test_other_columns_are_told_and_may_be_groups(tmp_path: Path) -> None:
    rows = table([i % 2 for i in range(24)], ["label", "p0", "p1", "p2", "p3"])
    shops = ["shop", *(f"s{number % 7}" for number in range(24))]
    for row, shop in zip(rows, shops, strict=True):
        row.append(shop)
    path = write(tmp_path / "train.csv", rows)
    pictures = load_training(str(path), group="shop")
    assert "column 'shop' is neither label nor pixel: left out" in " ".join(pictures.notes)
    assert pictures.groups is not None and 0 < len(pictures) < 24
    of = [shops[1 + picture[0, 1, 0]] for picture in pictures.images]  # the third pixel numbers the rows
    together = np.array(of)[:, None] == np.array(of)
    np.testing.assert_array_equal(pictures.groups[:, None] == pictures.groups, together)


@pytest.mark.parametrize("header", [[f"pixel{i}" for i in range(4)], ["0", "1", "2", "3"],
                                    ["p0", "p1", "p2", "p3"], ["1x1", "1x2", "1x3", "1x4"],
                                    ["r0c0", "r0c1", "r1c0", "r1c1"]])
def test_names_of_files_beside_pixels_are_left_out(tmp_path: Path, header: list[str]) -> None:
    """What each picture was made of, which is not there."""
    rows = [[*row, f"gone/{number}.png"] for number, row in enumerate(table([0, 1, 0, 1]))]
    read = read_pixels(write(tmp_path / "train.csv", [["label", *header, "origin"], *rows]))
    assert read.images.shape in ((4, 2, 2), (4, 1, 4)) and read.columns["origin"].tolist() == [row[-1] for row in rows]


def test_numbers_zero_and_one_without_a_point_stay_and_are_told(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [["label", "p0", "p1", "p2", "p3"], [0, 0, 1, 1, 0], [1, 1, 1, 0, 0]])
    read = read_pixels(tmp_path / "train.csv")
    assert read.images.max() == 1 and "nearly black" in " ".join(read.notes)
    write(tmp_path / "train.csv", [["label", "p0", "p1", "p2", "p3"], [0, "0.0", "1.0", "1.0", "0.0"]])
    assert read_pixels(tmp_path / "train.csv").images.max() == 255


def test_tables_without_a_name_for_a_part(tmp_path: Path) -> None:
    write(tmp_path / "hmnist_28_28.csv", [[*(f"pixel{i:04}" for i in range(12)), "label"],
                                          *([*range(12), i % 2] for i in range(12))])
    source = detect(tmp_path)
    assert source is not None and set(source.parts) == {"train"}
    pictures = source.parts["train"]().pictures
    assert isinstance(pictures, np.ndarray) and pictures.shape == (12, 3, 2, 2)
    assert pictures[0].tolist() == [[[0, 3], [6, 9]], [[1, 4], [7, 10]], [[2, 5], [8, 11]]]
    shutil.copyfile(tmp_path / "hmnist_28_28.csv", tmp_path / "hmnist_8_8.csv")
    with pytest.raises(DataError, match=r"hmnist_28_28\.csv, hmnist_8_8\.csv.*give the table itself"):
        detect(tmp_path)


@pytest.mark.parametrize("data", [
    b"\x1f\x8b\x08\x00broken", gzip.compress(b"label,p0\n0,1\n" * 9, mtime=0)[:-12], b"\xff\xfe\x00"])
def test_damaged_files(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "train.csv.gz"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"train\.csv\.gz: "):
        read_pixels(path)


def test_what_is_compressed_tells_the_content_and_not_the_name(tmp_path: Path) -> None:
    rows = table([0, 1], ["label", "p0", "p1", "p2", "p3"])
    expected = read_pixels(write(tmp_path / "train.csv", rows)).images
    (tmp_path / "plain.csv.gz").write_bytes((tmp_path / "train.csv").read_bytes())
    (tmp_path / "zipped.csv").write_bytes(gzip.compress((tmp_path / "train.csv").read_bytes()))
    for name in ("plain.csv.gz", "zipped.csv"):
        np.testing.assert_array_equal(read_pixels(tmp_path / name).images, expected)


def test_damaged_tables_beside_class_folders_are_theirs_to_leave_out(tmp_path: Path) -> None:
    for name in ("hat", "shoe"):
        (tmp_path / name).mkdir()
    write(tmp_path / "train_features.csv", [["name", *(f"f{i}" for i in range(7))], ["a", *range(7)]])
    assert detect(tmp_path) is None


def test_one_endless_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "train.csv.gz"
    with gzip.open(path, "wb") as stream:
        for _ in range(40):
            stream.write(b"1" * (1 << 20))
    with pytest.raises(DataError, match="a line of more than"):
        read_pixels(path)
