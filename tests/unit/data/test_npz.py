from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fashionlab.common.errors import DataError
from fashionlab.data import load_training
from fashionlab.data.held_out import load_test


def _arrays(**changes: Any) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "x_train": draw.integers(0, 256, (12, 4, 4), dtype=np.uint8), "y_train": np.arange(12) % 3,
        "x_test": draw.integers(0, 256, (6, 4, 4), dtype=np.uint8), "y_test": np.arange(6) % 3,
    }
    arrays.update(changes)
    return {name: array for name, array in arrays.items() if array is not None}


def _save(folder: Path, **changes: Any) -> Path:
    path = folder / "set.npz"
    np.savez(path, **_arrays(**changes))
    return path


def test_both_parts_and_numbered_classes(tmp_path: Path) -> None:
    path = _save(tmp_path)
    training, test = load_training(str(path)), load_test(str(path))
    assert training.classes == test.classes == ("0", "1", "2")
    np.testing.assert_array_equal(training.images[:, 0], _arrays()["x_train"])
    np.testing.assert_array_equal(test.images[:, 0], _arrays()["x_test"])
    np.testing.assert_array_equal(test.labels, _arrays()["y_test"])


def test_colour_last_or_first_named_classes_and_label_columns(tmp_path: Path) -> None:
    colour = np.random.default_rng(1).integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)
    path = _save(tmp_path, x_train=colour, y_train=(np.arange(12) % 3)[:, None], classes=np.array(["a", "b", "c"]))
    pictures = load_training(str(path))
    assert pictures.classes == ("a", "b", "c")
    np.testing.assert_array_equal(pictures.images, colour.transpose(0, 3, 1, 2))
    path = _save(tmp_path, x_train=colour.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(load_training(str(path)).images, colour.transpose(0, 3, 1, 2))


def test_without_a_test_part_a_sixth_is_held_out(tmp_path: Path) -> None:
    images = np.arange(60, dtype=np.uint8)[:, None, None].repeat(2, axis=1).repeat(2, axis=2)
    path = _save(tmp_path, x_train=images, y_train=np.arange(60) % 3, x_test=None, y_test=None)
    training, test = load_training(str(path)), load_test(str(path))
    assert np.bincount(test.labels).tolist() == [4, 3, 3] and len(training) == 50
    together = np.concatenate([training.images[:, 0, 0, 0], test.images[:, 0, 0, 0]])
    assert sorted(together.tolist()) == list(range(60))
    assert "held out" in training.source and "held out" in test.source


@pytest.mark.parametrize(("changes", "expected"), [
    ({"x_train": None}, "'x_train' is missing"),
    ({"y_train": None}, "'y_train' is missing: 'x_train' has no labels"),
    ({"y_train": np.arange(11) % 3}, "do not fit together"),
    ({"x_train": np.zeros((12, 4), dtype=np.uint8)}, "expected"),
    ({"x_train": np.full((12, 4, 4), -0.5)}, "values from -0.5 to -0.5, expected 0 to 1 or 0 to 255"),
    ({"x_train": np.full((12, 4, 4), 256)}, "values from 256 to 256"),
    ({"y_train": np.arange(12) % 3 + 7}, "out of range"),
    ({"y_train": np.arange(12) % 3 - 1}, "out of range"),
    ({"y_test": np.arange(6)}, "out of range"),
    ({"classes": np.array(["a", "b"])}, "out of range"),
    ({"x_train": np.array([None] * 12)}, "without pickles"),
])
def test_bad_archives_are_named(tmp_path: Path, changes: dict[str, Any], expected: str) -> None:
    path = _save(tmp_path, **changes)
    with pytest.raises(DataError, match=expected) as caught:
        load_training(str(path))
        load_test(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"\x93NUMPY"])
def test_other_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.npz"):
        load_training(str(path))


def test_a_truncated_archive(tmp_path: Path) -> None:
    path = _save(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"set\.npz"):
        load_training(str(path))


def test_a_single_array_under_the_wrong_name(tmp_path: Path) -> None:
    with (tmp_path / "set.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(DataError, match="single array"):
        load_training(str(tmp_path / "set.npz"))
