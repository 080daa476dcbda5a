"""Photos drawn for tests of what models of before saw and said, as the bytes of picture files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from garments import in_form, photo

_ORIENTATION = 0x0112


def drawn_photos() -> dict[str, bytes]:
    """By name: grey and coloured, light and dark, cut out, turned, deep grey, in Fashion-MNIST's form; all of forms
    without loss, so that they are the same with every version of Pillow."""
    shirt, shoe = photo("shirt", 150), photo("shoe", 170, garment=200, background=20)
    red = np.stack([shirt, shirt // 2, shirt // 3], axis=2)
    clear = Image.fromarray(red).convert("RGBA")
    clear.putalpha(Image.fromarray(np.where(shirt < 200, 255, 0).astype(np.uint8)))
    sideways = Image.Exif()
    sideways[_ORIENTATION] = 6
    pictures = {
        "grey shirt on white.png": Image.fromarray(shirt),
        "light shoe on black.png": Image.fromarray(shoe),
        "red shirt.png": Image.fromarray(red),
        "trousers in the corner.png": Image.fromarray(photo("trousers", 90, place=(5, 5))),
        "red shirt, cut out.png": clear,
        "deep grey.png": Image.fromarray(shirt.astype(np.uint16) * 257),
        "in the form.png": Image.fromarray(in_form("shoe")),
        "of its size, dark on white.png": Image.fromarray(photo("shirt", 22, place=(3, 3), canvas=(28, 28))),
        "nothing.png": Image.fromarray(np.full((50, 40), 128, np.uint8)),
    }
    files = {name: _png(picture) for name, picture in pictures.items()}
    return {**files, "turned.png": _png(Image.fromarray(red), exif=sideways)}


def _png(picture: Image.Image, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", **options)
    return stream.getvalue()
