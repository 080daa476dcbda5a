"""Changes of brightness values for whole batches, each picture with its own strength. Pure functions.

images: float32 [B, C, H, W] in [0, 1], C is 1 or 3, never modified; strengths: [B]. Results are in [0, 1]. The
definitions are torchvision's (and so PIL's); a test holds each to torchvision, picture by picture.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fashionlab.common.errors import UsageError


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """`other` at factor 0, `images` at 1, beyond at more; clamped."""
    return torch.lerp(other, images, _column(factor)).clamp_(0, 1)


def to_grey(images: Tensor) -> Tensor:
    """Luminance [B, 1, H, W] (ITU-R 601)."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply."""
    return (images * _column(factor)).clamp_(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the picture's mean luminance."""
    return blend(images, to_grey(images).mean((1, 2, 3), keepdim=True), factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the grey picture; grey pictures stay as they are."""
    return images.clone() if images.shape[1] == 1 else blend(images, to_grey(images), factor)


def hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue by these fractions of a full turn, saturation and value kept; grey pictures stay as they are."""
    if images.shape[1] == 1:
        return images.clone()
    value, span = images.amax(1), images.amax(1) - images.amin(1)
    red, green, blue = images.unbind(1)
    sixths = torch.where(value == red, (green - blue) / span,
                         torch.where(value == green, 2 + (blue - red) / span, 4 + (red - green) / span))
    sixths = torch.where(span == 0, 0.0, sixths) + 6 * turn.view(-1, 1, 1)
    # A channel is `value` but for the part of the circle about its complement: Smith 1978, in the form of one formula.
    places = [(sixths + offset) % 6 for offset in (5, 3, 1)]
    return torch.stack([value - span * torch.minimum(place, 4 - place).clamp_(0, 1) for place in places], 1)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with a smoothed picture (3x3, weight 5 in the middle, the outermost pixels as they are)."""
    if min(images.shape[-2:]) <= 2:
        return images.clone()
    # Sums of shifted pictures: several times faster on CPUs than a convolution of one channel.
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    around = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1].mul_(4).add_(around).div_(13)
    return blend(images, smooth, factor)


def invert(images: Tensor) -> Tensor:
    """Negative."""
    return 1 - images


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Invert what is at or above `threshold`."""
    return torch.where(images >= _column(threshold), 1 - images, images)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest `bits` (int [B]) of the eight bits of every value."""
    shift = 8 - _column(bits).to(torch.uint8)
    return to_bytes(images).bitwise_right_shift(shift).bitwise_left_shift(shift).float() / 255


def autocontrast(images: Tensor) -> Tensor:
    """Stretch every channel so that its darkest value is 0 and its brightest 1; a flat channel stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = low == high
    stretched = (images - low) / torch.where(flat, 1.0, high - low)
    return torch.where(flat, images, stretched)


def equalize(images: Tensor) -> Tensor:
    """Make every channel's histogram (256 values) as even as it gets; PIL's integer arithmetic."""
    values = to_bytes(images).flatten(2).long()
    counts = torch.zeros(*values.shape[:2], 256, dtype=torch.int64, device=images.device)
    counts.scatter_add_(2, values, torch.ones_like(values))
    brightest = values.amax(2, keepdim=True)
    step = (values.shape[2] - counts.gather(2, brightest)) // 255
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp_(0, 255)
    table = torch.where(step == 0, torch.arange(256, device=images.device), table)
    return (table.gather(2, values).float() / 255).view(images.shape)


def gaussian_blur(images: Tensor, sigma: Tensor, size: int) -> Tensor:
    """Convolve with a Gaussian of `sigma` pixels cut to `size` x `size` (odd), the picture mirrored outside.

    Raises UsageError when the picture is too small to be mirrored so far.
    """
    half = size // 2
    if half >= min(images.shape[-2:]):
        raise UsageError(f"a blur of {size} pixels is too wide for pictures of {images.shape[-2]}x{images.shape[-1]}")
    offsets = torch.arange(size, device=images.device) - half
    weights = torch.exp(-0.5 * (offsets / sigma[:, None]).square())
    weights = weights / weights.sum(1, keepdim=True)
    for axis in (2, 3):
        length = images.shape[axis]
        padding = (0, 0, half, half) if axis == 2 else (half, half, 0, 0)
        padded = F.pad(images, padding, mode="reflect")
        # A tap at a time: a grouped convolution with a kernel a picture is far slower on CPUs.
        images = torch.zeros_like(images)
        for tap in range(size):
            images.addcmul_(padded.narrow(axis, tap, length), _column(weights[:, tap]))
    return images.clamp_(0, 1)


def to_bytes(images: Tensor) -> Tensor:
    """uint8, 0-255, rounded."""
    return (images * 255).round().to(torch.uint8)
