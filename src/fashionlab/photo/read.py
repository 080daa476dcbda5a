"""Any picture file to pixels: checked, upright, 8 bits, grey or colour, with its opacity where it has one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.picture_files import in_bytes, on_background, opened

MAX_BYTES = 64 << 20
LONGEST_EDGE = 160  # pixels: a garment that fills a fifth of it still has more than the 28 of the data


@dataclass(frozen=True)
class Photo:
    """A decoded picture. pixels: uint8 [C, H, W], C is 1 (grey) or 3; opacity: uint8 [H, W], or None where all of it
    is opaque."""

    pixels: np.ndarray
    opacity: np.ndarray | None = None


def read_photo(source: Path | bytes | Image.Image, name: str | None = None) -> Photo:
    """Decode a PNG, JPEG or WebP file, such a file's bytes, or what `look` gave; `name` is what messages call it.

    Upright by its EXIF orientation; 16 bits, palettes and CMYK become 8-bit grey or RGB; larger pictures are reduced
    to a longest edge below twice `LONGEST_EDGE`, JPEG's while they are decoded. What is transparent becomes white.
    Raises DataError: missing, empty, over 64 MiB or 50 megapixels (both known before decoding), damaged, animated, or
    no such picture.
    """
    name = name or str(source)
    if not isinstance(source, Image.Image):
        _check_size(source, name)
    with opened(source, name) as picture:
        # What a camera appends to a JPEG (MPO: a preview, a second view) is no animation.
        frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        if frames > 1:
            raise DataError(f"{name}: an animation of {frames} frames, expected one picture")
        picture.draft(None, (LONGEST_EDGE, LONGEST_EDGE))
        return _decode(picture)


def _check_size(source: Path | bytes, name: str) -> None:
    try:
        if isinstance(source, Path) and source.is_dir():
            raise DataError(f"{name}: a folder, expected a picture")
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error})") from error
    if not size:
        raise DataError(f"{name}: empty (0 bytes)")
    if size > MAX_BYTES:
        raise DataError(f"{name}: {size / 2**20:,.0f} MiB, the limit is {MAX_BYTES >> 20}")


def _decode(picture: Image.Image) -> Photo:
    picture, mode = in_bytes(picture)
    picture = picture.reduce(max(1, max(picture.size) // LONGEST_EDGE))
    opacity = np.asarray(picture.getchannel("A")) if picture.mode == "RGBA" else None
    shown = on_background(picture, "white", mode)
    return Photo(_channels_first(shown), None if opacity is None or opacity.min() == 255 else opacity)


def _channels_first(picture: Image.Image) -> np.ndarray:
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))
