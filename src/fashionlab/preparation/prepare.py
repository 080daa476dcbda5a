"""The one way from a file to pixels: what training, evaluation, predictions, the service and the pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from fashionlab.common.mapped import release, rows_at_once
from fashionlab.common.records import Preparation
from fashionlab.preparation.files import in_threads, opened, to_eight_bits, to_image
from fashionlab.preparation.ways import WAYS

_AT_ONCE = 32 << 20  # bytes of prepared pictures of arrays that are worked on together


def prepare(source: Path | bytes | Image.Image, name: str, preparation: Preparation) -> np.ndarray:
    """The picture in a file, in a file's bytes, or one that a program holds, as uint8 [channels, size, size].

    `name` is what messages call it. Raises what `files.look` raises: DataError for what cannot be used.
    """
    with opened(source, name) as picture:
        way = WAYS[preparation.way]
        if way.draft:
            picture.draft(None, (way.draft, way.draft))
        return way.apply(*to_eight_bits(picture), preparation)


def prepare_array(image: np.ndarray, preparation: Preparation) -> np.ndarray:
    """A decoded picture, uint8 [C, H, W] with 1 or 3 channels, as uint8 [channels, size, size]."""
    picture = to_image(image)
    return WAYS[preparation.way].apply(picture, picture.mode, preparation)


def _in_memory(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, dtype=np.uint8)


def prepare_arrays(images: np.ndarray, preparation: Preparation,
                   empty: Callable[[tuple[int, ...]], np.ndarray] = _in_memory) -> np.ndarray:
    """`prepare_array` of each of uint8 [N, C, H, W]; the very array where nothing changes.

    empty: makes the array of a shape, of bytes, that is filled: on the disk where memory would not hold it.
    """
    unchanged = WAYS[preparation.way].unchanged(images, preparation)
    if len(images) and unchanged.all() and images.shape[1] == preparation.channels:
        return images
    prepared = empty((len(images), preparation.channels, preparation.size, preparation.size))
    step = rows_at_once(prepared, _AT_ONCE)
    for start in range(0, len(images), step):
        some = slice(start, start + step)
        if unchanged[some].any():
            prepared[some][unchanged[some]] = images[some][unchanged[some]]
        changed = start + np.flatnonzero(~unchanged[some])
        for index, picture in zip(changed, _each(images, changed, preparation), strict=True):
            prepared[index] = picture
        release(images)
        release(prepared)
    return prepared


def _each(images: np.ndarray, indices: np.ndarray, preparation: Preparation) -> Iterator[np.ndarray]:
    return in_threads(lambda index: prepare_array(images[index], preparation), indices.tolist(), lambda done: None)


class Preparations(NamedTuple):
    """How a model sees the pictures of data sets, and those that it is asked about: in the same way, but for models of
    before that was a part of them."""

    sets: Preparation
    asked: Preparation

    @staticmethod
    def of_model(preparation: Preparation | None, size: int, channels: int) -> Preparations:
        """preparation: as the model has it; size, channels: of what its network takes."""
        if preparation is not None:
            return Preparations(preparation, preparation)
        asked = "fashion-mnist" if channels == 1 else "garment"
        return Preparations(Preparation("letterbox", size, channels), Preparation(asked, size, channels))
