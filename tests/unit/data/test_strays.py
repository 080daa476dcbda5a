"""Data sets with a file of another form beside them, which is none itself: they are read as without it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.data import load_training
from fashionlab.data.formats import recognise

IMAGES = np.random.default_rng(3).integers(0, 256, (12, 6, 5), dtype=np.uint8)
LABELS = np.arange(12) % 3
HEADER = ",".join(["label", *(f"pixel{number}" for number in range(4))])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def png(number: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(IMAGES[number]).save(stream, "PNG")
    return stream.getvalue()


def arrays(folder: Path) -> None:
    np.save(folder / "x_train.npy", IMAGES)
    np.save(folder / "y_train.npy", LABELS)


def parquet(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table({"image": [png(number) for number in range(12)], "label": LABELS}),
                                folder / "train.parquet")


def class_folders(folder: Path) -> None:
    for number, label in enumerate(LABELS):
        (folder / f"class {label}").mkdir(exist_ok=True)
        (folder / f"class {label}" / f"{number}.png").write_bytes(png(number))


def embeddings(path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table({"label": LABELS, "f0": LABELS / 3}), path)


STRAYS: dict[str, str | Callable[[Path], None]] = {
    "prices.csv": "item,price\nhat,3\n",
    "log.jsonl": json.dumps({"epoch": 1, "loss": 0.5}) + "\n",
    "broken.jsonl": "{",
    "empty.csv": "",
    "train_features.csv": "name," + ",".join(f"f{number}" for number in range(7)) + "\na" + ",1" * 7 + "\n",
    "one.csv": f"{HEADER}\n0,1,2,3,4\n",  # with another one two tables of pixels for nobody knows which part
    "files.csv": "file\nclass 0/0.png\n",
    "origins.csv": "file,label\ngone/91.png,class 0\ngone/92.png,class 1\n",
    "x.npy": lambda path: np.save(path, IMAGES),
    "embeddings.parquet": embeddings,
}


@pytest.mark.parametrize("write", [arrays, parquet, class_folders])
@pytest.mark.parametrize("name", STRAYS)
def test_a_set_is_read_as_without_what_lies_beside_it(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    if (name, write) in (("x.npy", arrays), ("embeddings.parquet", parquet)):
        pytest.skip("a file of the set's own form")
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder)
    expected = load_training(str(folder))
    strays = [name, "two.csv"] if name == "one.csv" else [name]
    for one in strays:
        stray = STRAYS[name]
        if isinstance(stray, str):
            (folder / one).write_text(stray)
        else:
            stray(folder / one)
    read = load_training(str(folder))
    assert read.sha256 == expected.sha256 and read.classes == expected.classes
    assert {one.file for one in read.left_out} == set(strays)


def test_where_nothing_reads_the_folder_all_reasons_are_told(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    (tmp_path / "prices.csv").write_text("item,price\nhat,3\n")
    with pytest.raises(DataError, match=r"prices\.csv: no column names the pictures .*; .*'x' has no labels"):
        recognise(tmp_path)


def test_a_list_that_is_wrong_is_not_passed_over_for_the_folder_of_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    class_folders(tmp_path / "images")
    (tmp_path / "list.csv").write_text("file,shop,price\nimages/class 0/0.png,a,1\nimages/class 1/1.png,b,1\n")
    with pytest.raises(DataError, match=r"list\.csv: several columns may be the label \('shop', 'price'\)"):
        recognise(tmp_path)
