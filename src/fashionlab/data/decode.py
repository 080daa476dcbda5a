"""PNG, JPEG and WebP files to arrays: every mode, EXIF orientation, in parallel, each picture decoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.picture_files import in_bytes, in_threads, is_grey, on_background, opened
from fashionlab.common.progress import progress
from fashionlab.data.pictures import fit, mode_for, to_array

DEFAULT_SIZE = 28
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112


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
        for header in in_threads(_header, paths, advance):
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
        with opened(path, str(path)) as picture:
            target[index] = to_array(fit(_decode(picture).convert(mode_for(channels)), height, width))

    with progress("decoding pictures", len(paths)) as advance:
        results = in_threads(one, list(enumerate(paths)), advance)
        return {index: str(result) for index, result in enumerate(results) if isinstance(result, DataError)}


def _header(path: Path) -> tuple[bool, int, int]:
    """Whether the picture is grey, its height and its width when upright, without decoding it."""
    with opened(path, str(path)) as picture:
        return (is_grey(picture), *_upright_size(picture))


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    # For a PNG without EXIF at its start getexif() would decode the whole picture to look for one at its end.
    orientation = picture.getexif().get(_ORIENTATION) if "exif" in picture.info else None
    return (picture.width, picture.height) if orientation in _SIDEWAYS else (picture.height, picture.width)


def _decode(picture: Image.Image) -> Image.Image:
    """The picture upright in 8 bits, L or RGB. What is transparent becomes black, the background of Fashion-MNIST."""
    decoded, mode = in_bytes(picture)
    return on_background(decoded, "black", mode)
