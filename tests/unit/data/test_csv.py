from __future__ import annotations

import csv as standard_csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data.formats.csv import detect, write_csv
from fashionlab.data.pixel_table import read_pixels

HEADER = "label,pixel1,pixel2,pixel3,pixel4\n"


def read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = read_pixels(path)
    assert table.labels is not None
    return table.images, table.labels


@given(data=st.data())
def test_round_trip_and_the_standard_library_reads_the_same(tmp_path_factory: pytest.TempPathFactory,
                                                            data: st.DataObject) -> None:
    n, channels, side = data.draw(st.integers(1, 5)), data.draw(st.sampled_from([1, 3])), data.draw(st.integers(1, 6))
    images = data.draw(st_numpy.arrays(np.uint8, (n, channels, side, side)))
    labels = data.draw(st_numpy.arrays(np.int64, n, elements=st.integers(0, 255)))
    path = tmp_path_factory.mktemp("csv") / "train.csv"
    write_csv(path, PictureSet(images, labels, tuple(map(str, range(256))), "test"))
    read, read_labels = read_csv(path)
    expected = images[:, 0] if channels == 1 else images.transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(read_labels, labels)
    with path.open(newline="") as stream:
        header, *rows = standard_csv.reader(stream)
    assert header == ["label", *(f"pixel{i + 1}" for i in range(channels * side * side))]
    np.testing.assert_array_equal(np.array(rows, dtype=int), np.column_stack([labels, expected.reshape(n, -1)]))


@pytest.mark.parametrize("text", [
    HEADER + "0,1,2,3,4\n1,5,6,7,255\n",
    HEADER.replace("\n", "\r\n") + "0,1,2,3,4\r\n1,5,6,7,255",
    "\ufeff" + HEADER + "0,1,2,3,4\n\n1,5,6,7,255\n\n",
], ids=["unix", "windows", "bom-and-blank-lines"])
def test_line_ends_and_blank_lines_do_not_matter(tmp_path: Path, text: str) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(text.encode())
    images, labels = read_csv(path)
    assert labels.tolist() == [0, 1]
    assert images.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 255]]]


@pytest.mark.parametrize(("text", "expected"), [
    ("", "empty, expected a table"),
    (HEADER, "holds no pictures"),
    ("label,pixel1,pixel2,pixel4\n0,1,2,3\n", "line 1, column 4 is 'pixel4', expected 'pixel3'"),
    ("label,pixel1,pixel2\n0,1,2\n", "line 1 has 2 pixel columns.*is a column missing"),
    ("file,label\na.png,hat\n", "line 1 is no header of a table of pixels"),
    (HEADER + "0,1,2,3,4\n0,1,x,3,4\n", "line 3, column pixel2: 'x'"),
    (HEADER + "0,1,2,3\n", "line 2 has 4 columns, expected 5"),
    (HEADER + "0,1,2,3,4\n\n0,1,2,3,4,5\n", "line 4 has 6 columns, expected 5"),
    (HEADER + "0,1,2,3,4\n0,1,2,3,256\n", "line 3, column pixel4: '256', expected a whole number from 0 to 255"),
    (HEADER + "0,1,-1,3,4\n", "line 2, column pixel2: '-1'"),
    (HEADER + "0,1,2.5,3,4\n", "line 2, column pixel2: '2.5'"),
    (HEADER + "0,1,,3,4\n", "line 2, column pixel2: ''"),
    (HEADER + "0,1,2,3,4\n1,1,2,3,4\nhat,1,2,3,4\n", "line 4, column label: 'hat'"),
    (HEADER + "0,1,2,3," + "9" * 5000 + "\n", "line 2, column pixel4"),
])
def test_bad_tables_name_file_line_and_column(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=expected) as caught:
        read_csv(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_bytes(HEADER.encode() + b"0,1,\xff\xfe,3,4\n")
    with pytest.raises(DataError, match=r"train\.csv"):
        read_csv(path)


def test_only_square_pictures_fit_into_a_table(tmp_path: Path) -> None:
    pictures = PictureSet(np.zeros((1, 1, 2, 3), dtype=np.uint8), np.zeros(1, dtype=np.int64), ("a", "b"), "test")
    with pytest.raises(DataError, match="square"):
        write_csv(tmp_path / "x.csv", pictures)
    assert not list(tmp_path.iterdir())


def test_kaggle_names_are_found_and_doubles_refused(tmp_path: Path) -> None:
    assert detect(tmp_path) is None
    for name in ("fashion-mnist_train.csv", "fashion-mnist_test.csv"):
        (tmp_path / name).write_text(HEADER)
    source = detect(tmp_path)
    assert source is not None and set(source.parts) == {"train", "test"}
    (tmp_path / "train2.csv").write_text(HEADER)
    with pytest.raises(DataError, match=r"2 tables of pixels for training"):
        detect(tmp_path)
