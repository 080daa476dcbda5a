"""Picture files to arrays: looked at first, then decoded in parallel, each once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.mapped import release, rows_at_once
from fashionlab.common.progress import progress
from fashionlab.common.records import Preparation
from fashionlab.preparation import PictureFacts, prepare
from fashionlab.preparation.choose import PHOTO_SIZE, look_closely, sampled_every
from fashionlab.preparation.files import in_threads, is_grey, on_background, opened, to_eight_bits
from fashionlab.preparation.ways.base import mode_for, to_array
from fashionlab.preparation.ways.letterbox import fit

_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112


def survey(paths: Sequence[Path]) -> PictureFacts:
    """What the pictures are like: by the headers of all, and closely by some. Files that cannot be read do not count:
    decoding names them. The last few answers are kept, as a training and every arm of a study ask about the same."""
    return _survey(tuple((path, file_state(path)) for path in paths))


def file_state(path: Path) -> tuple[int, int] | None:
    """Size and time of change in nanoseconds, by which a file is taken for the same; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4)
def _survey(files: tuple[tuple[Path, tuple[int, int] | None], ...]) -> PictureFacts:
    paths = [path for path, _ in files]
    with progress("looking at pictures", len(paths)) as advance:
        headers = [one for one in in_threads(_header, paths, advance) if not isinstance(one, DataError)]
    sizes = {(height, width) for _, height, width in headers}
    same = next(iter(sizes)) if len(sizes) == 1 else None
    sample = in_threads(_shown, paths[:: sampled_every(len(paths), same)], lambda done: None)
    known = look_closely(one for one in sample if not isinstance(one, DataError))
    return PictureFacts(len(headers), same, max((max(size) for size in sizes), default=1),
                        all(grey for grey, _, _ in headers), *known)


def decode_into(target: np.ndarray, paths: Sequence[Path], preparation: Preparation | None) -> dict[int, str]:
    """Fill `target` (uint8 [N, C, H, W]) from `paths`; returns why those at some indices cannot be read, without their
    names.

    Without a preparation pictures of the target's size are as they are, others are fitted into it whole; what is
    transparent or empty is black.
    """

    def one(numbered: tuple[int, Path]) -> None:
        index, path = numbered
        if preparation is None:
            target[index] = _as_it_is(path, *target.shape[1:])
        else:
            target[index] = prepare(path, str(path), preparation)

    unreadable: dict[int, str] = {}
    step = rows_at_once(target)
    with progress("decoding pictures", len(paths)) as advance:
        for index, result in enumerate(in_threads(one, list(enumerate(paths)), advance)):
            if isinstance(result, DataError):
                unreadable[index] = str(result).removeprefix(f"{paths[index]}: ")
            if index % step == 0:
                release(target)  # what is written to the file
    return unreadable


def _header(path: Path) -> tuple[bool, int, int]:
    """Whether the picture is grey, its height and its width when upright, without decoding it."""
    with opened(path, str(path)) as picture:
        return (is_grey(picture), *_upright_size(picture))


def _upright_size(picture: Image.Image) -> tuple[int, int]:
    # For a PNG without EXIF at its start getexif() would decode the whole picture to look for one at its end.
    orientation = picture.getexif().get(_ORIENTATION) if "exif" in picture.info else None
    return (picture.width, picture.height) if orientation in _SIDEWAYS else (picture.height, picture.width)


def _shown(path: Path) -> np.ndarray:
    """uint8 [C, H, W], decoded small where a JPEG allows it; what is transparent is black."""
    with opened(path, str(path)) as picture:
        picture.draft(None, (2 * PHOTO_SIZE, 2 * PHOTO_SIZE))
        decoded, mode = to_eight_bits(picture)
        return to_array(on_background(decoded, "black", mode))


def _as_it_is(path: Path, channels: int, height: int, width: int) -> np.ndarray:
    with opened(path, str(path)) as picture:
        decoded, mode = to_eight_bits(picture)
        return to_array(fit(on_background(decoded, "black", mode).convert(mode_for(channels)), height, width))
