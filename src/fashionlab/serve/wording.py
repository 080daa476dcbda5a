"""What the service says of how photos are prepared for its model."""

from __future__ import annotations

from fashionlab.common.records import Preparation
from fashionlab.preparation import WAYS
from fashionlab.serve import schema

_NAMES = {"#000000": "black", "#ffffff": "white"}


def to_schema(preparation: Preparation) -> schema.Preparation:
    """A preparation in figures and in sentences."""
    size, channels, way = preparation.size, preparation.channels, WAYS[preparation.way]
    background = f"#{bytes(preparation.background).hex()}"
    shape = " x ".join(map(str, (size, size) if channels == 1 else (channels, size, size)))
    kind = "" if way.finds_garment and channels == 1 else " in grey" if channels == 1 else " in colour"
    if way.finds_garment:
        advice = "One object on a plain background does best."
    else:
        advice = (f"What is empty or transparent becomes {_NAMES.get(background, background)}. "
                  "Photos like those of training do best.")
    return schema.Preparation(way=preparation.way, size=size, channels=channels, background=background,
                              pixels=f"{shape}, {way.pixels}",
                              photos=f"A photo becomes {size} x {size} pixels{kind}: {way.what}. {advice}")
