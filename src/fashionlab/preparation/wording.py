"""What is done with a photo, in sentences for people."""

from __future__ import annotations

from fashionlab.common.records import Preparation
from fashionlab.preparation.ways import WAYS

_NAMES = {"#000000": "black", "#ffffff": "white"}


def of_photos(preparation: Preparation) -> str:
    """What becomes of a photo, and which ones do best."""
    size, channels, way = preparation.size, preparation.channels, WAYS[preparation.way]
    kind = "" if way.finds_garment and channels == 1 else " in grey" if channels == 1 else " in colour"
    if way.finds_garment:
        advice = "One object on a plain background does best."
    else:
        background = in_hexadecimal(preparation)
        advice = (f"What is empty or transparent becomes {_NAMES.get(background, background)}. "
                  "Photos like those of training do best.")
    return f"A photo becomes {size} x {size} pixels{kind}: {way.what}. {advice}"


def in_hexadecimal(preparation: Preparation) -> str:
    """The background's colour as #rrggbb."""
    return f"#{bytes(preparation.background).hex()}"
