"""Pictures of what is no clothing, made from the data at hand or read from another data set.

To add a set: a function with `@outlier_set(...)` in this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fashionlab.common.records import Preparation
from fashionlab.data.locate import locate
from fashionlab.preparation import prepare_arrays

Make = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]

OUTLIER_SETS: dict[str, Make] = {}
"""By name: functions of pictures that are no outliers (uint8 [N, C, H, W]), a number and a generator, which give so
many outliers of the same form."""

GRID = 4  # patches a side


def outlier_set(name: str) -> Callable[[Make], Make]:
    """Register a set under `name`. Raises ValueError when the name is taken."""

    def register(function: Make) -> Make:
        if name in OUTLIER_SETS:
            raise ValueError(f"outlier set {name!r} is registered twice")
        OUTLIER_SETS[name] = function
        return function

    return register


@outlier_set("uniform-noise")
def uniform_noise(pictures: np.ndarray, n: int, draw: np.random.Generator) -> np.ndarray:
    """Every value uniform in 0 to 255."""
    return draw.integers(0, 256, (n, *pictures.shape[1:]), dtype=np.uint8)


@outlier_set("gaussian-noise")
def gaussian_noise(pictures: np.ndarray, n: int, draw: np.random.Generator) -> np.ndarray:
    """Every value normal with the pictures' own mean and deviation, so that brightness gives nothing away."""
    sample = pictures[:1000]
    mean, deviation = sample.mean(axis=(0, 2, 3)), sample.std(axis=(0, 2, 3))
    noise = draw.standard_normal((n, *pictures.shape[1:])) * deviation[:, None, None] + mean[:, None, None]
    return noise.round().clip(0, 255).astype(np.uint8)


@outlier_set("scrambled")
def scrambled(pictures: np.ndarray, n: int, draw: np.random.Generator) -> np.ndarray:
    """The pictures themselves, cut into 4 x 4 patches that change places: right in every detail, wrong as a whole.

    Rows and columns that do not divide by 4 stay where they are; pictures are used again when there are too few.
    """
    chosen = np.array(pictures[np.resize(draw.permutation(len(pictures)), n)])
    channels, (high, wide) = chosen.shape[1], (side // GRID for side in chosen.shape[2:])
    inner = chosen[:, :, : GRID * high, : GRID * wide].reshape(n, channels, GRID, high, GRID, wide)
    patches = inner.transpose(0, 2, 4, 1, 3, 5).reshape(n, GRID**2, channels, high, wide)
    order = draw.random((n, GRID**2)).argsort(axis=1)
    moved = np.take_along_axis(patches, order[:, :, None, None, None], axis=1)
    moved = moved.reshape(n, GRID, GRID, channels, high, wide).transpose(0, 3, 1, 4, 2, 5)
    chosen[:, :, : GRID * high, : GRID * wide] = moved.reshape(n, channels, GRID * high, GRID * wide)
    return chosen


_CANVAS = 84  # three times MNIST's 28, so that edges come out soft when it is brought to size


@outlier_set("digits")
def digits(pictures: np.ndarray, n: int, draw: np.random.Generator) -> np.ndarray:
    """Digits in the fonts that come with matplotlib, white on black as MNIST's, each of its own size, place, slant,
    turn and thickness."""
    drawn = np.stack([_digit(draw) for _ in range(n)]) if n else np.empty((0, _CANVAS, _CANVAS), dtype=np.uint8)
    channels, side = pictures.shape[1:3]
    return prepare_arrays(drawn[:, None], Preparation("letterbox", side, channels))


def _digit(draw: np.random.Generator) -> np.ndarray:
    """uint8 [_CANVAS, _CANVAS]."""
    fonts = _fonts()
    font = _font(fonts[draw.integers(len(fonts))], int(draw.integers(52, 86)))
    canvas = Image.new("L", (_CANVAS, _CANVAS))
    middle = _CANVAS / 2 + draw.uniform(-6, 6, 2)
    ImageDraw.Draw(canvas).text(tuple(middle), str(draw.integers(10)), 255, font, anchor="mm",
                                stroke_width=int(draw.integers(0, 3)))
    angle, slant, half = np.radians(draw.uniform(-20, 20)), draw.uniform(-0.25, 0.25), _CANVAS / 2
    (a, b), (c, d) = rows = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [
        [1, slant], [0, 1]]
    x, y = half - rows @ [half, half]
    return np.asarray(canvas.transform(canvas.size, Image.Transform.AFFINE, (a, b, x, c, d, y),
                                       Image.Resampling.BILINEAR))


@cache
def _fonts() -> list[Path]:
    import matplotlib  # slow to import

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return sorted(path for path in folder.glob("DejaVu*.ttf") if "Display" not in path.name)


@cache
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


def check_given(datasets: Sequence[str]) -> None:
    """Raise UsageError for an unknown name and DataError for a data set that is not there, before anything is done."""
    for dataset in datasets:
        locate(dataset)
