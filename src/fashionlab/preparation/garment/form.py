"""A decoded photo brought into the data's form: one garment, light on black, filling the frame.

After what the makers of Fashion-MNIST did to Zalando's photos (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747,
section 2): edges in the background's colour trimmed, the longest edge brought to 28 pixels, sharpened, the shortest
extended and the picture centred, negated, grey. Theirs lay on clean white; here the background may have any colour, be
light or dark, and change slowly over the picture. Of the 60,000 training pictures 98 % reach two opposite edges of the
frame, the odd pixel of the margins lies left and above, and the brightest pixel is 254 or 255 in 99 %.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from fashionlab.preparation.garment.background import border, surface
from fashionlab.preparation.garment.components import components
from fashionlab.preparation.garment.photo import Photo

SIZE = 28  # pixels: the side of the data's pictures
_BLACK = 13  # of 255: 5 %, what the data's makers took for background
_ON_BLACK = 0.15  # of the border's pixels: so many are background at least
_DARK = 96  # of 255: a background whose brightest channel is below this is a dark one, and nothing is inverted
_NOISE = 4  # a garment differs from the background by more than this many times the background's own noise,
_LEAST = 8  # by at least so much of 255,
_SHARE = 0.15  # and by this share of what its clearest parts differ
_PIECE = 0.15  # parts smaller than this share of the largest are dirt, not the second sandal
_SHOWN = 40  # of 255: brighter than shadows and noise
_AS_LARGE = 0.4  # of the largest thing: a second one, and no part of it
_CELL = 3  # pixels: parts nearer than this are one
_SHARPEN = ImageFilter.UnsharpMask(radius=1, percent=50, threshold=0)  # radius as the makers'; share on validation
_FRAME = 3  # pixels of black around what is sharpened: its outline is an edge too
_GREY = (np.float32(0.299), np.float32(0.587), np.float32(0.114))  # ITU-R 601-2, as PIL and the data's makers


def to_form(photo: Photo, size: int = SIZE) -> np.ndarray:
    """The garment of `photo` as uint8 [size, size]. Where nothing stands out from the background the frame is black."""
    back = surface(photo.pixels)
    mask, opacity = _find(photo, back)
    if not mask.any():
        return np.zeros((size, size), np.uint8)
    return _fit_into_frame(_light_on_black(photo.pixels, back, mask) * opacity, _box(mask), size)


def things(form: np.ndarray) -> int:
    """How many separate things a picture in the form, uint8 [H, W], shows: parts of about the same size. One for 99 of
    100 training pictures of Fashion-MNIST."""
    areas = np.bincount(components(form > _SHOWN).ravel())[1:]
    return int(np.count_nonzero(areas >= _AS_LARGE * areas.max(initial=1)))


def cut_out(photo: Photo, size: int) -> np.ndarray:
    """The square around the garment of `photo` as uint8 [3, size, size].

    Colours are kept and nothing is inverted or stretched: the background is continued where the square needs more.
    Where nothing stands out from the background it is the whole picture.
    """
    back = surface(photo.pixels)
    mask, _ = _find(photo, back)
    return _coloured(photo, back, _box(mask if mask.any() else np.ones_like(mask)), size)


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of where the mask is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def in_form(images: np.ndarray, size: int = SIZE) -> np.ndarray:
    """bool [N]: which pictures uint8 [N, C, H, W] are in the data's form already: grey, of that size or of the data's
    own, on black.

    On black is what has some of it at its border: all 70,000 pictures of Fashion-MNIST, and of their negatives none.
    """
    if images.shape[1:] not in ((1, size, size), (1, SIZE, SIZE)):
        return np.zeros(len(images), dtype=bool)
    edges = border(images[:, 0], 1)
    return np.count_nonzero(edges < _BLACK, axis=1) > _ON_BLACK * edges.shape[1]


def _find(photo: Photo, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the garment is, bool [H, W], and how much it hides of the background `back`, float32 [H, W], 0-1."""
    if photo.opacity is not None:
        difference, noise = photo.opacity.astype(np.float32), 0.0
    else:
        apart = photo.pixels - back
        difference = np.abs(apart, out=apart).max(axis=0)
        noise = float(np.median(border(difference)))
    least = max(_LEAST, _NOISE * noise, _SHARE * float(np.percentile(difference[::2, ::2], 98)))
    mask = difference > least
    main = _main_parts(mask)
    difference *= 2 / least
    difference -= 1
    return mask & main, difference.clip(0, 1, out=difference) * main


