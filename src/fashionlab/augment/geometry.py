"""The two ways pictures are resampled, and the matrices that describe where to. Pure functions of tensors."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from fashionlab.common.errors import UsageError

Mode = Literal["zeros", "reflection", "border"]
"""What lies outside a picture: black, the picture mirrored about its outermost pixels, or the outermost pixel."""

_PAD = {"zeros": "constant", "reflection": "reflect", "border": "replicate"}


def move(images: Tensor, mirror: Tensor | None, dx: Tensor | None, dy: Tensor | None, reach: int, mode: Mode) -> Tensor:
    """Exact flips and whole-pixel shifts: new[b, c, y, x] = old[b, c, y + dy, ±x + dx], x counted from the centre.

    images: [B, C, H, W]. mirror: bool [B]; dx and dy: int64 [B], both given or neither, none beyond ±reach.
    Raises UsageError when a reflection would have to reach beyond the opposite side.
    """
    if dx is not None and dy is not None:
        images = _shift(images, dx, dy, reach, mode)
    if mirror is not None:
        images = torch.where(mirror.view(-1, 1, 1, 1), images.flip(-1), images)
    return images


def _shift(images: Tensor, dx: Tensor, dy: Tensor, reach: int, mode: Mode) -> Tensor:
    b, c, h, w = images.shape
    if mode == "reflection" and reach >= min(h, w):
        raise UsageError(f"a shift of {reach} pixels cannot be filled by reflection in pictures of {h}x{w}; "
                         "use a smaller one or mode border")
    padded_w = w + 2 * reach
    plane = (h + 2 * reach) * padded_w
    flat = F.pad(images, (reach,) * 4, mode=_PAD[mode]).contiguous().view(-1)
    # Every row of the result is w neighbours in memory. Seen as a table of all runs of w neighbours (run i starts at
    # element i, so they overlap), picking rows is one index_select, which copies whole rows: several times faster than
    # torch.gather over pixel indices and tens of times faster than advanced indexing.
    runs = flat.as_strided((flat.numel() - w + 1, w), (1, 1))
    pictures = torch.arange(0, b * c * plane, c * plane, device=images.device) + (dy + reach) * padded_w + dx + reach
    planes = torch.arange(0, c * plane, plane, device=images.device)
    rows = torch.arange(0, h * padded_w, padded_w, device=images.device)
    starts = pictures.view(b, 1, 1) + planes.view(c, 1) + rows
    return runs.index_select(0, starts.view(-1)).view(b, c, h, w)


def warp(images: Tensor, matrices: Tensor, mode: Mode, projective: bool) -> Tensor:
    """Resample once, bilinear: new[b] at p shows old[b] at matrices[b] @ p (see Geometric for the coordinates).

    images: float32 [B, C, H, W]. matrices: float32 [B, 3, 3]. projective: whether the last rows matter.
    """
    h, w = images.shape[-2:]
    # align_corners=True puts -1 and 1 on the outermost pixels' centres, so that reflection mirrors about them as `move`
    # does; with False it would repeat the outermost pixel.
    half = torch.tensor([max(w - 1, 1) / 2, max(h - 1, 1) / 2, 1.0], device=images.device)
    scaled = matrices / half[:, None]
    if not projective:
        scaled = scaled[:, :2]
    x, y = (torch.arange(size, device=images.device, dtype=torch.float32) - (size - 1) / 2 for size in (w, h))
    # Broadcast rather than multiplied as matrices: a GPU with TF32 on would round the coordinates to 10 bits.
    rows = torch.addcmul(scaled[:, :, 2, None], scaled[:, :, 1, None], y)
    positions = torch.addcmul(rows[..., None], scaled[:, :, 0, None, None], x)
    if projective:
        positions = positions[:, :2] / positions[:, 2:]
    return F.grid_sample(images, positions.permute(0, 2, 3, 1), mode="bilinear", padding_mode=mode, align_corners=True)


def compose(matrices: list[Tensor]) -> Tensor:
    """The one matrix a picture [B, 3, 3] of several operations, given in the order in which they are applied."""
    product = matrices[0]
    for matrix in matrices[1:]:
        # Written out, not `@`: see `warp` about TF32; and for 3x3 it is no slower.
        product = (product[:, :, :, None] * matrix[:, None]).sum(2)
    return product


def linear_matrices(xx: Tensor, xy: Tensor, yx: Tensor, yy: Tensor, x0: Tensor, y0: Tensor) -> Tensor:
    """[B, 3, 3] from the entries [B] of [[xx, xy, x0], [yx, yy, y0], [0, 0, 1]]."""
    zero = torch.zeros_like(xx)
    return torch.stack((xx, xy, x0, yx, yy, y0, zero, zero, zero + 1), dim=1).view(-1, 3, 3)


def rotation_matrices(degrees: Tensor) -> Tensor:
    """[B, 3, 3] that turn pictures by `degrees` [B] counter-clockwise about the centre, as torchvision's rotate."""
    angle = degrees * (math.pi / 180)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return linear_matrices(cosine, -sine, sine, cosine, zero, zero)


