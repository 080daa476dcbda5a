"""What the service says of how its model's pictures are prepared."""

from __future__ import annotations

from fashionlab.deploy.artifact import Description
from fashionlab.preparation import WAYS, Preparations
from fashionlab.serve import schema

_NAMES = {"#000000": "black", "#ffffff": "white"}


def preparation_of(description: Description) -> schema.Preparation:
    """How the model's pictures are prepared, in figures and in words."""
    size, channels = description.image_size, description.channels
    asked = Preparations.of_model(description.preparation, size, channels).asked
    background, way = f"#{bytes(asked.background).hex()}", WAYS[asked.way]
    colour = "grey" if channels == 1 else "in colour"
    photos = f"{way.photos} {size} x {size} pixels, {colour}; what is transparent or stays empty becomes " \
             f"{_NAMES.get(background, background)}."
    shape = " x ".join(map(str, (size, size) if channels == 1 else (channels, size, size)))
    return schema.Preparation(way=asked.way, size=size, channels=channels, background=background, photos=photos,
                              pixels=f"{shape}, {way.pixels}")
