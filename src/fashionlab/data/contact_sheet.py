"""One picture that shows a data set: for each class its name, its mean picture and some examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fashionlab.common.errors import UsageError
from fashionlab.common.files import replacing
from fashionlab.common.records import PictureSet
from fashionlab.preparation.files import to_image
from fashionlab.preparation.ways.letterbox import fit

_TILE, _GAP, _ROW_GAP, _MARGIN, _HEADER = 64, 4, 8, 16, 56
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)


def contact_sheet(pictures: PictureSet, examples: int = 10) -> Image.Image:
    """A row for each class: name and number of pictures, the mean picture, and the first `examples` pictures."""
    if not 1 <= examples <= 50:
        raise UsageError(f"examples {examples}: expected 1 to 50")
    font, small = ImageFont.load_default(17), ImageFont.load_default(13)
    counts = np.bincount(pictures.labels, minlength=len(pictures.classes))
    names = [_shorten(name) for name in pictures.classes]
    text_width = max(120, *(int(font.getlength(name)) for name in names)) + _MARGIN
    first = _MARGIN + text_width
    width = first + (examples + 1) * (_TILE + _GAP) + 2 * _GAP + _MARGIN
    sheet = Image.new("RGB", (width, _HEADER + len(names) * (_TILE + _ROW_GAP) + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    size = "{} x {}".format(*pictures.images.shape[:1:-1])
    draw.text((_MARGIN, 10), f"{len(pictures):,} training pictures, {size}", _INK, font)
    draw.text((first + _TILE / 2, _HEADER - 4), "mean", _FAINT, small, anchor="ms")
    draw.text((first + _TILE + 3 * _GAP, _HEADER - 4), "examples", _FAINT, small, anchor="ls")
    for label, name in enumerate(names):
        top = _HEADER + label * (_TILE + _ROW_GAP)
        draw.text((_MARGIN, top + _TILE / 2 - 2), name, _INK, font, anchor="ls")
        draw.text((_MARGIN, top + _TILE / 2 + 18), f"{counts[label]:,} pictures", _FAINT, small, anchor="ls")
        members = np.flatnonzero(pictures.labels == label)
        if len(members):
            sheet.paste(_tile(mean_picture(pictures, members)), (first, top))
        for column, index in enumerate(members[:examples]):
            sheet.paste(_tile(pictures.images[index]), (first + (column + 1) * (_TILE + _GAP) + 2 * _GAP, top))
    return sheet


def mean_picture(pictures: PictureSet, members: np.ndarray) -> np.ndarray:
    """uint8 [C, H, W]: the mean of the pictures at `members`, rounded."""
    total = np.zeros(pictures.images.shape[1:], dtype=np.int64)
    for start in range(0, len(members), 1000):
        total += pictures.images[members[start : start + 1000]].sum(axis=0, dtype=np.int64)
    return np.rint(total / len(members)).astype(np.uint8)


def save_contact_sheet(pictures: PictureSet, path: Path, examples: int = 10) -> None:
    """Write the sheet as PNG."""
    sheet = contact_sheet(pictures, examples)
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")


def _tile(picture: np.ndarray) -> Image.Image:
    """Small pictures are enlarged in whole steps, so that their pixels stay visible; large ones are scaled down."""
    factor = max(1, _TILE // max(picture.shape[1:]))
    return fit(to_image(picture.repeat(factor, axis=1).repeat(factor, axis=2)).convert("RGB"), _TILE, _TILE)


def _shorten(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "..."
