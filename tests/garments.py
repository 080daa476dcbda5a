"""Garments drawn for tests of photos."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

Kind = Literal["shirt", "shoe", "trousers"]
_OUTLINES: dict[Kind, list[tuple[float, float]]] = {
    "shirt": [(.0, .15), (.35, .0), (.65, .0), (1., .15), (1., .45), (.8, .45), (.8, 1.), (.2, 1.), (.2, .45),
              (.0, .45)],
    "shoe": [(.0, .25), (.3, .25), (.5, .47), (1., .57), (1., .75), (.0, .75)],
    "trousers": [(.25, .0), (.75, .0), (.75, 1.), (.57, 1.), (.5, .3), (.43, 1.), (.25, 1.)],
}


def photo(kind: Kind, edge: int, *, place: tuple[int, int] = (40, 30), canvas: tuple[int, int] = (300, 280),
          garment: int = 60, background: int = 240) -> np.ndarray:
    """uint8 [H, W]: the garment `edge` pixels long, its square's corner at `place` (x, y) of `canvas` (width, height),
    with a stripe halfway to the background."""
    big = 4  # drawn larger, then reduced: smooth outlines
    picture = Image.new("L", (canvas[0] * big, canvas[1] * big), background)
    draw = ImageDraw.Draw(picture)

    def at(x: float, y: float) -> tuple[float, float]:
        return (place[0] + x * edge) * big, (place[1] + y * edge) * big

    draw.polygon([at(x, y) for x, y in _OUTLINES[kind]], fill=garment)
    if kind == "shirt":
        draw.rectangle([at(.2, .6), at(.8, .7)], fill=(garment + background) // 2)
    return np.asarray(picture.reduce(big))


def in_form(kind: Kind) -> np.ndarray:
    """uint8 [28, 28], the garment light on black, filling the frame, as Fashion-MNIST has it."""
    return photo(kind, 28, place=(0, 0), canvas=(28, 28), garment=255, background=0)
