"""Garments in photos: properties that hold whatever the photo, on drawn garments and simulated photos."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from fashionlab.common.records import Preparation
from fashionlab.preparation import prepare, prepare_array
from fashionlab.preparation.garment.background import surface
from fashionlab.preparation.garment.components import components
from fashionlab.preparation.garment.form import cut_out, to_form
from fashionlab.preparation.garment.photo import Photo
from fashionlab.preparation.garment.simulate import BACKGROUNDS, simulate
from garments import Kind, in_form, photo

FASHION_MNIST = Preparation("fashion-mnist", 28, 1)
KINDS: tuple[Kind, ...] = ("shirt", "shoe", "trousers")
kinds = st.sampled_from(KINDS)
quick = settings(max_examples=30)


def _form(pixels: np.ndarray, **form: int) -> np.ndarray:
    return to_form(_photo(pixels), **form)


def _cut_out(pixels: np.ndarray, size: int = 28) -> np.ndarray:
    return cut_out(_photo(pixels), size)


def _photo(pixels: np.ndarray) -> Photo:
    return Photo(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_a_garment_on_white_becomes_the_data_s_form(kind: Kind):
    picture = _form(photo(kind, 200, garment=0, background=255))
    assert picture.shape == (28, 28) and picture.dtype == np.uint8
    assert _apart(picture, in_form(kind)) < 6


@quick
@given(kinds, st.integers(0, 90), st.integers(0, 80))
def test_the_position_does_not_matter(kind: Kind, x: int, y: int):
    assert _apart(_form(photo(kind, 180, place=(10 + x, 10 + y))), _form(photo(kind, 180))) < 2


@quick
@given(kinds, st.integers(90, 240))
def test_the_size_does_not_matter(kind: Kind, edge: int):
    assert _apart(_form(photo(kind, edge)), _form(photo(kind, 180))) < 8


@quick
@given(kinds, st.integers(0, 140), st.integers(170, 255))
def test_a_negative_gives_the_same(kind: Kind, garment: int, background: int):
    pixels = photo(kind, 180, garment=garment, background=background)
    assert _apart(_form(255 - pixels), _form(pixels)) < 3  # 30 levels of contrast become 255


@quick
@given(kinds, st.tuples(*[st.integers(-25, 25)] * 3), st.integers(0, 99))
def test_a_gradient_and_noise_do_not_matter(kind: Kind, slopes: tuple[int, int, int], seed: int):
    pixels = photo(kind, 180, garment=40, background=200).astype(float)
    y, x = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
    shaded = pixels + (pixels > 150) * (slopes[0] * x + slopes[1] * y + slopes[2] * x * y)
    noisy = shaded + np.random.default_rng(seed).normal(0, 2, pixels.shape)
    assert _apart(_form(noisy.round().clip(0, 255).astype(np.uint8)), _form(pixels.astype(np.uint8))) < 10


def test_what_is_in_the_form_already_comes_through_unchanged():
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    noise[[0, -1]] = noise[:, [0, -1]] = 0
    for picture in (noise, *map(in_form, KINDS)):
        for channels in (1, 3):
            prepared = prepare_array(picture[None], Preparation("fashion-mnist", 28, channels))
            np.testing.assert_array_equal(prepared, np.stack([picture] * channels))


def test_dirt_is_no_garment_but_the_second_sandal_is():
    pixels = photo("shirt", 180)
    dirty = pixels.copy()
    dirty[260:264, 280:284] = 0
    assert _apart(_form(dirty), _form(pixels)) < 1
    pair = np.concatenate([photo("shoe", 120, canvas=(200, 150))] * 2, axis=1)
    columns = _form(pair).max(axis=0) > 100
    assert columns[0] and columns[-1] and not columns[12:16].all()


def test_transparency_tells_the_garment():
    pixels = photo("shirt", 180, garment=250, background=255)
    opacity = np.where(photo("shirt", 180, garment=0, background=255) < 200, 255, 0).astype(np.uint8)
    assert not to_form(Photo(pixels[None])).any(), "white on white"
    picture = to_form(Photo(pixels[None], opacity))
    assert ((picture > 60) == (in_form("shirt") > 60)).mean() > 0.95


def test_a_colour_model_keeps_the_colours():
    grey = photo("shoe", 180, garment=0, background=255)
    pixels = np.dstack([np.full_like(grey, 255), grey, grey])  # red on white
    picture = _cut_out(pixels, 32)
    assert picture.shape == (3, 32, 32) and picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[:, 17, 10], (255, 0, 0))
    np.testing.assert_array_equal(picture[:, 1, 1], (255, 255, 255))
    assert _cut_out(grey).shape == (3, 28, 28)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_picture_is_an_empty_frame(value: int):
    empty = np.full((60, 80), value, dtype=np.uint8)
    np.testing.assert_array_equal(_form(empty), np.zeros((28, 28)))
    np.testing.assert_array_equal(_cut_out(empty), np.full((3, 28, 28), value))


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_any_pixels_give_a_picture_or_a_data_error(height: int, width: int, channels: int, seed: int):
    pixels = np.random.default_rng(seed).integers(0, 256, (channels, height, width), dtype=np.uint8)
    assert to_form(Photo(pixels), 28).shape == (28, 28) and cut_out(Photo(pixels), 28).shape == (3, 28, 28)


def test_the_background_s_surface():
    y, x = np.mgrid[-1:1:90j, -1:1:120j]
    true = np.stack([150 + 40 * x - 20 * y, 120 + 30 * x * y, 200 - 40 * x * x]).astype(np.float32)
    photographed = true.round().astype(np.uint8)
    photographed[:, 20:, 30:70] = 10  # reaches the border below
    assert np.abs(surface(photographed) - true).max() < 3


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_components_are_scipy_s(height: int, width: int, share: float, seed: int):
    mask = np.random.default_rng(seed).random((height, width)) < share
    ours, (theirs, n) = components(mask), ndimage.label(mask, np.ones((3, 3)))
    np.testing.assert_array_equal(ours > 0, mask)
    assert len(set(zip(ours[mask].tolist(), theirs[mask].tolist(), strict=True))) == n
    assert len(set(ours[mask].tolist())) == n


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_simulated_photos_come_back(background: str):
    for index, kind in enumerate(KINDS):
        made = simulate(in_form(kind), 5, index, background)
        assert made == simulate(in_form(kind), 5, index, background) and made.background == background
        assert _apart(prepare(made.jpeg, "x", FASHION_MNIST)[0], in_form(kind)) < 22


def test_a_simulated_photo_is_the_negative_on_white():
    picture = in_form("shirt")
    made = simulate(picture, 0, 3, "white")
    with Image.open(io.BytesIO(made.jpeg)) as opened:
        pixels = np.asarray(opened)
    height, width = pixels.shape[:2]
    assert 280 * 1.1 - 1 <= height <= 280 * 1.6 + 1 and 280 * 1.1 - 1 <= width <= 280 * 1.6 + 1
    assert abs(made.degrees) <= 5 and 60 <= made.quality <= 95
    assert pixels[:5].min() > 245 and pixels.min() < 15
    assert simulate(picture, 1, 3).jpeg != simulate(picture, 0, 3).jpeg
