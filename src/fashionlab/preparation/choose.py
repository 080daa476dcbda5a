"""Which way of preparing pictures fits a data set, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from PIL import ImageColor

from fashionlab.common.errors import UsageError
from fashionlab.common.records import Preparation
from fashionlab.preparation.garment.background import border
from fashionlab.preparation.garment.form import SIZE, in_form
from fashionlab.preparation.ways import WAYS

SMALL = 64  # pixels: up to this side pictures keep it
PHOTO_SIZE = 160  # the side of larger ones, where nothing else is said
SAMPLE = 200  # pictures that are looked at closely; of the size of Fashion-MNIST's all are


@dataclass(frozen=True)
class PictureFacts:
    """What a data set's training pictures are like.

    same: height and width where all have the same, else None. longest: of all sides, in pixels. grey: all are, by their
    files. in_form: whether all have Fashion-MNIST's form, 28 x 28, grey and light on black. background: the
    median colour of their borders (of a sample), red, green and blue.
    """

    pictures: int
    same: tuple[int, int] | None
    longest: int
    grey: bool
    in_form: bool
    background: tuple[int, int, int]

    @property
    def small(self) -> bool:
        return self.longest <= SMALL

    @property
    def side(self) -> int:
        """Of the square that such pictures are prepared for."""
        square = self.same is not None and self.same[0] == self.same[1]
        return self.longest if square or self.small else PHOTO_SIZE

    @property
    def sizes(self) -> str:
        """For people."""
        return "different sizes" if self.same is None else "{} x {}".format(*self.same)


def facts_of_arrays(images: np.ndarray) -> PictureFacts:
    """Of pictures uint8 [N, C, H, W]."""
    height, width = images.shape[2:]
    all_in_form, background = look_closely(images[:: sampled_every(len(images), None)])
    if all_in_form:
        all_in_form = bool(in_form(images).all())
    return PictureFacts(len(images), (height, width), max(height, width), images.shape[1] == 1, all_in_form, background)


def sampled_every(n: int, same: tuple[int, int] | None) -> int:
    """Every how many pictures of `n` one is looked at closely; `same`: the size that all have."""
    return 1 if same == (SIZE, SIZE) else max(1, n // SAMPLE)


def look_closely(sample: Iterable[np.ndarray]) -> tuple[bool, tuple[int, int, int]]:
    """`in_form` and `background` of pictures uint8 [C, H, W] of any size."""
    known, colours = True, []
    for picture in sample:
        known = known and bool(in_form(picture[None])[0])
        edge = border(picture, 1) if min(picture.shape[1:]) > 2 else picture.reshape(len(picture), -1)
        colours.append(np.median(edge, axis=1).repeat(3 // len(picture)))
    red, green, blue = (int(value) for value in np.median(colours, axis=0).round()) if colours else (0, 0, 0)
    return known and bool(colours), (red, green, blue)


def choose(facts: PictureFacts, *, way: str | None = None, size: int | None = None, channels: int | None = None,
           background: str | None = None) -> tuple[Preparation, str]:
    """The preparation for such pictures, what is given kept, and a sentence that says why.

    background: a name or #rrggbb. Raises UsageError for an unknown way or colour.
    """
    fitting, reason = _fitting(facts)
    size, channels = size or facts.side, channels or fitting.channels
    chosen = replace(fitting, size=size, channels=channels)
    if way is not None:
        _ = WAYS[way]  # names the nearest one
        if way != fitting.way:
            chosen, reason = replace(chosen, way=way), "as asked"
    if background is not None:
        chosen = replace(chosen, background=colour(background))
    return chosen, reason


def _fitting(facts: PictureFacts) -> tuple[Preparation, str]:
    channels, side = 1 if facts.grey else 3, facts.side
    if facts.in_form:
        return (Preparation("fashion-mnist", side, channels),
                f"grey pictures of {side} x {side}, light on black, as Fashion-MNIST's: photos that the model is asked "
                "about are brought into that form")
    what = f"{'grey' if facts.grey else 'colour'} pictures of {facts.sizes}"
    return (Preparation("letterbox", side, channels, facts.background),
            f"{what}: each is kept whole, what stays empty has the colour of their borders")


def colour(text: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour's name or #rrggbb. Raises UsageError."""
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise UsageError(f"background {text!r}: expected a colour such as white or #f0e8e0") from None
    return red, green, blue


def in_words(preparation: Preparation) -> str:
    """The preparation in a few words, for people."""
    side = preparation.size
    kind = "grey" if preparation.channels == 1 else "colour"
    ground = f" on #{bytes(preparation.background).hex()}" if preparation.way == "letterbox" else ""
    return f"{preparation.way}, {side} x {side}, {kind}{ground}"
