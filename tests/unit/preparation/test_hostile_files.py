"""Hostile and damaged picture files: each ends in one message that names it, before much is decoded."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image, ImageFile

from fashionlab.common.errors import DataError
from fashionlab.preparation.files import MAX_BYTES, TooManyPixels, opened, quiet, to_eight_bits
from picture_files import EXACT, LOSSY, by_hand, drawing, saved, tiff, written


def _decoded(source: bytes | Path, name: str = "x") -> Image.Image:
    with opened(source, name) as picture:
        return to_eight_bits(picture)[0]


def _noise(form: str) -> bytes:
    return saved(Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)), form)


def _png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8-bit grey by its header, with whatever chunks follow."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    parts = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
             for kind, body in (header, *chunks))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


EMPTY = (b"IDAT", zlib.compress(bytes(10_000)))


@pytest.mark.parametrize(("data", "expected"), [
    (b"", "empty"),
    (b"just text", "no picture that is read"),
    (_noise("PNG")[:900], "unreadable"),
    (_noise("JPEG")[:700], "unreadable"),
    (_noise("WEBP")[:500], "unreadable"),
    (_png(8_000, 8_000, EMPTY), "8000 x 8000 pixels, the limit is 50,000,000"),
    (_png(10_000, 10_000, EMPTY), "too many pixels"),
    (_png(60_000, 60_000, EMPTY), "too many pixels"),
    (_png(0, 5), "unreadable|no picture"),
    (b"\xff\x0a" + bytes(50), "JPEG XL"),
    (b"IIRO\x08\0\0\0" + bytes(50), "a raw photo"),
])
def test_bad_bytes(data: bytes, expected: str):
    with pytest.raises(DataError, match=f"^upload 3: .*({expected})"):
        _decoded(data, "upload 3")


def _patched(data: bytes, *places: tuple[int, str]) -> bytes:
    """With sides of 9,000 pixels in its header, as `struct` packs them at these places."""
    changed = bytearray(data)
    for place, form in places:
        changed[place : place + struct.calcsize(form)] = struct.pack(form, 9_000)
    return bytes(changed)


def _bombs() -> dict[str, bytes]:
    """Small files whose headers promise 81 million pixels."""
    forms = written()
    jpeg = forms["JPEG"].index(b"\xff\xc0") + 5
    size = forms["JPEG2000"].index(b"\xff\x51") + 6
    box = forms["JPEG2000"].index(b"ihdr") + 4
    icon = saved(drawing(), "ICO", sizes=[(16, 16)])
    embedded = icon.index(b"IHDR") + 4
    icon = _patched(icon, (embedded, ">I"), (embedded + 4, ">I"))
    checked = struct.pack(">I", zlib.crc32(icon[embedded - 4 : embedded + 13]))
    icon = icon[: embedded + 13] + checked + icon[embedded + 17 :]
    return {
        "BMP": _patched(forms["BMP"], (18, "<i"), (22, "<i")), "DDS": _patched(forms["DDS"], (12, "<I"), (16, "<I")),
        "GIF": _patched(forms["GIF"], (6, "<H"), (8, "<H")),
        "JPEG": _patched(forms["JPEG"], (jpeg, ">H"), (jpeg + 2, ">H")),
        "JPEG2000": _patched(forms["JPEG2000"], (size, ">I"), (size + 4, ">I"), (box, ">I"), (box + 4, ">I")),
        "PPM": b"P6 9000 9000 255\n" + bytes(50), "plain": b"P3 9000 9000 255\n 1 2 3",
        "QOI": _patched(forms["QOI"], (4, ">I"), (8, ">I")), "SGI": _patched(forms["SGI"], (6, ">H"), (8, ">H")),
        "SUN": _patched(by_hand()["SUN"][0], (4, ">I"), (8, ">I")),
        "PSD": _patched(by_hand()["PSD"][0], (14, ">I"), (18, ">I")),
        "PCX": _patched(forms["PCX"], (8, "<H"), (10, "<H")), "TGA": _patched(forms["TGA"], (12, "<H"), (14, "<H")),
        "TIFF": _tiff_promising(9_000), "ICO": icon,
        "XPM": by_hand()["XPM"][0].replace(b"3 2 2 1", b"9000 9000 2 1"),
    }


def _tiff_promising(side: int) -> bytes:
    data = bytearray(tiff(np.zeros((2, 2), np.uint16), "<", 16, 1))
    ifd = struct.unpack("<I", data[4:8])[0]
    for entry in (0, 1):
        data[ifd + 2 + 12 * entry + 8 : ifd + 2 + 12 * entry + 12] = struct.pack("<I", side)
    return bytes(data)


@pytest.mark.parametrize("form", _bombs())
def test_huge_pictures_of_every_form_are_refused_by_their_headers(form: str, monkeypatch: pytest.MonkeyPatch):
    bomb, name = _bombs()[form], "x.tga" if form == "TGA" else "x"
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)  # nothing is decoded
    with pytest.raises(TooManyPixels, match=rf"^{name}: .*pixels, the limit is 50,000,000"):
        _decoded(bomb, name)


@pytest.mark.parametrize("data", [b"P3 3000 3000 255\n" + b"1 " * 20, b"P6 3000 3000 100\n" + bytes(20),
                                  b"qoif" + struct.pack(">IIBB", 3000, 3000, 3, 0) + bytes(20)])
def test_forms_that_are_decoded_slowly_have_a_lower_limit(data: bytes):
    with pytest.raises(TooManyPixels, match=r"^x: 3000 x 3000 pixels of a form that is decoded slowly"):
        _decoded(data)


@pytest.mark.parametrize("name", ["x.eps", "x.dat"])
def test_postscript_is_never_run(name: str, monkeypatch: pytest.MonkeyPatch):
    def run(*_: object, **__: object) -> None:
        raise AssertionError("Ghostscript was run")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    with pytest.raises(DataError, match=r"a drawing|no picture that is read"):
        _decoded(saved(drawing(), "EPS"), name)


def test_bad_files(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.png: cannot be read \(No such file"):
        _decoded(tmp_path / "none.png", "none.png")
    with pytest.raises(DataError, match="a folder, expected a picture"):
        _decoded(tmp_path, "tmp")
    huge = tmp_path / "huge.png"
    with huge.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match="64 MiB, the limit is 64"):
        _decoded(huge, "huge.png")


@pytest.mark.parametrize("form", [*EXACT, *LOSSY, *by_hand()])
def test_a_file_that_ends_too_early_is_a_data_error(form: str):
    stored = written()[form] if form in written() else by_hand()[form][0]
    name = "x.tga" if form == "TGA" else "x"
    for share in (0.02, 0.2, 0.5, 0.7):
        with pytest.raises(DataError, match=rf"^{name}: [^\n]+$"):
            _decoded(stored[: max(1, int(len(stored) * share))], name)


@given(st.sampled_from([*EXACT, *LOSSY, *by_hand()]), st.data())
def test_a_damaged_picture_is_a_picture_or_a_data_error(form: str, data: st.DataObject):
    stored = bytearray(written()[form] if form in written() else by_hand()[form][0])
    for position in data.draw(st.lists(st.integers(0, len(stored) - 1), max_size=8)):
        stored[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(stored)))
    try:
        with quiet():
            assert _decoded(bytes(stored[:cut])).mode in ("L", "RGB", "RGBA")
    except DataError as error:
        assert str(error).startswith("x: ") and "\n" not in str(error)
