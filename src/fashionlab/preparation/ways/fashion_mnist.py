"""As the makers of Fashion-MNIST did: the garment found, light on black, filling the frame."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionlab.common.records import Preparation
from fashionlab.preparation.garment.form import in_form, things, to_form
from fashionlab.preparation.garment.photo import LONGEST_EDGE, as_photo
from fashionlab.preparation.ways.base import WAYS, Way, to_array
from fashionlab.preparation.ways.letterbox import fit


def fashion_mnist(picture: Image.Image, mode: str, preparation: Preparation) -> np.ndarray:
    """A picture that is in that form already is only brought to the size."""
    size, photo = preparation.size, as_photo(picture, mode)
    if in_form(photo.pixels[None], size)[0]:
        form = to_array(fit(Image.fromarray(photo.pixels[0]), size, size))
    else:
        form = to_form(photo, size)[None]
    return form.repeat(preparation.channels, axis=0)


def _unchanged(images: np.ndarray, preparation: Preparation) -> np.ndarray:
    of_that_size = images.shape[2:] == (preparation.size, preparation.size)
    return in_form(images, preparation.size) if of_that_size else np.zeros(len(images), dtype=bool)


def _remark(picture: np.ndarray) -> str:
    number = things(picture[0])
    return f"{number} separate things are on it, the model knows pictures of one" if number > 1 else ""


WAYS.add("fashion-mnist", Way("the garment found in the picture, grey, light on black, filling the frame",
                              fashion_mnist, _unchanged, LONGEST_EDGE, pixels="light on black", finds_garment=True,
                              remark=_remark))
