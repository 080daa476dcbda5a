"""Picture files of every form that is read, small: written by PIL, or by hand where PIL only reads the form."""

from __future__ import annotations

import io
import struct
from functools import cache

import numpy as np
from PIL import Image

EXACT = ("BMP", "DIB", "DDS", "GIF", "ICO", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP")
LOSSY = ("AVIF", "JPEG")
_OPTIONS = {"WEBP": {"lossless": True}, "ICO": {"sizes": [(16, 16)]}, "JPEG2000": {"irreversible": False}}


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    """What PIL writes; without loss where the form allows it."""
    stream = io.BytesIO()
    picture.save(stream, form, **{**_OPTIONS.get(form, {}), **options})
    return stream.getvalue()


def drawing() -> Image.Image:
    """16 x 16 in seven colours, so that a palette holds it; no two rows or columns are alike."""
    colours = np.random.default_rng(5).integers(0, 256, (7, 3), dtype=np.uint8)
    return Image.fromarray(colours[np.random.default_rng(6).integers(0, 7, (16, 16))])


@cache
def written() -> dict[str, bytes]:
    """`drawing` in each form that PIL writes."""
    return {form: saved(drawing(), form) for form in (*EXACT, *LOSSY)}


def by_hand() -> dict[str, tuple[bytes, np.ndarray]]:
    """Files of forms that PIL only reads, or writes in one way of several, and their pixels, [H, W] or [H, W, 3]."""
    colours = np.random.default_rng(7).integers(0, 256, (2, 4, 3), dtype=np.uint8)
    grey = np.array([[0, 255, 255], [255, 0, 0]], dtype=np.uint8)
    text = "\n".join(" ".join(map(str, row)) for row in colours.reshape(2, -1))
    dib = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 24, 0, 0, 0, 0, 0, 0) + colours[::-1, :, ::-1].tobytes() + bytes(8)
    return {
        "XPM": (b'/* XPM */\nstatic char *x[] = {\n"3 2 2 1",\n"a c #000000",\n"b c #FFFFFF",\n"abb",\n"baa"\n};\n',
                grey),
        "SUN": (struct.pack(">8I", 0x59A66A95, 4, 2, 24, 24, 1, 0, 0) + colours[..., ::-1].tobytes(), colours),
        "PSD": (b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 2, 4, 8, 3) + bytes(14) + colours.transpose(2, 0, 1).tobytes(),
                colours),
        "CUR": (b"\0\0\2\0\1\0" + struct.pack("<BBBBHHII", 4, 2, 0, 0, 0, 0, len(dib), 22) + dib, colours),
        "PPM, plain": (f"P3\n# a comment\n4\t2\r\n255\n{text}\n".encode(), colours),
        "PGM, plain": (b"P2 3 2 1\n0 1 1\n1 0 0\n", grey),
        "PBM, plain": (b"P1\n3 2\n1 0 0\n0 1 1\n", grey),
        "PBM": (b"P4\n3 2\n\x80\x60", grey),
        "PGM": (b"P5\t3 2\n255\n" + grey.tobytes(), grey),
        "PGM, 12 bits": (b"P5 3 2 4095\n" + (grey.astype(">u2") * 4095 // 255).tobytes(), grey),
        "PFM": (b"Pf\n3 2\n-1.0\n" + (grey[::-1] / 255).astype("<f4").tobytes(), grey),
    }


def tiff(values: np.ndarray, order: str, bits: int, kind: int) -> bytes:
    """One page of grey numbers by hand. order: < or >. kind: 1 for whole numbers, 2 with a sign, 3 with a point."""
    pixels = values.astype(values.dtype.newbyteorder(order)).tobytes()
    tags = [(256, 4, values.shape[1]), (257, 4, values.shape[0]), (258, 3, bits), (259, 3, 1), (262, 3, 1),
            (273, 4, 8), (277, 3, 1), (278, 4, values.shape[0]), (279, 4, len(pixels)), (339, 3, kind)]
    ifd = struct.pack(f"{order}H", len(tags))
    for tag, form, value in tags:
        packed = struct.pack(f"{order}I", value) if form == 4 else struct.pack(f"{order}HH", value, 0)
        ifd += struct.pack(f"{order}HHI", tag, form, 1) + packed
    magic = b"II" if order == "<" else b"MM"
    return magic + struct.pack(f"{order}HI", 42, 8 + len(pixels)) + pixels + ifd + bytes(4)
