"""The garment found in a colour photo and cut out as a square, its colours and its background kept."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionlab.common.records import Preparation
from fashionlab.preparation.garment.form import cut_out, in_form
from fashionlab.preparation.garment.photo import LONGEST_EDGE, as_photo
from fashionlab.preparation.ways.base import WAYS, Way


def garment(picture: Image.Image, mode: str, preparation: Preparation) -> np.ndarray:
    size, photo = preparation.size, as_photo(picture, mode)
    if photo.pixels.shape[1:] == (size, size) and in_form(photo.pixels[None], size)[0]:
        return photo.pixels.repeat(preparation.channels, axis=0)
    square = cut_out(photo, size)
    if preparation.channels == 3:
        return square
    return np.asarray(Image.fromarray(np.ascontiguousarray(square.transpose(1, 2, 0))).convert("L"))[None]


def _unchanged(images: np.ndarray, preparation: Preparation) -> np.ndarray:
    of_that_size = images.shape[2:] == (preparation.size, preparation.size)
    return in_form(images, preparation.size) if of_that_size else np.zeros(len(images), dtype=bool)


WAYS.add("garment", Way("the garment found in the picture and cut out, its colours kept",
                        garment, _unchanged, LONGEST_EDGE, finds_garment=True))
