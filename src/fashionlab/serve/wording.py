"""What the service says of how photos are prepared for its model."""

from __future__ import annotations

from fashionlab.common.records import Preparation
from fashionlab.preparation import WAYS
from fashionlab.preparation.wording import in_hexadecimal, of_photos
from fashionlab.serve import schema


def to_schema(preparation: Preparation) -> schema.Preparation:
    """A preparation in figures and in sentences."""
    size, channels, way = preparation.size, preparation.channels, preparation.way
    shape = " x ".join(map(str, (size, size) if channels == 1 else (channels, size, size)))
    return schema.Preparation(way=way, size=size, channels=channels, background=in_hexadecimal(preparation),
                              pixels=f"{shape}, {WAYS[way].pixels}", photos=of_photos(preparation))
