"""Pictures made to hurt: each is answered or refused with a reason; nothing else happens."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, PngImagePlugin

from fashionlab.serve.limits import REASONS


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def png(width: int, height: int, data: bytes = b"", depth: int = 8, colour: int = 0) -> bytes:
    """A PNG file whose header may promise anything."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
              (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(content)) + kind + content
                                           + struct.pack(">I", zlib.crc32(kind + content)) for kind, content in chunks)


def garment(mode: str) -> Image.Image:
    pixels = np.full((60, 50), 240, np.uint8)
    pixels[10:50, 10:40] = np.linspace(20, 120, 30, dtype=np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels.astype(np.uint16) * 257)
    return Image.fromarray(pixels).convert("RGB" if mode == "CMYK" else mode).convert(mode)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def animated() -> bytes:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    return encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])


def many_scans() -> bytes:
    """A progressive JPEG whose last scan comes a hundred times."""
    content = encoded(garment("L"), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * 100 + content[-2:]


def with_preview() -> bytes:
    """What cameras write: a JPEG with a second one behind it (multi-picture format)."""
    return encoded(garment("RGB"), "MPO", save_all=True, append_images=[garment("RGB").resize((20, 20))])


def with_texts() -> bytes:
    """A PNG of a few kilobytes with 8 MB of text."""
    info = PngImagePlugin.PngInfo()
    for number in range(8):
        info.add_text(f"t{number}", " " * 1_000_000, zip=True)
    return encoded(garment("L"), pnginfo=info)


ANSWERED: dict[str, Callable[[], bytes]] = {
    "CMYK": lambda: encoded(garment("CMYK"), "JPEG"), "16 bits": lambda: encoded(garment("I;16")),
    "palette": lambda: encoded(garment("P")), "one bit": lambda: encoded(garment("1")),
    "grey with alpha": lambda: encoded(garment("LA")), "alpha": lambda: encoded(garment("RGBA"), "WEBP", lossless=True),
    "turned": lambda: encoded(garment("RGB"), "JPEG", exif=exif(6)),
    "plain": lambda: encoded(Image.new("L", (50, 50), 200)), "one pixel": lambda: encoded(Image.new("RGB", (1, 1))),
    "camera": with_preview, "progressive": lambda: encoded(garment("L"), "JPEG", progressive=True),
}
REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty": ("unreadable", lambda: b""), "text": ("unreadable", lambda: b"<svg/>"),
    "wrong type": ("unreadable", lambda: encoded(garment("L"), "BMP")),
    "GIF": ("unreadable", lambda: encoded(garment("P"), "GIF")),
    "TIFF": ("unreadable", lambda: encoded(garment("RGB"), "TIFF")),
    "truncated PNG": ("unreadable", lambda: encoded(garment("L"))[:90]),
    "truncated JPEG": ("unreadable", lambda: encoded(garment("L"), "JPEG")[:300]),
    "header alone": ("unreadable", lambda: b"\x89PNG\r\n\x1a\n"),
    "no pixels": ("unreadable", lambda: png(28, 28)), "zero size": ("unreadable", lambda: png(0, 0)),
    "zero width": ("unreadable", lambda: png(0, 28)),
    "odd depth": ("unreadable", lambda: png(8, 8, b"\0" * 80, depth=7)),
    "animated": ("unreadable", animated), "many scans": ("unreadable", many_scans),
    "much text": ("unreadable", with_texts),
    "100 megapixels": ("too-many-pixels", lambda: png(10_000, 10_000, b"\0" * 10_001)),
    "a bomb": ("too-many-pixels", lambda: png(60_000, 60_000)),
    "the largest": ("too-many-pixels", lambda: png(2**31 - 1, 2**31 - 1)),
}

SEEN_IN_THE_PIXELS = {"truncated PNG", "truncated JPEG", "no pixels"}


@pytest.mark.parametrize("kind", ANSWERED)
def test_odd_pictures_are_answered(client, kind):
    answer = client.post("/v1/predict", files={"a": ANSWERED[kind]()})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("kind", REFUSED)
def test_unusable_pictures_are_refused_before_they_are_decoded(client, kind, monkeypatch):
    reason, make = REFUSED[kind]
    content = make()
    if kind not in SEEN_IN_THE_PIXELS:
        monkeypatch.setattr(ImageFile.ImageFile, "load", None)  # a call would end in status 500
    answer = client.post("/v1/predict", files={"a": ("shop.png", content)})
    assert (answer.status_code, answer.json()["reason"]) == (REASONS[reason], reason), answer.text
    assert "shop.png" in answer.json()["message"]


def test_a_long_thin_picture_and_a_large_flat_one_are_answered_or_refused(client):
    thin, flat = encoded(Image.new("L", (1, 20_000))), encoded(Image.new("L", (30_000, 1), 9))
    for content in (thin, flat, png(4000, 4000, b"\0" * 4001 * 4000)):
        assert client.post("/v1/predict", files={"a": content}).status_code in (200, 422)


SEEDS = [encoded(garment("RGBA")), encoded(garment("P")), encoded(garment("RGB"), "JPEG", exif=exif(3)), animated(),
         encoded(garment("CMYK"), "JPEG"), encoded(garment("RGB"), "WEBP"), encoded(garment("I;16"))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.sampled_from(SEEDS), where=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
       end=st.floats(0.05, 1))
def test_damaged_pictures_never_break_it(client: TestClient, seed, where, end):
    damaged = bytearray(seed[: max(1, int(end * len(seed)))])
    for share, value in where:
        damaged[int(share * (len(damaged) - 1))] = value
    answer = client.post("/v1/predict", files={"a": bytes(damaged)})
    assert answer.status_code in (200, 413, 422), answer.text
