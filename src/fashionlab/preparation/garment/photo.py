"""A decoded picture as finding the garment takes it: reduced, with its opacity apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fashionlab.preparation.files import on_background

LONGEST_EDGE = 160  # pixels: a garment that fills a fifth of it still has more than the 28 of the data


@dataclass(frozen=True)
class Photo:
    """A decoded picture. pixels: uint8 [C, H, W], C is 1 (grey) or 3; opacity: uint8 [H, W], or None where all of it
    is opaque."""

    pixels: np.ndarray
    opacity: np.ndarray | None = None


def as_photo(picture: Image.Image, mode: str) -> Photo:
    """Of what `files.to_eight_bits` gave. Larger pictures are reduced to a longest edge below twice `LONGEST_EDGE`;
    what is transparent becomes white."""
    picture = picture.reduce(max(1, max(picture.size) // LONGEST_EDGE))
    opacity = np.asarray(picture.getchannel("A")) if picture.mode == "RGBA" else None
    shown = on_background(picture, "white", mode)
    return Photo(_channels_first(shown), None if opacity is None or opacity.min() == 255 else opacity)


def _channels_first(picture: Image.Image) -> np.ndarray:
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
