"""What every registered way of preparing pictures has to do. A new one is tested with nothing changed here."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fashionlab.common.records import Preparation
from fashionlab.data import load_training
from fashionlab.data.held_out import load_test
from fashionlab.preparation import WAYS, prepare, prepare_array, prepare_arrays
from fashionlab.preparation.files import to_image
from garments import in_form, photo

NAMES = WAYS.names()
SIZES = (28, 40)
FORMS = [(size, channels) for size in SIZES for channels in (1, 3)]
SHAPES = {"landscape": (30, 71), "portrait": (90, 33), "square": (28, 28), "larger square": (64, 64),
          "large": (350, 700), "one pixel": (1, 1), "a line": (2, 150)}


def _preparation(name: str, form: tuple[int, int], background: tuple[int, int, int] = (200, 30, 90)) -> Preparation:
    return Preparation(name, *form, background)


def _batch(shape: tuple[int, int], channels: int, n: int = 3) -> np.ndarray:
    """uint8 [n, channels, H, W]: a garment, one in the form of Fashion-MNIST where that has this size, and noise."""
    noise = np.random.default_rng(shape[0]).integers(0, 256, (n, channels, *shape), dtype=np.uint8)
    noise[0] = np.asarray(Image.fromarray(photo("shirt", 180)).resize(shape[::-1]))
    noise[1] = np.asarray(Image.fromarray(in_form("shoe")).resize(shape[::-1], Image.Resampling.NEAREST))
    return noise


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_there_are_ways() -> None:
    assert {"crop", "fashion-mnist", "letterbox", "squash"} <= set(NAMES)
    assert all(WAYS[name].what for name in NAMES)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_arrays_one_by_one_and_files_give_the_same(name: str, form: tuple[int, int], channels: int,
                                                   shape: tuple[int, int]) -> None:
    images, preparation = _batch(shape, channels), _preparation(name, form)
    given = images.copy()
    prepared = prepare_arrays(images, preparation)
    assert prepared.shape == (3, form[1], form[0], form[0]) and prepared.dtype == np.uint8
    np.testing.assert_array_equal(images, given)
    for image, expected in zip(images, prepared, strict=True):
        np.testing.assert_array_equal(prepare_array(image, preparation), expected)
        np.testing.assert_array_equal(prepare(_png(to_image(image)), "x", preparation), expected)


@pytest.mark.parametrize("name", NAMES)
def test_no_pictures_at_all(name: str) -> None:
    for channels in (1, 3):
        none = np.zeros((0, channels, 30, 20), dtype=np.uint8)
        assert prepare_arrays(none, _preparation(name, (28, 3))).shape == (0, 3, 28, 28)


@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "colour"])
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_what_a_way_says_it_leaves_unchanged_it_does(name: str, form: tuple[int, int], channels: int) -> None:
    preparation = _preparation(name, form)
    for size in SIZES:
        images = _batch((size, size), channels)
        unchanged = WAYS[name].unchanged(images, preparation)
        assert unchanged.shape == (3,) and unchanged.dtype == bool
        for image in images[unchanged]:
            expected = image if channels == form[1] else image.repeat(form[1], axis=0)
            np.testing.assert_array_equal(prepare_array(image, preparation), expected)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_prepared_stays_as_it_is(name: str, form: tuple[int, int]) -> None:
    """Pictures that were prepared and kept are not prepared once more into something else: grey ones in the form of
    Fashion-MNIST by every way, others by those that look for nothing in them."""
    preparation = _preparation(name, form)
    dark = np.zeros((1, 1, form[0], form[0]), dtype=np.uint8)
    dark[0, 0, 5:-5, 5:-5] = 200
    grey = Preparation(name, form[0], 1)
    np.testing.assert_array_equal(prepare_arrays(dark, grey), dark)
    if name in ("crop", "letterbox", "squash"):
        once = prepare_arrays(_batch((30, 71), form[1]), preparation)
        assert prepare_arrays(once, preparation) is once


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_what_hides_below_transparency_is_not_seen(name: str, form: tuple[int, int], mode: str) -> None:
    garment = photo("shirt", 60, garment=40, background=255)
    opacity = Image.fromarray(np.where(garment < 200, 255, 0).astype(np.uint8))
    shown = []
    for hidden in (0, 130, 255):
        grey = Image.fromarray(np.where(garment < 200, garment, hidden).astype(np.uint8))
        picture = grey.convert("RGBA")
        picture.putalpha(opacity)
        stored = _png(picture.quantize(32)) if mode == "PA" else _png(picture.convert(mode))
        shown.append(prepare(stored, "x", _preparation(name, form, (250, 240, 240))))
    for other in shown[1:]:
        np.testing.assert_array_equal(other, shown[0])
    assert shown[0].shape == (form[1], form[0], form[0]) and shown[0].std() > 10


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", ["crop", "letterbox", "squash"])
def test_the_background_shows_where_a_picture_is_transparent_or_ends(name: str, form: tuple[int, int]) -> None:
    background = (10, 200, 60)
    grey = Image.new("RGB", (1, 1), background).convert("L").getpixel((0, 0))
    expected = np.array(background if form[1] == 3 else [grey])
    for mode in ("RGBA", "LA"):
        clear = _png(Image.new("RGBA", (30, 20), (255, 255, 255, 0)).convert(mode))
        prepared = prepare(clear, "x", _preparation(name, form, background))
        np.testing.assert_array_equal(prepared, np.broadcast_to(expected[:, None, None], prepared.shape))
    wide = prepare_array(np.full((form[1], 20, 60), 255, dtype=np.uint8), _preparation(name, form, background))
    np.testing.assert_array_equal(wide[:, 0, 0], expected if name == "letterbox" else [255] * form[1])
    assert (wide[:, form[0] // 2, form[0] // 2] == 255).all()


def test_fashion_mnist_s_pictures_are_left_as_they_are() -> None:
    preparation = Preparation("fashion-mnist", 28, 1)
    for images in (load_training("fashion-mnist").images[::7], load_test("fashion-mnist").images[::7]):
        assert prepare_arrays(images, preparation) is images
        for image in images[::500]:
            np.testing.assert_array_equal(prepare(_png(to_image(image)), "x", preparation), image)
