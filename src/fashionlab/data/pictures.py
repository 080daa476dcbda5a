"""Arrays of pictures and single pictures brought to a wanted size and number of channels."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fashionlab.common.errors import DataError
from fashionlab.common.picture_files import COLOUR, GREY, to_image


def mode_for(channels: int) -> str:
    """PIL's name for 1 or 3 channels of bytes."""
    return GREY if channels == 1 else COLOUR


def fit(picture: Image.Image, height: int, width: int) -> Image.Image:
    """`picture` (L or RGB) scaled as a whole into height x width, centred on black.

    Lanczos with antialiasing. Black because it is the background of Fashion-MNIST.
    """
    if picture.size == (width, height):
        return picture
    scale = min(width / picture.width, height / picture.height)
    size = (min(width, max(1, round(picture.width * scale))), min(height, max(1, round(picture.height * scale))))
    scaled = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if size == (width, height):
        return scaled
    canvas = Image.new(picture.mode, (width, height))
    canvas.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas


def to_array(picture: Image.Image) -> np.ndarray:
    """uint8 [C, H, W] of an L or RGB picture."""
    array = np.asarray(picture)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def adapt(images: np.ndarray, image_size: int | None, channels: int | None) -> np.ndarray:
    """uint8 [N, C, H, W] with the wanted size (square) and channels; None keeps what is there.

    Grey is repeated into three channels; colour becomes grey by PIL's weights (ITU-R 601-2).
    """
    n, have, height, width = images.shape
    size = (image_size, image_size) if image_size else (height, width)
    channels = channels or have
    if size != (height, width) or channels < have:
        adapted = np.empty((n, min(channels, have), *size), dtype=np.uint8)
        for target, picture in zip(adapted, images, strict=True):
            target[:] = to_array(fit(to_image(picture).convert(mode_for(len(target))), *size))
        images = adapted
    return images.repeat(3, axis=1) if channels > have else images


def from_channels_last(images: np.ndarray, where: str) -> np.ndarray:
    """uint8 [N, C, H, W] of an array [N, H, W], [N, H, W, C] or (where the last axis is not 1 or 3) [N, C, H, W]."""
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 4 and images.shape[3] in (1, 3):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return images
    raise DataError(f"{where}: pictures of shape {list(images.shape)}, expected [N, H, W] or [N, H, W, 3]")


def to_channels_last(images: np.ndarray) -> np.ndarray:
    """[N, H, W] of grey and [N, H, W, 3] of colour pictures, the order in which files keep them."""
    return images[:, 0] if images.shape[1] == 1 else images.transpose(0, 2, 3, 1)