def affine_matrices(
    degrees: Tensor, dx: Tensor, dy: Tensor, scale_x: Tensor, scale_y: Tensor, shear_x: Tensor, shear_y: Tensor
) -> Tensor:
    """[B, 3, 3] that scale, then shear (degrees), then turn clockwise (degrees), then shift pictures (pixels).

    All [B]; about the centre; with scale_x = scale_y the same as torchvision's affine.
    """
    angle, sx, sy = (value * (math.pi / 180) for value in (degrees, shear_x, shear_y))
    cosine, sine = (angle - sy).cos() / sy.cos(), (angle - sy).sin() / sy.cos()
    # The picture moves by [[a, b], [c, d]]; the determinant (scales apart) is 1, so the inverse is [[d, -b], [-c, a]].
    a, b = cosine, -cosine * sx.tan() - angle.sin()
    c, d = sine, -sine * sx.tan() + angle.cos()
    xx, xy, yx, yy = d / scale_x, -b / scale_x, -c / scale_y, a / scale_y
    return linear_matrices(xx, xy, yx, yy, -(xx * dx + xy * dy), -(yx * dx + yy * dy))


def quadrilateral_matrices(corners: Tensor, h: int, w: int) -> Tensor:
    """[B, 3, 3] that move a picture's corners to `corners` [B, 4, 2]: x, y in pixels from the top left corner, in the
    order top left, top right, bottom right, bottom left. As torchvision's perspective, which names the outermost
    pixels' indices as corners although its pixel centres are at halves."""
    x, y = corners[..., 0], corners[..., 1]
    start_x, start_y = torch.tensor([[0, w - 1, w - 1, 0], [0, 0, h - 1, h - 1]], dtype=torch.float32, device=x.device)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    for_x = torch.stack((x, y, one, zero, zero, zero, -start_x * x, -start_x * y), dim=-1)
    for_y = torch.stack((zero, zero, zero, x, y, one, -start_y * x, -start_y * y), dim=-1)
    right = torch.stack((start_x.expand_as(x), start_y.expand_as(x)), dim=-1).reshape(-1, 8)
    left = torch.stack((for_x, for_y), dim=-2).reshape(-1, 8, 8)
    solved = torch.linalg.solve(left.double(), right.double())
    matrices = torch.cat((solved, torch.ones_like(solved[:, :1])), dim=1).view(-1, 3, 3)
    to_centre = torch.tensor([[1, 0, -w / 2], [0, 1, -h / 2], [0, 0, 1]], dtype=torch.float64, device=x.device)
    from_centre = torch.tensor([[1, 0, w / 2], [0, 1, h / 2], [0, 0, 1]], dtype=torch.float64, device=x.device)
    return (to_centre @ matrices @ from_centre).float()
