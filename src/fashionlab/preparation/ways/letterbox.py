"""The whole picture, its shape kept, in the middle of a square of the background's colour."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionlab.common.records import Preparation
from fashionlab.preparation.ways.base import WAYS, Way, flat, of_that_form, to_array


def letterbox(picture: Image.Image, mode: str, preparation: Preparation) -> np.ndarray:
    size = preparation.size
    return to_array(fit(flat(picture, preparation), size, size, preparation.background))


def fit(picture: Image.Image, height: int, width: int, background: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """`picture` (L or RGB) scaled as a whole into height x width, centred. Lanczos with antialiasing."""
    if picture.size == (width, height):
        return picture
    scale = min(width / picture.width, height / picture.height)
    size = (min(width, max(1, round(picture.width * scale))), min(height, max(1, round(picture.height * scale))))
    scaled = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if size == (width, height):
        return scaled
    canvas = Image.new("RGB", (width, height), background).convert(picture.mode)
    canvas.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas


WAYS.add("letterbox", Way("the whole picture in a square, what stays empty in the background's colour", letterbox,
                          of_that_form))
