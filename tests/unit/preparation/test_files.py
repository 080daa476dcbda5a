"""Opening any picture file: compared with PIL's own conversions and with files made by hand; bad input ends in one
message."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from fashionlab.common.errors import DataError
from fashionlab.preparation.files import on_background, opened, to_eight_bits
from fashionlab.preparation.garment.photo import LONGEST_EDGE, Photo, as_photo
from fashionlab.preparation.recognise import is_picture
from fashionlab.preparation.ways.base import to_array
from picture_files import EXACT, LOSSY, by_hand, drawing, saved, tiff, written


def _photo(source: bytes | Path, name: str = "x") -> Photo:
    with opened(source, name) as picture:
        picture.draft(None, (LONGEST_EDGE, LONGEST_EDGE))
        return as_photo(*to_eight_bits(picture))


def _shown(source: bytes | Path, name: str = "x") -> np.ndarray:
    """uint8 [C, H, W] on white."""
    with opened(source, name) as picture:
        decoded, mode = to_eight_bits(picture)
        return to_array(on_background(decoded, "white", mode))


def _pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("form", EXACT)
def test_every_form_gives_its_pixels_whatever_the_name(form: str, tmp_path: Path):
    path = tmp_path / ("x.tga" if form == "TGA" else "x.dat")
    path.write_bytes(written()[form])
    expected = np.asarray(drawing()).transpose(2, 0, 1)
    np.testing.assert_array_equal(_shown(path, path.name), expected)
    np.testing.assert_array_equal(_shown(path.read_bytes(), path.name), expected)


@pytest.mark.parametrize("form", LOSSY)
def test_every_lossy_form_gives_what_pil_gives_whatever_the_name(form: str, tmp_path: Path):
    path = tmp_path / "x.png"
    path.write_bytes(written()[form])
    with Image.open(io.BytesIO(written()[form])) as stored:
        assert stored.format == form
        np.testing.assert_array_equal(_shown(path), np.asarray(stored).transpose(2, 0, 1))


@pytest.mark.parametrize("form", by_hand())
def test_forms_that_pil_only_reads(form: str):
    data, pixels = by_hand()[form]
    np.testing.assert_array_equal(_shown(data), pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("form", [*EXACT, *LOSSY, *by_hand()])
def test_a_picture_is_known_by_its_content_or_its_name(form: str, tmp_path: Path):
    path = tmp_path / "IMG_0001"
    path.write_bytes(written()[form] if form in written() else by_hand()[form][0])
    assert is_picture(path) or form in ("DIB", "TGA"), "these do not begin in a way of their own"
    suffix = {"JPEG2000": "jp2", "SUN": "ras"}.get(form, form.partition(",")[0].lower())
    assert is_picture(path.with_suffix(f".{suffix.upper()}"))


@pytest.mark.parametrize("content", [
    b"", b"P", b"Please", b"P5 is a form", b"BMW, Audi", b"file,label\n", b"\x7fELF\2\1\1", b"PK\3\4", b"\x93NUMPY\1\0",
    b"\0\0\x08\x03\0\0\xea\x60", b"\x1f\x8b\x08\0", b"%PDF-1.4", b"RIFF\0\0\0\0WAVE", b"{}",
    b"\0\0\0\x20ftypisom\0\0\0\0isomiso2", b"\n\n\n\n\n", b"\0" * 300, bytes(range(256))])
def test_other_files_are_no_pictures(content: bytes, tmp_path: Path):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not is_picture(path)


def test_what_is_usual_loads_no_plug_ins():
    code = ("import sys, io; from PIL import Image; from fashionlab.preparation.files import look; b = io.BytesIO(); "
            "Image.new('L', (2, 2)).save(b, 'PNG'); look(b.getvalue(), 'x'); "
            "print([name for name in ('Tiff', 'Jpeg2K', 'Avif', 'Eps') if f'PIL.{name}ImagePlugin' in sys.modules], "
            "'pillow_heif' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] False\n"


def test_grey_and_colour_keep_their_channels():
    grey, colour = _pixels(6, 9), _pixels(6, 9, 3)
    np.testing.assert_array_equal(_photo(saved(Image.fromarray(grey), "PNG")).pixels, grey[None])
    np.testing.assert_array_equal(_photo(saved(Image.fromarray(colour), "PNG")).pixels, colour.transpose(2, 0, 1))
    bits = Image.fromarray(grey).convert("1")
    np.testing.assert_array_equal(_photo(saved(bits, "PNG")).pixels[0], np.asarray(bits.convert("L")))


def test_sixteen_bits_palettes_and_cmyk():
    deep = np.random.default_rng(0).integers(0, 65536, (6, 6)).astype(np.uint16)
    assert np.abs(_photo(saved(Image.fromarray(deep), "PNG")).pixels[0] - deep / 257).max() <= 0.5
    picture = Image.fromarray(_pixels(16, 16, 3))
    palette = picture.quantize(7)
    pixels = _photo(saved(palette, "PNG")).pixels
    np.testing.assert_array_equal(pixels, np.asarray(palette.convert("RGB")).transpose(2, 0, 1))
    cmyk = saved(picture.convert("CMYK"), "JPEG", quality=95)
    with Image.open(io.BytesIO(cmyk)) as stored:
        assert stored.mode == "CMYK"
        expected = np.asarray(stored.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(_photo(cmyk).pixels, expected)


def test_transparency_is_kept_apart_and_shown_on_white():
    colour, alpha = _pixels(6, 7, 3), _pixels(6, 7)
    photo = _photo(saved(Image.fromarray(np.dstack([colour, alpha])), "PNG"))
    assert photo.opacity is not None
    np.testing.assert_array_equal(photo.opacity, alpha)
    share = alpha[None] / 255
    expected = colour.transpose(2, 0, 1) * share + 255 * (1 - share)
    assert np.abs(photo.pixels - expected).max() <= 1.5
    grey = Image.merge("LA", [Image.fromarray(colour[..., 0]), Image.fromarray(alpha)])
    assert _photo(saved(grey, "PNG")).pixels.shape == (1, 6, 7)
    opaque = Image.fromarray(np.dstack([colour, np.full((6, 7), 255, dtype=np.uint8)]))
    assert _photo(saved(opaque, "WEBP", lossless=True)).opacity is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_upright(orientation: int, form: str):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = saved(Image.fromarray(_pixels(8, 16, 3)).resize((64, 32)), form, exif=exif)
    with Image.open(io.BytesIO(stored)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture)).transpose(2, 0, 1)
    np.testing.assert_array_equal(_photo(stored).pixels, expected)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_large_pictures_are_reduced(form: str):
    picture = Image.fromarray(_pixels(6, 4, 3)).resize((1900, 1300), Image.Resampling.BICUBIC)
    pixels = _photo(saved(picture, form)).pixels
    assert LONGEST_EDGE <= max(pixels.shape[1:]) < 2 * LONGEST_EDGE
    expected = np.asarray(picture.resize(pixels.shape[:0:-1], Image.Resampling.BOX)).transpose(2, 0, 1)
    assert np.abs(pixels.astype(int) - expected).mean() < 3


def _grey16(values: np.ndarray, form: str) -> bytes:
    if form == "PNG":
        return saved(Image.fromarray(values.astype(np.uint16)), "PNG")
    return tiff(values.astype(np.uint16), "<" if form == "TIFF, little" else ">", 16, 1)


@pytest.mark.parametrize("form", ["PNG", "TIFF, little", "TIFF, big"])
@pytest.mark.parametrize(("highest", "white"), [(255, 255), (256, 4095), (4095, 4095), (4096, 65535), (65535, 65535)])
def test_grey_of_more_bits_is_scaled_by_what_it_holds(form: str, highest: int, white: int):
    values = np.random.default_rng(0).integers(0, highest + 1, (6, 7))
    values[0, 0] = highest
    shown = _shown(_grey16(values, form))
    assert shown.shape == (1, 6, 7)
    assert np.abs(shown[0] - values * 255 / white).max() <= 0.5


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("white", [1, 255])
def test_grey_with_a_point(order: str, white: int):
    values = np.random.default_rng(0).uniform(0, white, (5, 6)).astype(np.float32)
    values[0, 0] = white
    assert np.abs(_shown(tiff(values, order, 32, 3))[0] - values.astype(float) * 255 / white).max() <= 0.51


@pytest.mark.parametrize(("values", "bits", "kind", "message"), [
    (np.array([[0, 300.5]], np.float32), 32, 3, "numbers from 0 to 300.5, expected 0 to 1 or 0 to 255"),
    (np.array([[-0.5, 1]], np.float32), 32, 3, "numbers from -0.5 to 1, expected"),
    (np.array([[0.5, np.nan]], np.float32), 32, 3, "numbers from nan to nan, expected"),
    (np.array([[0, 70_000]], np.int32), 32, 2, "numbers from 0 to 70000, expected 0 to 65535"),
    (np.array([[-3, 5]], np.int16), 16, 2, "numbers from -3 to 5, expected 0 to 65535"),
])
def test_numbers_of_no_known_scale_are_refused(values: np.ndarray, bits: int, kind: int, message: str):
    with pytest.raises(DataError, match=f"^x: unreadable picture \\({message}"):
        _shown(tiff(values, "<", bits, kind))


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP", "TIFF"])
def test_palettes_of_every_form(form: str):
    indices = Image.fromarray(_pixels(6, 6) % 4)
    for grey, palette in ((True, [(9, 9, 9), (50, 50, 50), (99, 99, 99), (255, 255, 255)]),
                          (False, [(9, 8, 7), (50, 0, 50), (99, 99, 0), (255, 255, 255)])):
        picture = indices.copy()
        picture.putpalette([value for entry in palette for value in entry])
        expected = np.array(palette, dtype=np.uint8)[np.asarray(indices)].transpose(2, 0, 1)
        np.testing.assert_array_equal(_shown(saved(picture, form)), expected[:1] if grey else expected)


ANIMATED = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_films_and_several_pages_are_refused(form: str):
    several = saved(ANIMATED[0], form, save_all=True, append_images=ANIMATED[1:])
    with pytest.raises(DataError, match="several pages" if form == "TIFF" else "an animation, expected one picture"):
        _shown(several)
    held = Image.open(io.BytesIO(several))
    with pytest.raises(DataError, match="expected one picture"), opened(held, "what a program holds"):
        pass
    alone = _shown(saved(ANIMATED[0], form, save_all=True))
    assert alone.shape == (3, 8, 8) and alone[0].min() > 200


def test_a_camera_s_second_view_is_no_second_picture():
    views = saved(ANIMATED[0], "MPO", save_all=True, append_images=ANIMATED[1:])
    with Image.open(io.BytesIO(views)) as stored:
        assert stored.format == "MPO" and stored.n_frames == 2
    assert _shown(views)[0].min() > 200


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("IMG_1.CR2", b"II*\0\x10\0\0\0CR\2\0", "a raw photo"), ("x.nef", saved(drawing(), "TIFF"), "a raw photo"),
    ("x.svg", b"<svg/>", "a drawing"), ("x.jxl", b"\xff\x0a12", "JPEG XL, a form"), ("x.exr", b"v/1\1", "EXR, a form"),
])
def test_pictures_of_forms_that_are_not_read_are_named(name: str, content: bytes, reason: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(content)
    assert is_picture(path)
    with pytest.raises(DataError, match=f"^{name}: unreadable picture \\({reason}"):
        _shown(path, name)


def test_a_tiff_that_begins_with_a_preview_is_refused():
    preview = saved(drawing(), "TIFF", tiffinfo={254: 1})
    with pytest.raises(DataError, match="begins with a preview"):
        _shown(preview)


def test_heic(tmp_path: Path):
    heif = pytest.importorskip("pillow_heif")
    ramp = Image.linear_gradient("L").resize((64, 48))
    picture = Image.merge("RGB", [ramp, ramp.rotate(180), Image.new("L", (64, 48), 90)])
    heif.from_pillow(picture).save(tmp_path / "IMG_0001.HEIC", quality=-1)
    assert is_picture(tmp_path / "IMG_0001.HEIC")
    path = (tmp_path / "IMG_0001.HEIC").rename(tmp_path / "x.dat")
    assert is_picture(path)
    shown = _shown(path)
    assert np.abs(shown.transpose(1, 2, 0) - np.asarray(picture, dtype=int)).max() < 6
    for cut in (40, 400):
        with pytest.raises(DataError, match=r"^x: unreadable picture [^\n]*$"):
            _shown(path.read_bytes()[:cut])


def test_heic_without_what_reads_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for brand, others in ((b"heic", b"mif1heic"), (b"mif1", b"heic"), (b"mif1", b"miaf"), (b"hevc", b"hevc")):
        head = struct.pack(">I", 16 + len(others)) + b"ftyp" + brand + bytes(4) + others
        with pytest.raises(DataError, match=r"IMG\.HEIC: a HEIC .* the extra heic: pip install pillow-heif"):
            _shown(head + bytes(40), "IMG.HEIC")
    avif = struct.pack(">I", 24) + b"ftypmif1" + bytes(4) + b"avifmiaf"
    with pytest.raises(DataError, match=r"^x: unreadable picture"):
        _shown(avif + bytes(40))
