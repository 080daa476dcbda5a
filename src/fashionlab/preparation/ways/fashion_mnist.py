"""As the makers of Fashion-MNIST did: the garment found, light on black, filling the frame."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionlab.common.records import Preparation
from fashionlab.preparation.garment.form import in_form, to_form
from fashionlab.preparation.garment.photo import LONGEST_EDGE, as_photo
from fashionlab.preparation.ways.base import WAYS, Way


def fashion_mnist(picture: Image.Image, mode: str, preparation: Preparation) -> np.ndarray:
    form = to_form(as_photo(picture, mode), preparation.size, preparation.channels)
    return form if form.ndim == 3 else form[None]


def _unchanged(images: np.ndarray, preparation: Preparation) -> np.ndarray:
    if preparation.channels == 3:  # grey pictures in the form are repeated, colours are always sought
        return np.zeros(len(images), dtype=bool)
    return in_form(images, preparation.size)


WAYS.add("fashion-mnist", Way("the garment found in the picture, light on black, filling the frame", fashion_mnist,
                              _unchanged, LONGEST_EDGE))
