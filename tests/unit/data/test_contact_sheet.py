from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.errors import UsageError
from fashionlab.common.records import PictureSet
from fashionlab.data.contact_sheet import contact_sheet, mean_picture, save_contact_sheet


def _set(n: int = 24, side: int = 8) -> PictureSet:
    """Class k is painted in one colour (not a grey, as the text's edges are), so that it is easily found again."""
    labels = np.arange(n) % 3
    images = np.zeros((n, 3, side, side), dtype=np.uint8)
    images[:, 0] = (60 + 40 * labels)[:, None, None]
    return PictureSet(images, labels, ("short", "a very long name of clothing indeed", "none"), "test")


def test_the_mean_is_numpys() -> None:
    pictures = PictureSet(np.random.default_rng(0).integers(0, 256, (2500, 3, 4, 5), dtype=np.uint8),
                          np.zeros(2500, dtype=int), ("a",), "test")
    members = np.arange(0, 2500, 2)
    expected = np.rint(pictures.images[members].astype(np.float64).mean(axis=0))
    np.testing.assert_array_equal(mean_picture(pictures, members), expected)


@pytest.mark.parametrize("side", [8, 28, 100])
def test_a_row_for_each_class_with_mean_and_examples(side: int) -> None:
    sheet = np.asarray(contact_sheet(_set(side=side), examples=5))
    for label in range(3):
        tiles = (sheet == (60 + 40 * label, 0, 0)).all(axis=2)
        rows = np.flatnonzero(tiles.any(axis=1))
        assert rows.max() - rows.min() == 63  # one row of tiles of 64 pixels
        middle = tiles[(rows.max() + rows.min()) // 2]
        starts = np.flatnonzero(np.diff(np.concatenate([[0], middle.astype(int)])) == 1)
        assert len(starts) == 6 and middle.sum() == 6 * 64  # the mean and five examples
    assert (sheet[:, -8:] == 255).all()  # nothing is cut off at the right


def test_a_class_without_pictures_has_an_empty_row(tmp_path: Path) -> None:
    pictures = _set().subset(np.array([0, 1, 3, 4]))
    save_contact_sheet(pictures, tmp_path / "sheet.png", examples=3)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert not (np.asarray(sheet) == (140, 0, 0)).all(axis=2).any()


@pytest.mark.parametrize("examples", [0, 51])
def test_a_sensible_number_of_examples(examples: int) -> None:
    with pytest.raises(UsageError, match=f"examples {examples}"):
        contact_sheet(_set(), examples)
