"""Outlier sets: their form, their draws, and that they are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fashionlab.common.errors import DataError, UsageError
from fashionlab.evaluation.outlier_sets import (
    GRID,
    OUTLIER_SETS,
    check_given,
    digits,
    gaussian_noise,
    outlier_set,
    scrambled,
    uniform_noise,
)

NAMES = list(OUTLIER_SETS)


def pictures(n: int, channels: int = 1, side: int = 28) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 28), (3, 30), (1, 3), (1, 100)])
def test_form_and_draws(name: str, channels: int, side: int) -> None:
    own = pictures(5, channels, side)
    before = own.copy()
    first, same, other = (OUTLIER_SETS[name](own, 12, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (12, channels, side, side) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert OUTLIER_SETS[name](own, 0, np.random.default_rng(0)).shape == (0, channels, side, side)
    np.testing.assert_array_equal(own, before)


def test_a_name_is_taken_once() -> None:
    assert len(NAMES) >= 4
    with pytest.raises(ValueError, match="twice"):
        outlier_set("digits")(digits)


def test_noise_has_its_moments() -> None:
    own = np.random.default_rng(0).normal(90, 30, (400, 3, 28, 28)).clip(0, 255).astype(np.uint8)
    own[:, 2] //= 2
    uniform = uniform_noise(own, 400, np.random.default_rng(1)).astype(float)
    assert uniform.mean() == pytest.approx(127.5, abs=1) and uniform.std() == pytest.approx(73.9, abs=1)
    normal = gaussian_noise(own, 400, np.random.default_rng(1)).astype(float)
    np.testing.assert_allclose(normal.mean((0, 2, 3)), own.mean((0, 2, 3)), atol=1)
    np.testing.assert_allclose(normal.std((0, 2, 3)), own.std((0, 2, 3)), atol=1)


@pytest.mark.parametrize("side", [28, 30])
def test_scrambled_pictures_are_made_of_the_picture_s_own_patches(side: int) -> None:
    own = pictures(6, 3, side)
    shuffled = scrambled(own, 6, np.random.default_rng(0))
    patch = side // GRID

    def patches(picture: np.ndarray) -> set[bytes]:
        return {picture[:, i * patch : (i + 1) * patch, j * patch : (j + 1) * patch].tobytes()
                for i in range(GRID) for j in range(GRID)}

    originals = [patches(picture) for picture in own]
    assert all(patches(picture) in originals for picture in shuffled)
    assert all(not (picture == shuffled).all((1, 2, 3)).any() for picture in own)
    assert len({picture.tobytes() for picture in shuffled}) == 6, "each picture once, as there are enough"


def test_digits_look_like_digits() -> None:
    drawn = digits(pictures(1), 200, np.random.default_rng(0))[:, 0].astype(float)
    ink = drawn.mean((1, 2)) / 255
    assert ink.min() > 0.03 and ink.max() < 0.5, "thin and thick, small and large"
    border = np.concatenate([drawn[:, 0], drawn[:, -1], drawn[:, :, 0], drawn[:, :, -1]], axis=1)
    assert (border > 128).mean() < 0.01, "inside the picture"
    assert ((drawn > 40) & (drawn < 215)).mean() > 0.03, "soft edges"
    assert len({picture.tobytes() for picture in drawn}) == 200
    columns = np.arange(28)
    rows = (drawn.sum(2) * columns).sum(1) / drawn.sum((1, 2))
    assert rows.std() > 0.5, "not all in the same place"


def test_given_sets_that_are_not_there_are_named(tmp_path: Path, toy_data: Path) -> None:
    check_given([str(toy_data)])
    with pytest.raises(DataError, match="no such file"):
        check_given([str(toy_data), str(tmp_path / "nowhere.npz")])
    with pytest.raises(UsageError, match="kmnist"):
        check_given(["kmnits"])
