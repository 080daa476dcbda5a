"""PNG, JPEG and WebP files to arrays: every mode, EXIF orientation, in parallel, each picture decoded once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from fashionlab.data.pictures import COLOUR, GREY, fit, mode_for, to_array
from fashionlab.data.progress import progress
from fashionlab.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MAX_PIXELS = 50_000_000
DEFAULT_SIZE = 28
_FORMATS = ("PNG", "JPEG", "WEBP")
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112
_CHUNK = 64
T = TypeVar("T")


@dataclass(frozen=True)
class Shape:
    """Channels, height and width that pictures are brought to."""

    channels: int
    height: int
    width: int


def survey(paths: Sequence[Path], image_size: int | None, channels: int | None) -> Shape:
    """The shape for a folder of pictures, from their headers.

    Size: `image_size` square; else the pictures' own if all have the same; else 28 x 28. Channels: `channels`, else
    1 if all are grey, 3 otherwise. Files that cannot be read do not count: decoding names them.
    """
    if image_size and channels:
        return Shape(channels, image_size, image_size)
    headers: set[tuple[bool, int, int]] = set()
    with progress("looking at pictures", len(paths)) as advance:
        for header in _parallel(_header, paths, advance):
            if not isinstance(header, DataError):
                headers.add(header)
    sizes = {(height, width) for _, height, width in headers}
    height, width = (image_size, image_size) if image_size else (DEFAULT_SIZE, DEFAULT_SIZE)
    if not image_size and len(sizes) == 1:
        height, width = next(iter(sizes))
    return Shape(channels or (1 if all(grey for grey, _, _ in headers) else 3), height, width)


def decode_into(target: np.ndarray, paths: Sequence[Path]) -> dict[int, str]:
    """Fill `target` (uint8 [N, C, H, W]) from `paths`; returns the reasons of those that cannot be read, by index.

    Unreadable are damaged files, others than PNG, JPEG and WebP, and pictures over 50 megapixels (which are refused
    before they are decoded).
    """
    channels, height, width = target.shape[1:]

    def one(numbered: tuple[int, Path]) -> None:
        index, path = numbered
        picture = _naming(path, _decode)
        target[index] = to_array(fit(picture.convert(mode_for(channels)), height, width))

    with progress("decoding pictures", len(paths)) as advance:
        results = _parallel(one, list(enumerate(paths)), advance)
        return {index: str(result) for index, result in enumerate(results) if isinstance(result, DataError)}


def _parallel(work: Callable[[T], object], items: Sequence[T], advance: Callable[[int], None]) -> Iterator:
    """`work` over `items` in threads (PIL decodes without the interpreter's lock), in order; DataErrors are results."""

    def several(chunk: Sequence[T]) -> list[object]:
        return [_caught(work, item) for item in chunk]

    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    with _quiet(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for results in pool.map(several, chunks):
            yield from results
            advance(len(results))


def _caught(work: Callable[[T], object], item: T) -> object:
    try:
        return work(item)
    except DataError as error:
        return error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PIL's warnings (large pictures, odd EXIF) from the person: what matters is checked here.

    Entered by the thread that starts the others: warning filters belong to the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _naming(path: Path, work: Callable[[Image.Image], T]) -> T:
    """`work` on the opened picture; whatever goes wrong becomes a DataError naming the file."""
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise DataError(f"{path}: {picture.width} x {picture.height} pixels, the limit is {MAX_PIXELS:,}")
            return work(picture)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: too many pixels, the limit is {MAX_PIXELS:,}") from error
    except Exception as error:  # on damaged files decoders raise almost anything: OSError, SyntaxError, struct.error...
        reason = "not a PNG, JPEG or WebP picture" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise DataError(f"{path}: unreadable picture ({reason or type(error).__name__})") from error


def _header(path: Path) -> tuple[bool, int, int]:
    """Whether the picture is grey, its height and its width when upright, without decoding it."""
    return _naming(path, lambda picture: (_is_grey(picture), *_upright_size(picture)))


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    # For a PNG without EXIF at its start getexif() would decode the whole picture to look for one at its end.
    orientation = picture.getexif().get(_ORIENTATION) if "exif" in picture.info else None
    return (picture.width, picture.height) if orientation in _SIDEWAYS else (picture.height, picture.width)


def _is_grey(picture: Image.Image) -> bool:
    if picture.mode == "P":
        palette = np.array(picture.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in ("1", "L", "LA", "La") or picture.mode.startswith("I")


def _decode(picture: Image.Image) -> Image.Image:
    """The picture upright, as 8-bit grey (L) or colour (RGB) by its mode; a palette is grey when all its entries are.

    16-bit grey is scaled to 8. What is transparent becomes black, the background of Fashion-MNIST.
    """
    mode = GREY if _is_grey(picture) else COLOUR
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I"):  # 16 bits
        values = np.asarray(picture).astype(np.int64).clip(0, 65535)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        black = Image.new("RGBA", colours.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, colours).convert(COLOUR).convert(mode)
    return picture.convert(mode)
