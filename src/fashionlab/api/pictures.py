"""Pictures as people have them: files, folders, arrays, PIL pictures, one or many."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.records import LeftOut
from fashionlab.deploy.inputs import GivenPicture, Input, find

Picture = str | os.PathLike[str] | np.ndarray | Image.Image
Pictures = Picture | Sequence[Picture]

_FORMS = "[H, W], [H, W, 3], [N, H, W], [N, H, W, 3] or [N, C, H, W]"


def inputs_of(pictures: Pictures, left_out: list[LeftOut] | None = None) -> list[Input]:
    """What a classifier is asked about, in order. A string or path names a file, a folder, a pattern or a set.

    Arrays are uint8 and of the forms [H, W], [H, W, 3], [N, H, W], [N, H, W, 3] or [N, C, H, W]. Raises DataError for
    another array and for one whose form can be read in two ways. `left_out` is given what lies in folders and is no
    picture.
    """
    given: Any = pictures  # strict checkers ask for the form of arrays
    alone = not isinstance(pictures, Sequence) or isinstance(pictures, str)
    several: list[Any] = [given] if alone else list(given)
    inputs: list[Input] = []
    for position, picture in enumerate(several):
        if isinstance(picture, Image.Image):
            if not picture.width * picture.height:
                raise DataError(f"picture {position}: it has no pixels")
            inputs.append(GivenPicture(position, picture))
        elif isinstance(picture, np.ndarray):
            inputs += [GivenPicture(number if alone else position, part)
                       for number, part in enumerate(_split(several[position], position))]
        elif isinstance(picture, str | os.PathLike):
            inputs += find([os.fspath(picture)], left_out)
        else:
            raise DataError(f"picture {position}: {type(picture).__name__}, expected a path, a uint8 array or a PIL "
                            "picture")
    return inputs


def _split(array: np.ndarray, position: int) -> Iterator[np.ndarray]:
    """The pictures in an array, uint8 [C, H, W] each."""
    name, shape = f"picture {position}", list(array.shape)
    if array.dtype != np.uint8:
        raise DataError(f"{name}: an array of {array.dtype}, expected uint8 with brightness 0 to 255")
    if 0 in array.shape[array.ndim > 2:]:  # no picture at all is none to refuse
        raise DataError(f"{name}: an array of shape {shape} has no pixels")
    if array.ndim == 2:
        yield array[None]
    elif array.ndim == 3 and array.shape[2] == 3 and array.shape[0] != 3:
        yield array.transpose(2, 0, 1)
    elif array.ndim == 3 and array.shape[0] == 1:
        yield array
    elif array.ndim == 3 and array.shape[0] != 3:
        yield from array[:, None]
    elif array.ndim == 4 and (array.shape[1] in (1, 3)) != (array.shape[3] in (1, 3)):
        yield from array if array.shape[1] in (1, 3) else array.transpose(0, 3, 1, 2)
    elif array.ndim in (3, 4):
        raise DataError(f"{name}: an array of shape {shape} can be read in two ways or none; give a list of arrays "
                        "[H, W] or [H, W, 3]")
    else:
        raise DataError(f"{name}: an array of shape {shape}, expected {_FORMS}")
