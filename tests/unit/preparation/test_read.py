"""Decoding any picture: compared with PIL's own conversions; bad input ends in one message."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from fashionlab.photo.read import LONGEST_EDGE, MAX_BYTES, read_photo
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from fashionlab.common.errors import DataError


def _pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8-bit grey by its header, with whatever chunks follow."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    parts = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
             for kind, body in (header, *chunks))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_grey_and_colour_keep_their_channels():
    grey, colour = _pixels(6, 9), _pixels(6, 9, 3)
    np.testing.assert_array_equal(read_photo(_saved(Image.fromarray(grey), "PNG")).pixels, grey[None])
    np.testing.assert_array_equal(read_photo(_saved(Image.fromarray(colour), "PNG")).pixels, colour.transpose(2, 0, 1))
    bits = Image.fromarray(grey).convert("1")
    np.testing.assert_array_equal(read_photo(_saved(bits, "PNG")).pixels[0], np.asarray(bits.convert("L")))


def test_sixteen_bits_palettes_and_cmyk():
    deep = np.random.default_rng(0).integers(0, 65536, (6, 6)).astype(np.uint16)
    assert np.abs(read_photo(_saved(Image.fromarray(deep), "PNG")).pixels[0] - deep / 257).max() <= 0.5
    picture = Image.fromarray(_pixels(16, 16, 3))
    palette = picture.quantize(7)
    pixels = read_photo(_saved(palette, "PNG")).pixels
    np.testing.assert_array_equal(pixels, np.asarray(palette.convert("RGB")).transpose(2, 0, 1))
    cmyk = _saved(picture.convert("CMYK"), "JPEG", quality=95)
    with Image.open(io.BytesIO(cmyk)) as stored:
        assert stored.mode == "CMYK"
        expected = np.asarray(stored.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(read_photo(cmyk).pixels, expected)


def test_transparency_is_kept_apart_and_shown_on_white():
    colour, alpha = _pixels(6, 7, 3), _pixels(6, 7)
    photo = read_photo(_saved(Image.fromarray(np.dstack([colour, alpha])), "PNG"))
    assert photo.opacity is not None
    np.testing.assert_array_equal(photo.opacity, alpha)
    share = alpha[None] / 255
    expected = colour.transpose(2, 0, 1) * share + 255 * (1 - share)
    assert np.abs(photo.pixels - expected).max() <= 1.5
    grey = Image.merge("LA", [Image.fromarray(colour[..., 0]), Image.fromarray(alpha)])
    assert read_photo(_saved(grey, "PNG")).pixels.shape == (1, 6, 7)
    opaque = Image.fromarray(np.dstack([colour, np.full((6, 7), 255, dtype=np.uint8)]))
    assert read_photo(_saved(opaque, "WEBP", lossless=True)).opacity is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_upright(orientation: int, form: str):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = _saved(Image.fromarray(_pixels(8, 16, 3)).resize((64, 32)), form, exif=exif)
    with Image.open(io.BytesIO(stored)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture)).transpose(2, 0, 1)
    np.testing.assert_array_equal(read_photo(stored).pixels, expected)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_large_pictures_are_reduced(form: str):
    picture = Image.fromarray(_pixels(6, 4, 3)).resize((1900, 1300), Image.Resampling.BICUBIC)
    pixels = read_photo(_saved(picture, form)).pixels
    assert LONGEST_EDGE <= max(pixels.shape[1:]) < 2 * LONGEST_EDGE
    expected = np.asarray(picture.resize(pixels.shape[:0:-1], Image.Resampling.BOX)).transpose(2, 0, 1)
    assert np.abs(pixels.astype(int) - expected).mean() < 3


EMPTY = (b"IDAT", zlib.compress(bytes(10_000)))
ANIMATED = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]


@pytest.mark.parametrize(("data", "expected"), [
    (b"", "empty"),
    (b"just text", "not a PNG, JPEG or WebP"),
    (_saved(ANIMATED[0], "GIF"), "not a PNG, JPEG or WebP"),
    (_saved(ANIMATED[0], "BMP"), "not a PNG, JPEG or WebP"),
    (_saved(Image.fromarray(_pixels(64, 64)), "PNG")[:900], "unreadable"),
    (_saved(Image.fromarray(_pixels(64, 64)), "JPEG")[:700], "unreadable"),
    (_saved(Image.fromarray(_pixels(64, 64)), "WEBP")[:500], "unreadable|not a PNG"),
    (_saved(ANIMATED[0], "PNG", save_all=True, append_images=ANIMATED[1:]), "animation of 2 frames"),
    (_saved(ANIMATED[0], "WEBP", save_all=True, append_images=ANIMATED[1:]), "animation of 2 frames"),
    (_png(8_000, 8_000, EMPTY), "8000 x 8000 pixels, the limit is 50,000,000"),
    (_png(10_000, 10_000, EMPTY), "too many pixels"),
    (_png(60_000, 60_000, EMPTY), "too many pixels"),
    (_png(0, 5), "unreadable|not a PNG"),
])
def test_bad_bytes(data: bytes, expected: str):
    with pytest.raises(DataError, match=f"^upload 3: .*({expected})"):
        read_photo(data, "upload 3")


def test_bad_files(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.png: cannot be read \(No such file"):
        read_photo(tmp_path / "none.png")
    with pytest.raises(DataError, match="a folder, expected a picture"):
        read_photo(tmp_path)
    huge = tmp_path / "huge.png"
    with huge.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match="64 MiB, the limit is 64"):
        read_photo(huge)


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
def test_a_damaged_picture_is_a_picture_or_a_data_error(form: str, data: st.DataObject):
    stored = bytearray(_saved(Image.fromarray(_pixels(24, 20, 3)), form))
    for position in data.draw(st.lists(st.integers(0, len(stored) - 1), max_size=8)):
        stored[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(stored)))
    try:
        assert read_photo(bytes(stored[:cut]), "x").pixels.ndim == 3
    except DataError as error:
        assert str(error).startswith("x: ")
