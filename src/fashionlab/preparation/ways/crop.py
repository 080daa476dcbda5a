"""The middle of the picture: its shorter side becomes the square's, the ends of the longer one are cut off."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from fashionlab.common.records import Preparation
from fashionlab.preparation.ways.base import WAYS, Way, flat, of_that_form, to_array


def crop(picture: Image.Image, mode: str, preparation: Preparation) -> np.ndarray:
    shown, size = flat(picture, preparation), (preparation.size, preparation.size)
    return to_array(shown if shown.size == size else ImageOps.fit(shown, size, Image.Resampling.LANCZOS))


WAYS.add("crop", Way("the middle of the picture, its shorter side as long as the square's", crop,
                          of_that_form))
