"""What the service says of how photos are prepared for its model."""

from __future__ import annotations

from typing import Any, NamedTuple

from fashionlab.deploy.artifact import Description
from fashionlab.serve import schema

FASHION_MNIST, GARMENT = "fashion-mnist", "garment"
_WHAT = {
    FASHION_MNIST: "the garment found in the picture, grey, light on black, filling the frame",
    GARMENT: "the garment found in the picture and cut out, its colours kept",
    "letterbox": "the whole picture in a square, what stays empty in the background's colour",
    "crop": "the middle of the picture, its shorter side as long as the square's",
    "squash": "the whole picture, its sides made equal",
}
_NAMES = {"#000000": "black", "#ffffff": "white"}


class Asked(NamedTuple):
    """How an artifact of before there was a choice sees photos."""

    way: str
    size: int
    channels: int
    background: tuple[int, int, int] = (0, 0, 0)


def asked(description: Description) -> Any:
    """The preparation of the photos that the model is asked about: way, size, channels and background."""
    way = FASHION_MNIST if description.channels == 1 else GARMENT
    return getattr(description, "preparation", None) or Asked(way, description.image_size, description.channels)


def in_words(preparation: Any) -> schema.Preparation:
    """A preparation in figures and in sentences."""
    way, size, channels = preparation.way, preparation.size, preparation.channels
    background = f"#{bytes(preparation.background).hex()}"
    shape = " x ".join(map(str, (size, size) if channels == 1 else (channels, size, size)))
    if way == FASHION_MNIST:
        kind, pixels = "", "light on black"
    else:
        kind = " in grey" if channels == 1 else " in colour"
        pixels = "as bright as in the photo (0 is black, 255 white)"
    if way in (FASHION_MNIST, GARMENT):
        advice = "One object on a plain background does best."
    else:
        advice = (f"What is empty or transparent becomes {_NAMES.get(background, background)}. "
                  "Photos like those of training do best.")
    return schema.Preparation(way=way, size=size, channels=channels, background=background, pixels=f"{shape}, {pixels}",
                              photos=f"A photo becomes {size} x {size} pixels{kind}: {_WHAT[way]}. {advice}")
