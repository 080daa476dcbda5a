from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from fashionlab.common.errors import DataError, UsageError
from fashionlab.data import DATASETS, load_training
from fashionlab.data.formats.idx import write_idx
from fashionlab.data.held_out import load_test
from fashionlab.data.idx_dataset import IdxDataset
from fashionlab.data.picture_dataset import PictureDataset


def test_entries_are_whole() -> None:
    assert len(DATASETS.names()) >= 7
    for name in DATASETS:
        entry = DATASETS[name]
        assert entry.name == name and entry.title and entry.advice.endswith(".")
        assert len(set(entry.classes)) == len(entry.classes) >= 10
        assert all(label for label, _ in entry.routes())
        if isinstance(entry, IdxDataset):
            assert set(entry.files) == {"train", "test"} and len(set(entry.file_names)) == 4
            assert not entry.hashes or set(entry.hashes) == set(entry.file_names)
            assert not entry.routes() or entry.hashes  # what is downloaded can be verified
        else:
            assert isinstance(entry, PictureDataset) and entry.editions
            for edition in entry.editions:
                assert {"train", "validation", "test"} <= set(edition.ids) <= {"train", "validation", "test",
                                                                               "labels.csv"}
                assert all(re.fullmatch("[0-9a-f]{40}", one) for one in edition.ids.values())
            assert len({one for edition in entry.editions for one in edition.ids.values()}) == sum(
                len(edition.ids) for edition in entry.editions)


def test_class_counts_of_the_emnist_paper() -> None:
    assert [len(DATASETS[f"emnist-{name}"].classes) for name in ("balanced", "letters", "digits")] == [47, 26, 10]


def test_emnist_letters_are_turned_upright_and_counted_from_zero(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (26, 28, 28), dtype=np.uint8)
    for part in ("train", "test"):
        write_idx(tmp_path / f"emnist-letters-{part}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"emnist-letters-{part}-labels-idx1-ubyte.gz", np.arange(1, 27, dtype=np.uint8))
    for load in (load_training, load_test):
        pictures = load("emnist-letters", data_dir=tmp_path)
        np.testing.assert_array_equal(pictures.images[:, 0], images.transpose(0, 2, 1))
        assert [pictures.classes[label] for label in pictures.labels] == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_unknown_names_and_missing_paths(tmp_path: Path, toy_data: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'fashion-mnist'"):
        load_training("fashion-mnits")
    with pytest.raises(DataError, match="no such file or folder"):
        load_training(str(tmp_path / "fashion-mnist"))
    with pytest.raises(UsageError, match="image_size 0"):
        load_training(str(toy_data), image_size=0)
    with pytest.raises(UsageError, match="channels 2"):
        load_training(str(toy_data), channels=2)


def test_size_and_channels_as_wanted(toy_data: Path) -> None:
    native = load_training(str(toy_data))
    assert native.images.shape == (600, 1, 28, 28)
    colour = load_training(str(toy_data), image_size=32, channels=3)
    assert colour.images.shape == (600, 3, 32, 32)
    np.testing.assert_array_equal(colour.images[:, 0], colour.images[:, 2])
    same = load_training(str(toy_data), image_size=28, channels=1)
    np.testing.assert_array_equal(same.images, native.images)


def test_tables_in_the_folder_of_a_named_set(tmp_path: Path) -> None:
    for name in ("fashion-mnist_train.csv", "fashion-mnist_test.csv"):
        (tmp_path / name).write_text("label,pixel1\n9,255\n0,1\n")
    pictures = load_training(data_dir=tmp_path)
    assert pictures.classes[9] == "Ankle boot" and "not verified" in pictures.source
