"""Many small pictures as one embedded picture, for the galleries of a page (macro `gallery`)."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fashionlab.preparation.files import to_image
from fashionlab.preparation.ways.letterbox import fit
from fashionlab.report.html import data_uri

LARGEST_SIDE = 64  # pixels; larger pictures are scaled down, so that a page of a thousand stays small


@dataclass(frozen=True)
class PictureSheet:
    """uri: the sheet as a data URI; picture i lies in row i // across, column i % across, each `size` pixels square."""

    uri: str
    size: int
    across: int


def picture_sheet(images: Sequence[np.ndarray] | np.ndarray) -> PictureSheet:
    """A sheet of uint8 [C, H, W] pictures, one or more; a picture that is not square is centred on black."""
    size = min(LARGEST_SIDE, max(max(picture.shape[1:]) for picture in images))
    across = math.ceil(math.sqrt(len(images)))
    grey = all(len(picture) == 1 for picture in images)
    sheet = Image.new("L" if grey else "RGB", (across * size, math.ceil(len(images) / across) * size))
    for index, picture in enumerate(images):
        tile = fit(to_image(picture), size, size)
        sheet.paste(tile, (index % across * size, index // across * size))
    content = io.BytesIO()
    if grey and size < LARGEST_SIDE:
        sheet.save(content, "PNG")  # exact pixels: they are enlarged
        return PictureSheet(data_uri(content.getvalue(), "image/png"), size, across)
    sheet.save(content, "WEBP", quality=80, method=2)
    return PictureSheet(data_uri(content.getvalue(), "image/webp"), size, across)
