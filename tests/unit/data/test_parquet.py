"""Parquet files written with pyarrow as `datasets` writes them (its own library is not needed)."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.errors import DataError, FashionlabError
from fashionlab.data import load_training
from fashionlab.data.formats import recognise
from fashionlab.data.held_out import load_test

pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
pq = pytest.importorskip("pyarrow.parquet")

NAMES = ["hat", "shoe", "bag"]
FEATURES = {"image": {"_type": "Image"}, "label": {"names": NAMES, "_type": "ClassLabel"}}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fashionlab" / "unpacked"


def png(number: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((6, 6), number, dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def images(numbers: list[int], paths: bool = True) -> Any:
    values = [{"bytes": png(number), "path": f"s{number % 4}_{number}.png" if paths else None} for number in numbers]
    return pa.array(values, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def write(path: Path, columns: dict[str, Any], features: dict[str, Any] | None = None, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if features is not None:
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    pq.write_table(table, path, **how)
    return path


def labels(numbers: list[int]) -> Any:
    return pa.array([number % 3 for number in numbers], pa.int64())


def as_hugging_face(folder: Path, test_labels: Any = None) -> Path:
    """Two files for training, one for each other part, numbered 0 to 29."""
    for name, first, count in (("train-00000-of-00002", 0, 10), ("train-00001-of-00002-a1dev2val", 10, 8),
                               ("validation-00000-of-00001", 18, 6), ("test-00000-of-00001", 24, 6)):
        numbers = list(range(first, first + count))
        given = test_labels if test_labels is not None and name.startswith("test") else labels(numbers)
        write(folder / f"{name}.parquet", {"image": images(numbers), "label": given}, FEATURES, row_group_size=4)
    return folder


@pytest.mark.parametrize("inner", ["data", ".", "default"])
def test_folders_as_on_the_hub(tmp_path: Path, inner: str) -> None:
    as_hugging_face(tmp_path / "set" / inner)
    training, test = load_training(str(tmp_path / "set")), load_test(str(tmp_path / "set"))
    assert training.classes == test.classes == tuple(NAMES)
    assert training.images[:, 0, 0, 0].tolist() == list(range(24)) and training.images.shape == (24, 1, 6, 6)
    assert training.validation is not None and training.validation.tolist() == list(range(18, 24))
    assert test.images[:, 0, 0, 0].tolist() == list(range(24, 30))
    for one in (training, test):
        assert one.labels.tolist() == (one.images[:, 0, 0, 0] % 3).tolist()
        assert one.files == tuple(f"s{number % 4}_{number}.png" for number in one.images[:, 0, 0, 0])


def test_folders_of_the_parts(tmp_path: Path) -> None:
    """As the hub's converted branch has them: default/train/0000.parquet."""
    for part, numbers in (("train", list(range(9))), ("test", [9, 10, 11])):
        write(tmp_path / "set" / "default" / part / "0000.parquet",
              {"image": images(numbers), "label": labels(numbers)})
    assert load_training(str(tmp_path / "set")).images[:, 0, 0, 0].tolist() == list(range(9))
    assert load_test(str(tmp_path / "set")).images[:, 0, 0, 0].tolist() == [9, 10, 11]


