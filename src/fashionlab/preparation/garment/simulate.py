"""Photos simulated from Fashion-MNIST pictures: what finding the garment is measured on."""

from __future__ import annotations

import colorsys
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

BACKGROUNDS = ("white", "coloured", "gradient")
ENLARGED = 10
MARGINS = (0.05, 0.30)  # of the enlarged picture's edge, drawn for each side
DEGREES = 5.0
QUALITIES = (60, 95)
TINT = (0.75, 1.0)  # what each channel of the garment is multiplied by
_FAINT = 16  # garments darker than this in the data (nearly white ones) let the background through
_BLACK = 8  # the data's background, 0-255; some of its pixels are noise just above 0


@dataclass(frozen=True)
class Simulated:
    """A JPEG file's bytes and how it was made: the kind of background, degrees of rotation, JPEG quality."""

    jpeg: bytes
    background: str
    degrees: float
    quality: int


def simulate(picture: np.ndarray, seed: int, index: int, background: str | None = None) -> Simulated:
    """A photo of the garment in `picture` (uint8 [H, W], light on black): the same for the same seed and index.

    Enlarged 10 times (bicubic), inverted, tinted (each channel times 0.75 to 1), laid on a white, coloured or gradient
    background (drawn unless given), margins of 5 to 30 % on each side, rotated by up to 5 degrees, JPEG of quality 60
    to 95.
    """
    draw = np.random.default_rng([seed, index])
    drawn = BACKGROUNDS[draw.integers(len(BACKGROUNDS))]
    kind = background or drawn
    degrees, quality = float(draw.uniform(-DEGREES, DEGREES)), int(draw.integers(QUALITIES[0], QUALITIES[1] + 1))
    margins, tint = draw.uniform(*MARGINS, size=4), draw.uniform(*TINT, size=3)
    opacity, garment = (_enlarged(layer, margins, degrees)[..., None] for layer in _layers(picture))
    photo = _background(kind, opacity.shape[:2], draw) * (1 - opacity / 255) + (opacity - garment) * tint
    stream = io.BytesIO()
    Image.fromarray(photo.round().clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=quality)
    return Simulated(stream.getvalue(), kind, degrees, quality)


def _layers(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The garment's opacity, and its brightness times opacity (0-255 both).

    The data shows garments in front of black: a pixel at the outline is its brighter neighbour seen in part. So on
    white the photo is the picture's negative, and on a coloured background no white rim remains.
    """
    image = Image.fromarray(picture)
    brightest, darkest = (np.asarray(image.filter(kind(3))) for kind in (ImageFilter.MaxFilter, ImageFilter.MinFilter))
    share = np.where(darkest <= _BLACK, picture / np.maximum(brightest, _FAINT), 1) * (brightest > _BLACK)
    return (255 * share).round().astype(np.uint8), np.where(share > 0, picture, 0).astype(np.uint8)


def _enlarged(layer: np.ndarray, margins: np.ndarray, degrees: float) -> np.ndarray:
    """The layer enlarged on a larger black canvas, then rotated about its centre: float64 [H, W], 0-255."""
    height, width = (ENLARGED * edge for edge in layer.shape)
    left, top, right, bottom = (round(margin * max(height, width)) for margin in margins)
    canvas = Image.new("L", (left + width + right, top + height + bottom))
    canvas.paste(Image.fromarray(layer).resize((width, height), Image.Resampling.BICUBIC), (left, top))
    centre = (left + width / 2, top + height / 2)
    return np.asarray(canvas.rotate(degrees, Image.Resampling.BICUBIC, center=centre), dtype=np.float64)


def _background(kind: str, shape: tuple[int, int], draw: np.random.Generator) -> np.ndarray:
    """float64, 0-255, [1, 1, 3] or [H, W, 3] for the gradient between two colours."""
    first, second = (_colour(draw)[None, None] for _ in range(2))
    if kind == "white":
        return np.full((1, 1, 3), 255.0)
    if kind == "coloured":
        return first
    down, right = np.meshgrid(*(np.linspace(-1, 1, edge) for edge in shape), indexing="ij")
    angle = draw.uniform(0, 2 * np.pi)
    along = np.cos(angle) * right + np.sin(angle) * down
    along = (along - along.min()) / (along.max() - along.min())
    return first + (second - first) * along[..., None]


def _colour(draw: np.random.Generator) -> np.ndarray:
    """A backdrop's colour, [3]: any hue, weak to strong (saturation to 0.6), not dark (value from 0.6)."""
    return 255 * np.array(colorsys.hsv_to_rgb(draw.uniform(), draw.uniform(0, 0.6), draw.uniform(0.6, 1)))
