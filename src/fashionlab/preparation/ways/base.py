"""What every way of preparing a picture is.

To add one: a module in this package that calls ``WAYS.add(name, Way(...))``; the contract tests find it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fashionlab.common.records import Preparation
from fashionlab.common.registry import Registry
from fashionlab.preparation.files import COLOUR, GREY, on_background


@dataclass(frozen=True)
class Way:
    """A way from a decoded picture to what a network sees.

    what: what it does, for people. apply: takes what `files.to_eight_bits` gave (the picture, and L or RGB) and gives
    uint8 [channels, size, size]. unchanged: which of uint8 [N, C, H, W] it leaves as they are, bool [N], but for grey
    that is repeated into three channels. draft: the longest edge in pixels that suffices, where JPEGs may be decoded
    smaller than they are. pixels: what prepared pixels look like. finds_garment: whether it looks for one, which one
    object on a plain background helps. remark: what has to be said of a prepared photo, empty if nothing.
    """

    what: str
    apply: Callable[[Image.Image, str, Preparation], np.ndarray]
    unchanged: Callable[[np.ndarray, Preparation], np.ndarray]
    draft: int | None = None
    pixels: str = "as bright as in the photo (0 is black, 255 white)"
    finds_garment: bool = False
    remark: Callable[[np.ndarray], str] = lambda picture: ""


WAYS: Registry[Way] = Registry("preparation", "fashionlab.preparation.ways")


def of_that_form(images: np.ndarray, preparation: Preparation) -> np.ndarray:
    """bool [N]: all of uint8 [N, C, H, W] where they have the preparation's size and no channels too many."""
    fits = images.shape[2:] == (preparation.size, preparation.size) and images.shape[1] <= preparation.channels
    return np.full(len(images), fits)


def flat(picture: Image.Image, preparation: Preparation) -> Image.Image:
    """The picture opaque and with the preparation's channels; a grey one may lie on a coloured background."""
    mode = mode_for(preparation.channels)
    return on_background(picture, preparation.background, mode).convert(mode)


def mode_for(channels: int) -> str:
    """PIL's name for 1 or 3 channels of bytes."""
    return GREY if channels == 1 else COLOUR


def to_array(picture: Image.Image) -> np.ndarray:
    """uint8 [C, H, W] of an L or RGB picture."""
    array = np.asarray(picture)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
