"""What may be a mistake in people's own data is told, and nothing else is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fashionlab as fl
from fashionlab.common.errors import DataError
from fashionlab.common.records import PictureSet
from fashionlab.data.doubts import doubts


def pictures(classes: tuple[str, ...], brightest: int = 255) -> PictureSet:
    images = np.zeros((len(classes), 1, 4, 4), np.uint8)
    images[-1, 0, 0, 0] = brightest
    return PictureSet(images, np.arange(len(classes)), classes, "here")


@pytest.mark.parametrize(("one", "other"), [
    ("Dress", "dress"), ("T-Shirt", "t shirt"), ("t_shirt", "tshirt"), ("gr\u00f6\u00dfe", "gro\u0308sse"),
    ("hat ", "hat")])
def test_names_that_are_spelled_alike(one: str, other: str) -> None:
    assert doubts(pictures((one, "sock", other))) == [
        f"classes “{one}” and “{other}” are spelled alike: if they are one, give them one name"]


@pytest.mark.parametrize("classes", [
    ("dress", "dresses"), ("1", "10", "11"), ("-", "_"), ("a+", "a"), ("größe", "grosse x")])
def test_names_that_differ(classes: tuple[str, ...]) -> None:
    assert doubts(pictures(classes)) == []


@pytest.mark.parametrize(("brightest", "told"), [(1, True), (16, True), (31, True), (32, False), (255, False)])
def test_pictures_that_are_nearly_black(brightest: int, told: bool) -> None:
    sentences = doubts(pictures(("hat", "sock"), brightest))
    assert [f"brighter than {brightest} of 255" in one for one in sentences] == [True] * told


def test_the_digits_of_scikit_learn_are_told(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    np.savez(tmp_path / "digits.npz", images=digits.images, target=digits.target)
    assert any("if 16 stands for white" in note for note in fl.datasets.info(tmp_path / "digits.npz")["notes"])


def test_a_folder_with_several_data_sets_names_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        np.savez(tmp_path / name, x_train=np.zeros((4, 3, 3), np.uint8), y_train=[0, 1, 0, 1])
    with pytest.raises(DataError, match=r"several data sets, a\.npz, b\.npz; give one of them"):
        fl.datasets.info(tmp_path)


def test_a_class_whose_name_no_run_could_keep_is_refused_before_training(tmp_path: Path) -> None:
    for name in (os.fsdecode(b"caf\xe9"), "hat"):
        (tmp_path / name).mkdir()
        for index in range(6):
            Image.new("L", (8, 8), 40 * index).save(tmp_path / name / f"{index}.png")
    with pytest.raises(DataError, match=re.escape(r"a class is called caf\udce9: expected UTF-8 text")):
        fl.datasets.info(tmp_path)
