"""Picture files opened safely: PNG, JPEG and WebP, limits checked before decoding, every failure one DataError."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import (  # the plug-ins: for a format that is not loaded yet, PIL would load all forty
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,  # noqa: F401
)

from fashionlab.common.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
GREY, COLOUR = "L", "RGB"  # modes of PIL
MAX_PIXELS = 50_000_000
MAX_SCANS = 32  # of a progressive JPEG: encoders make about ten, each is decoded over all pixels
_FORMATS = ("PNG", "JPEG", "WEBP")
_CHUNK = 64
_ROWS = 256
T = TypeVar("T")
# PIL unpacks a PNG's texts while it reads the header, by default 64 MiB of them.
PngImagePlugin.MAX_TEXT_MEMORY = 2 << 20


class TooManyPixels(DataError):
    """A picture of more pixels than are decoded."""


@contextmanager
def opened(source: Path | bytes | Image.Image, name: str) -> Iterator[Image.Image]:
    """The picture in a file or in a file's bytes, or one that `look` gave, not yet decoded; closed when the block ends.

    Raises what `look` raises, within the block too.
    """
    with _one_error(name), source if isinstance(source, Image.Image) else look(source, name) as picture:
        yield picture


def look(source: Path | bytes, name: str) -> Image.Image:
    """The picture in a file or in a file's bytes, open and not yet decoded.

    Whatever goes wrong becomes a DataError that calls the picture `name`: no PNG, JPEG or WebP, damaged, or over 50
    megapixels (known from the header).
    """
    with _one_error(name):
        picture = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            picture.close()
            raise TooManyPixels(f"{name}: {picture.width} x {picture.height} pixels, the limit is {MAX_PIXELS:,}")
        if isinstance(picture, JpegImagePlugin.JpegImageFile) and _scans(picture) > MAX_SCANS:
            picture.close()
            raise DataError(f"{name}: a JPEG of more than {MAX_SCANS} scans, which would take too long to decode")
        return picture


def _scans(picture: JpegImagePlugin.JpegImageFile) -> int:
    """How often the file begins a scan; within a scan's own data the two bytes cannot stand."""
    file = picture.fp
    assert file
    position = file.tell()
    file.seek(0)
    count = file.read().count(b"\xff\xda")
    file.seek(position)
    return count


@contextmanager
def _one_error(name: str) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels(f"{name}: too many pixels, the limit is {MAX_PIXELS:,}") from error
    except Exception as error:  # on damaged files decoders raise almost anything: OSError, SyntaxError, struct.error...
        reason = "not a PNG, JPEG or WebP picture" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise DataError(f"{name}: unreadable picture ({reason or type(error).__name__})") from error


def is_grey(picture: Image.Image) -> bool:
    """Whether the picture has no colour by its mode; a palette is grey when all its entries are."""
    if picture.mode == "P":
        palette = np.array(picture.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return picture.mode in ("1", "L", "LA", "La") or picture.mode.startswith("I")


def in_bytes(picture: Image.Image) -> tuple[Image.Image, str]:
    """The picture upright by its EXIF orientation and in 8 bits: as L or RGB, or as RGBA where it may be transparent;
    and which of L and RGB it is without its transparency.

    A palette is grey when all its entries are, 16-bit grey is scaled to 8, CMYK becomes RGB.
    """
    mode = GREY if is_grey(picture) else COLOUR
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I"):
        return from_sixteen_bits(picture), GREY
    return picture.convert("RGBA" if picture.has_transparency_data else mode), mode


def on_background(picture: Image.Image, colour: str, mode: str) -> Image.Image:
    """An RGBA picture on a plain background, as L or RGB; any other as it is."""
    if picture.mode != "RGBA":
        return picture
    return Image.alpha_composite(Image.new("RGBA", picture.size, colour), picture).convert(mode)


def from_sixteen_bits(picture: Image.Image) -> Image.Image:
    """A 16-bit grey picture (a mode that starts with I) scaled to 8 bits."""
    values = np.asarray(picture)
    scaled = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, len(values), _ROWS):  # a few rows at a time: whole pictures of int64 would take gigabytes
        rows = values[start : start + _ROWS].astype(np.int64).clip(0, 65535)
        scaled[start : start + _ROWS] = (rows + 128) // 257
    return Image.fromarray(scaled)


def to_image(picture: np.ndarray) -> Image.Image:
    """The picture of a uint8 [C, H, W] array."""
    return Image.fromarray(np.ascontiguousarray(picture[0] if len(picture) == 1 else picture.transpose(1, 2, 0)))


def in_threads(work: Callable[[T], object], items: Sequence[T], advance: Callable[[int], None]) -> Iterator:
    """`work` over `items` in threads (PIL decodes without the interpreter's lock), in order; DataErrors are results."""

    def several(chunk: Sequence[T]) -> list[object]:
        return [_caught(work, item) for item in chunk]

    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    with quiet(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for results in pool.map(several, chunks):
            yield from results
            advance(len(results))


def _caught(work: Callable[[T], object], item: T) -> object:
    try:
        return work(item)
    except DataError as error:
        return error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep PIL's warnings (large pictures, odd EXIF) from the person: what matters is checked here.

    Entered by the thread that starts the others: warning filters belong to the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
