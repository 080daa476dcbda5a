"""The whole picture, stretched or compressed to a square."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionlab.common.records import Preparation
from fashionlab.preparation.ways.base import WAYS, Way, flat, of_that_form, to_array


def squash(picture: Image.Image, mode: str, preparation: Preparation) -> np.ndarray:
    shown, size = flat(picture, preparation), (preparation.size, preparation.size)
    return to_array(shown if shown.size == size else
                    shown.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


WAYS.add("squash", Way("the whole picture, its sides made equal", squash,
                          of_that_form))
