"""Pictures and labels out of arrays as people keep them: other orders of axes, other scales, one-hot or text labels."""

from __future__ import annotations

import math

import numpy as np

from fashionlab.common.errors import DataError

_AT_ONCE = 256  # pictures that are brought to another scale together, so that large sets need little memory
_SMALLEST_FLAT = 8  # side of the smallest pictures that are read from rows of numbers (scikit-learn's digits)
_ROUNDING = 1e-3  # of white: what floats may exceed their scale by
_SCALES = {1.0: "0 to 1", 255.0: "0 to 255", 4095.0: "0 to 4095 (12 bits)", 65535.0: "0 to 65535 (16 bits)"}
_NORMALISED = "undo what normalised them (brightness is read from 0 to 1 or from 0 to 255)"


def channels_first(array: np.ndarray, where: str, axes: str | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """A view [N, C, H, W] of an array [N, H, W], [N, H, W, C], [N, C, H, W] or [N, H * H], C 1 or 3; and what was taken
    for what. axes: NHWC or NCHW for four dimensions, where that is said.

    Raises DataError for another shape, and for one that can be read in two ways.
    """
    shape = list(array.shape)
    if array.dtype.kind not in "uifb":
        raise DataError(f"{where} holds {array.dtype}, expected numbers")
    if not array.size:
        raise DataError(f"{where}: {shape}, holds no pictures")
    if array.ndim == 2:
        return _unflattened(array, where)
    if array.ndim == 3:
        return array[:, None], ()
    if array.ndim != 4:
        raise DataError(f"{where}: pictures of shape {shape}, expected [N, H, W] or [N, H, W, 3]")
    first, last = shape[1] in (1, 3) and axes != "NHWC", shape[3] in (1, 3) and axes != "NCHW"
    if first and last:
        raise DataError(f"{where}: {shape} may be [N, C, H, W] or [N, H, W, C]; save an array axes=np.array('NCHW') or "
                        "'NHWC' beside it to say which")
    if last:
        return array.transpose(0, 3, 1, 2), ()
    if first:
        return array, ()
    rgba = "; drop the transparency with array[..., :3]" if shape[3] == 4 else ""
    raise DataError(f"{where}: pictures of shape {shape}, expected 1 (grey) or 3 (colour) channels, such as "
                    f"[N, H, W, 3]{rgba}")


def _unflattened(array: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    n, numbers = array.shape
    side = math.isqrt(numbers)
    if side**2 == numbers and side >= _SMALLEST_FLAT:
        return array.reshape(n, 1, side, side), (f"{where}: rows of {numbers} numbers are grey pictures of "
                                                 f"{side} x {side}",)
    colour = math.isqrt(numbers // 3)
    if 3 * colour**2 == numbers and colour >= _SMALLEST_FLAT:
        raise DataError(f"{where}: rows of {numbers} numbers may be colour pictures of {colour} x {colour} in two "
                        f"orders; say which with array.reshape(-1, 3, {colour}, {colour}) or "
                        f"array.reshape(-1, {colour}, {colour}, 3)")
    raise DataError(f"{where}: rows of {numbers} numbers, expected pictures [N, H, W] or [N, H, W, 3], or rows of as "
                    "many numbers as a square picture has")


def white_of(array: np.ndarray, where: str) -> float:
    """The number that is white: 1, 255, or what the pictures' bits suffice for (as `preparation.files.from_deep_grey`).

    Raises DataError for numbers below zero (pictures that were standardised, or brought to -1 to 1) or above the scale.
    """
    if array.dtype.kind == "b":
        return 1.0
    low, high = float(array.min()), float(array.max())
    values = f"{where}: values from {low:g} to {high:g}"
    if array.dtype.kind == "f":
        if not np.isfinite((low, high)).all():
            raise DataError(f"{where}: holds numbers that are not finite (NaN or infinite)")
        white = 1.0 if high <= 1 + _ROUNDING else 255.0
        if low < -_ROUNDING * white or high > white * (1 + _ROUNDING):
            raise DataError(f"{values}, expected 0 to 1 or 0 to 255; {_NORMALISED}")
        return white
    if low < 0:
        raise DataError(f"{values}, expected 0 to 255; {_NORMALISED}")
    if high == 1:
        raise DataError(f"{values}: only the whole numbers 0 and 1, expected 0 to 255; for black and white save "
                        "array * 255 or array.astype(bool)")
    if high <= 255:
        return 255.0
    if array.dtype.itemsize not in (2, 4) or high > 65535:
        raise DataError(f"{values} as {array.dtype}, expected 0 to 255; pictures of 12 or 16 bits are read from arrays "
                        "of uint16")
    return 4095.0 if high <= 4095 else 65535.0


def in_bytes(array: np.ndarray, white: float, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """[N, C, H, W] of any numbers as uint8, `white` becoming 255; bytes stay the very array.

    Raises DataError for numbers beyond 0 to `white`, the scale of the training pictures.
    """
    if array.dtype == np.uint8:
        return array, ()
    low, high = float(array.min()), float(array.max())
    if not -_ROUNDING * white <= low <= high <= white * (1 + _ROUNDING):
        raise DataError(f"{where}: values from {low:g} to {high:g}, but those of the training pictures are on the "
                        f"scale {_SCALES[white]}")
    scaled = np.empty(array.shape, dtype=np.uint8)
    for start in range(0, len(array), _AT_ONCE):
        several = array[start : start + _AT_ONCE]
        if several.dtype.kind == "f":
            shares = several.astype(np.float32) * np.float32(255 / white)
            scaled[start : start + _AT_ONCE] = shares.round().clip(0, 255).astype(np.uint8)
        else:
            whole = int(white)
            scaled[start : start + _AT_ONCE] = (several.astype(np.int64) * 510 + whole) // (2 * whole)
    if array.dtype.kind in "fb" or white != 255:
        scale = "true is white, false is black" if array.dtype.kind == "b" else f"the scale is {_SCALES[white]}"
        return scaled, (f"{where}: {scale}",)
    return scaled, ()


def one_hot_classes(shape: tuple[int, ...], dtype: np.dtype) -> int | None:
    """How many classes labels of such a shape have where they are one-hot: [N, K] of numbers; None where they are not.
    """
    return shape[1] if len(shape) == 2 and shape[1] > 1 and dtype.kind in "uifb" else None


def to_labels(array: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """int64 or text [N] of labels that are whole numbers, text or true and false, [N] or [N, 1], or one-hot [N, K]; and
    what was taken for what. Raises DataError for others."""
    if one_hot_classes(array.shape, array.dtype):
        return _from_one_hot(array, where)
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1:
        raise DataError(f"{where}: labels of shape {list(array.shape)}, expected one a picture, or one-hot rows [N, K]")
    if flat.dtype.kind in "SU":
        return _texts(flat, where), ()
    if flat.dtype.kind == "b":
        return flat.astype(np.int64), (f"{where}: false is class 0, true is class 1",)
    if flat.dtype.kind == "f":
        fractions = np.flatnonzero(~(np.isfinite(flat) & (flat == np.floor(flat))))
        if len(fractions):
            position = int(fractions[0])
            raise DataError(f"{where}: label {flat[position]:g} (picture {position}), expected whole numbers")
    elif flat.dtype.kind not in "iu":
        raise DataError(f"{where} holds {flat.dtype}, expected whole numbers or text")
    return flat.astype(np.int64), ()


def _from_one_hot(array: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    wrong = np.flatnonzero(~(((array == 0) | (array == 1)).all(axis=1) & ((array == 1).sum(axis=1) == 1)))
    if len(wrong):
        raise DataError(f"{where}: {list(array.shape)}, but row {wrong[0]} is not one-hot (a single 1, else 0): "
                        "expected one class a picture")
    return array.argmax(axis=1).astype(np.int64), (f"{where}: one-hot rows of {array.shape[1]} classes",)


def _texts(array: np.ndarray, where: str) -> np.ndarray:
    if array.dtype.kind == "S":
        try:
            array = np.char.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{where}: text that is no UTF-8 ({error})") from error
    empty = np.flatnonzero(array == "")
    if len(empty):
        raise DataError(f"{where}: the text of picture {empty[0]} is empty, expected a class name")
    return array


def to_classes(array: np.ndarray, where: str) -> tuple[str, ...]:
    """The class names in an array [K] of text or whole numbers. Raises DataError for others, and for a name twice."""
    if array.ndim != 1 or array.dtype.kind not in "SUiu":
        raise DataError(f"{where}: {array.dtype} {list(array.shape)}, expected a list of class names")
    texts = _texts(array, where) if array.dtype.kind in "SU" else array
    classes = tuple(str(name) for name in texts.tolist())
    if len(set(classes)) != len(classes):
        raise DataError(f"{where}: a class name stands there twice")
    return classes