def test_one_file_is_held_out_from_and_unpacked_once(tmp_path: Path, cache: Path) -> None:
    numbers = list(range(24))
    path = write(tmp_path / "all.parquet", {
        "picture": pa.array([png(number) for number in numbers]), "kind": pa.array([NAMES[n % 3] for n in numbers]),
        "shop": pa.array([n // 3 for n in numbers])})
    training, test = load_training(str(path), group="shop"), load_test(str(path), group="shop")
    shades = [*training.images[:, 0, 0, 0].tolist(), *test.images[:, 0, 0, 0].tolist()]
    assert sorted(shades) == numbers and len(test) > 0
    for one in (training, test):
        assert [one.classes[label] for label in one.labels] == [NAMES[n % 3] for n in one.images[:, 0, 0, 0]]
    assert not {n // 3 for n in training.images[:, 0, 0, 0]} & {n // 3 for n in test.images[:, 0, 0, 0]}
    assert "column 'kind' is the label" in training.notes
    assert len(list(cache.iterdir())) == 1


def test_rows_without_a_picture_or_a_label_are_told(tmp_path: Path) -> None:
    column = pa.array([{"bytes": png(n), "path": None} if n != 3 else {"bytes": None, "path": "/gone.png"}
                       for n in range(6)] + [None], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    path = write(tmp_path / "x.parquet", {"image": column, "label": pa.array([0, 1, None, 1, -1, 0, 1], pa.int64())},
                 FEATURES)
    part = recognise(path).parts["train"]()
    assert part.labels.tolist() == ["hat", "shoe", "hat"]
    assert part.names == ["x.parquet:0", "x.parquet:1", "x.parquet:5"]
    assert [(one.file, one.reason) for one in part.left_out] == [
        ("x.parquet (2 rows: 3, 6)", "no picture in it"), ("x.parquet (2 rows: 2, 4)", "no label")]


@pytest.mark.parametrize("unlabelled", ["minus", "absent"])
def test_a_test_part_without_labels_is_none(tmp_path: Path, unlabelled: str) -> None:
    as_hugging_face(tmp_path / "set", pa.array([-1] * 6, pa.int64()))
    if unlabelled == "absent":
        write(tmp_path / "set" / "test-00000-of-00001.parquet", {"image": images([24])})
    source = recognise(tmp_path / "set")
    assert list(source.parts) == ["train", "val"]
    assert "test-00000-of-00001.parquet has no labels: it is no test part" in source.notes
    assert [one.file for one in source.left_out] == ["test-00000-of-00001.parquet"]


def test_of_the_metadata_of_the_test_part_the_first_row_is_read(tmp_path: Path) -> None:
    """The rest of it is damaged."""
    for part in ("train", "test"):
        names = [f"{number}.png" for number in range(3000)]
        path = write(tmp_path / "set" / part / "metadata.parquet",
                     {"file_name": pa.array(names), "label": pa.array(["hat", "shoe"] * 1500)}, row_group_size=100,
                     compression="none", use_dictionary=False)
        for number in range(6):
            (path.parent / f"{number}.png").write_bytes(png(number))
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[start : start + 2000] = b"\xff" * 2000
    path.write_bytes(content)
    source = recognise(tmp_path / "set")
    assert source.parts["train"]().names[:2] == ["0.png", "1.png"]  # type: ignore[index]
    with pytest.raises(DataError, match=r"test/metadata\.parquet: cannot be read"):
        source.parts["test"]()


def test_which_column_is_meant_is_said_behind_the_path(tmp_path: Path) -> None:
    numbers = list(range(12))
    features = {"img": {"_type": "Image"}, **{name: {"names": names, "_type": "ClassLabel"} for name, names in
                                              (("fine", NAMES), ("coarse", ["worn", "carried"]))}}
    path = write(tmp_path / "x.parquet", {"img": images(numbers), "fine": labels(numbers),
                                          "coarse": pa.array([int(n % 3 == 2) for n in numbers])}, features)
    with pytest.raises(DataError, match=r"may be the label \('fine', 'coarse'\); say which one with PATH#COLUMN"):
        recognise(path)
    assert recognise(Path(f"{path}#coarse")).classes == ("worn", "carried")
    assert load_training(f"{path}#fine").classes == tuple(NAMES)
    with pytest.raises(DataError, match="no column 'fin'; did you mean 'fine'"):
        recognise(Path(f"{path}#fin"))


@pytest.mark.parametrize(("columns", "message"), [
    (lambda: {"a": images([0]), "b": images([1]), "label": labels([0])}, "2 columns hold pictures"),
    (lambda: {"text": pa.array(["x"]), "label": labels([0])}, "no column holds pictures"),
    (lambda: {"image": images([0])}, "no column of labels"),
    (lambda: {"image": images([0, 1]), "label": pa.array([0.5, 1.0])}, "labels with a point, such as 0.5"),
    (lambda: {"image": images([0, 1]), "label": pa.array([None, None], pa.int64())}, "no row has both"),
])
def test_what_is_wrong_is_named(tmp_path: Path, columns: Any, message: str) -> None:
    path = write(tmp_path / "x.parquet", columns())
    with pytest.raises(DataError, match=message) as caught:
        load_training(str(path))
    assert str(path) in str(caught.value)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    columns = [images([0, 1]), labels([0, 1]), labels([0, 1]), labels([0, 1])]
    pq.write_table(pa.Table.from_arrays(columns, ["image", "label", "shop", "shop"]), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"x\.parquet: two columns are called 'shop'"):
        load_training(str(tmp_path / "x.parquet"))


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"PAR1" + bytes(40) + b"PAR1",
                                    lambda data: b"", lambda data: data[:300] + bytes(400) + data[700:]])
def test_damaged_files(tmp_path: Path, damage: Any) -> None:
    numbers = list(range(30))
    path = write(tmp_path / "x.parquet", {"image": images(numbers), "label": labels(numbers)}, FEATURES)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=str(path)):
        load_training(str(path))


def test_a_full_disk_is_not_said_to_be_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = write(tmp_path / "x.parquet", {"image": images([0, 1]), "label": labels([0, 1])})
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FashionlabError, match=r"cannot write .*No space left on device") as caught:
        load_training(str(path))
    assert not isinstance(caught.value, DataError)


def test_texts_that_are_no_utf8(tmp_path: Path) -> None:
    names = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xff\xfe"))
    path = write(tmp_path / "x.parquet", {"image": images([0]), "label": labels([0]), "shop": names})
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read as a Parquet file"):
        load_training(str(path))


def test_features_that_are_no_json(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"image": images([0]), "label": labels([0])}, FEATURES)
    table = pq.read_table(path).replace_schema_metadata({"huggingface": "{"})
    pq.write_table(table, path)
    with pytest.raises(DataError, match=r"x\.parquet: what `datasets` says of its columns cannot be read"):
        recognise(path)


def test_training_files_in_two_folders_and_none_for_training(tmp_path: Path) -> None:
    for name in ("train.parquet", "data/train.parquet"):
        write(tmp_path / "two" / name, {"image": images([0]), "label": labels([0])})
    with pytest.raises(DataError, match=r"training pictures in .*two and in .*data; give the folder"):
        recognise(tmp_path / "two")
    write(tmp_path / "none" / "test.parquet", {"image": images([0]), "label": labels([0])})
    with pytest.raises(DataError, match=r"no Parquet file for training \(test\.parquet\)"):
        recognise(tmp_path / "none")


def test_metadata_of_an_image_folder(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / f"{number}.png").write_bytes(png(number))
    write(tmp_path / "set" / "metadata.parquet", {
        "file_name": pa.array([f"{n}.png" for n in range(4)]), "label": pa.array([0, 1, 1, 0])},
        {"label": {"names": ["hat", "shoe"], "_type": "ClassLabel"}})
    part = recognise(tmp_path / "set").parts["train"]()
    assert part.labels.tolist() == ["hat", "shoe", "shoe", "hat"]
    assert part.names == ["0.png", "1.png", "2.png", "3.png"]


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.parquet", {"image": images([0]), "label": labels([0])})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"x\.parquet: a Parquet file.* needs pyarrow: install the extra 'parquet'"):
        recognise(path)