def _main_parts(mask: np.ndarray) -> np.ndarray:
    """Where the mask is wanted, bool [H, W], a little around it too: not where parts are that are small beside the
    largest."""
    height, width = (-(-edge // _CELL) for edge in mask.shape)
    cells = np.zeros((height * _CELL, width * _CELL), dtype=bool)
    cells[: mask.shape[0], : mask.shape[1]] = mask
    counts = cells.reshape(height, _CELL, width, _CELL).sum(axis=(1, 3))
    labels = components(counts > 0)
    areas = np.bincount(labels.ravel(), weights=counts.ravel())
    kept = np.pad((areas >= _PIECE * areas.max())[labels] & (counts > 0), 1)
    rows = kept[:-2] | kept[1:-1] | kept[2:]  # cells beside a part are empty or its own, never another part's
    near = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return near.repeat(_CELL, axis=0).repeat(_CELL, axis=1)[: mask.shape[0], : mask.shape[1]]


def _light_on_black(pixels: np.ndarray, back: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Grey float32 [H, W], 0-255: from white if the background is light, from black if it is dark.

    White is the brightest channel of the background (white paper in poor light, a coloured wall), or the garment's
    lightest parts where those are lighter; black the opposite.
    """
    grey = pixels[0].astype(np.float32)
    if len(pixels) == 3:
        grey = _GREY[0] * grey + _GREY[1] * pixels[1] + _GREY[2] * pixels[2]
    inside = grey[::2, ::2][mask[::2, ::2]] if mask[::2, ::2].any() else grey[mask]
    if np.median(border(back).max(axis=0)) >= _DARK:
        white = np.maximum(back.max(axis=0), np.percentile(inside, 99))
        return (255 * (white - grey) / white).clip(0, 255)
    black = np.minimum(back.min(axis=0), np.percentile(inside, 1))
    return (255 * (grey - black) / (255 - black)).clip(0, 255)


def _fit_into_frame(value: np.ndarray, box: tuple[int, int, int, int], size: int) -> np.ndarray:
    """The part of `value` in `box` scaled into uint8 [size, size], centred, its brightest pixel 255, then sharpened."""
    left, top, right, bottom = box
    scale = size / max(right - left, bottom - top)
    width, height = (max(1, round(edge * scale)) for edge in (right - left, bottom - top))
    small = np.asarray(Image.fromarray(value).resize((width, height), Image.Resampling.BOX, box=box))
    x, y = (size - width + 1) // 2, (size - height + 1) // 2
    framed = np.zeros((size + 2 * _FRAME, size + 2 * _FRAME), dtype=np.uint8)
    framed[_FRAME + y :, _FRAME + x :][:height, :width] = (small * (255 / max(float(small.max()), 1.0))).round()
    return np.asarray(Image.fromarray(framed).filter(_SHARPEN))[_FRAME:-_FRAME, _FRAME:-_FRAME]


def _coloured(photo: Photo, back: np.ndarray, box: tuple[int, int, int, int], size: int) -> np.ndarray:
    """The square around `box` as uint8 [3, size, size]; outside the photo the background goes on."""
    left, top, right, bottom = box
    edge = max(right - left, bottom - top)
    x, y = (left + right - edge) // 2, (top + bottom - edge) // 2
    colour = tuple(int(value) for value in np.median(border(back), axis=1).round())
    picture = Image.fromarray(photo.pixels.repeat(3 // len(photo.pixels), axis=0).transpose(1, 2, 0))
    square = Image.new("RGB", (edge, edge), colour * (3 // len(colour)))
    square.paste(picture, (-x, -y))
    return np.asarray(square.resize((size, size), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
