"""Augmentations that move pixels. Neighbours in a pipeline become one matrix and one resampling."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fashionlab.augment.base import AUGMENTATIONS, Draw, Geometric, Parameters, WholePixels
from fashionlab.augment.geometry import (
    Mode,
    affine_matrices,
    linear_matrices,
    quadrilateral_matrices,
    rotation_matrices,
)

Fraction = Annotated[float, Field(ge=0, le=1)]
Degrees = Annotated[float, Field(ge=0, le=180)]
ShearDegrees = Annotated[float, Field(ge=0, lt=90)]
Scale = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


@AUGMENTATIONS.register("pad_and_crop")
class PadAndCrop(WholePixels):
    """Pad every side by `padding` pixels and cut the old size out at a random place."""

    description = "pad and cut out at a random place"
    source = "He et al. 2016, arXiv:1512.03385; torchvision RandomCrop(padding=...)"

    lengths: ClassVar = ("padding",)
    padding: int = Field(ge=0)
    mode: Mode = "zeros"
    example: ClassVar = {"padding": 4}

    @property
    def reach(self) -> int:
        return self.padding

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        dx, dy = draw.integers(-self.reach, self.reach, 2, shape[0])
        return {"dx": dx, "dy": dy}


@AUGMENTATIONS.register("shift")
class Shift(WholePixels):
    """Shift by up to `x` pixels to either side and up to `y` pixels up or down, in whole pixels."""

    description = "shift by whole pixels"
    source = "LeCun et al. 1998; airbench (github.com/KellerJordan/cifar10-airbench)"

    lengths: ClassVar = ("x", "y")
    x: int = Field(default=0, ge=0)
    y: int = Field(default=0, ge=0)
    mode: Mode = "zeros"
    example: ClassVar = {"x": 3, "y": 2, "mode": "reflection"}

    @property
    def reach(self) -> int:
        return max(self.x, self.y)

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {"dx": draw.integers(-self.x, self.x, shape[0]), "dy": draw.integers(-self.y, self.y, shape[0])}


@AUGMENTATIONS.register("flip")
class Flip(WholePixels):
    """Mirror left and right; at random, or (`alternating`) every picture in every other epoch.

    Alternating: the side that a picture starts on is pseudo-random by its index, so that a batch holds both, but each
    picture is seen from each side equally often. Needs the draw's `indices` and `epoch`; raises ValueError without.
    """

    description = "mirror left and right, at random or every other epoch"
    source = "random: Krizhevsky et al. 2012; alternating: Jordan 2024, arXiv:2404.00498"

    probability: float = Field(default=0.5, ge=0, le=1)
    alternating: bool = False

    @property
    def reach(self) -> int:
        return 0

    @model_validator(mode="after")
    def _no_probability_when_alternating(self) -> Self:
        if self.alternating and self.probability != 0.5:
            raise ValueError("an alternating flip mirrors every picture every other epoch; leave `probability` out")
        return self

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        if not self.alternating:
            return {"mirror": draw.chance(self.probability, shape[0])}
        if draw.indices is None:
            raise ValueError("an alternating flip needs Draw.indices")
        scrambled = (draw.indices * 0x9E3779B1) & 0xFFFFFFFF  # Knuth's multiplicative hash; its high bits are good
        return {"mirror": ((scrambled >> 31) + draw.epoch) % 2 == 1}

    def sample(self, shape: torch.Size, draw: Draw) -> Parameters:
        return self.draw_parameters(shape, draw)  # which pictures are changed is all there is to draw


@AUGMENTATIONS.register("rotation")
class Rotation(Geometric):
    """Turn about the centre by up to `degrees` either way."""

    description = "turn about the centre"
    source = "torchvision RandomRotation"

    degrees: Degrees
    mode: Mode = "zeros"
    example: ClassVar = {"degrees": 10}

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {"degrees": draw.uniform(-self.degrees, self.degrees, shape[0])}

    def to_matrices(self, parameters: Parameters, shape: torch.Size) -> Tensor:
        return rotation_matrices(parameters["degrees"])


@AUGMENTATIONS.register("affine")
class Affine(Geometric):
    """Turn, shift, zoom and shear, about the centre.

    degrees: up to so much either way. translate: up to these fractions of width and height either way.
    scale: lowest and highest zoom; both axes alike unless `scale_axes_apart` (as Keras's ImageDataGenerator does).
    shear: up to so many degrees along x and along y either way.
    """

    description = "turn, shift, zoom and shear"
    source = "torchvision RandomAffine; with scale_axes_apart Keras ImageDataGenerator"

    degrees: Degrees = 0.0
    translate: tuple[Fraction, Fraction] = (0.0, 0.0)
    scale: tuple[Scale, Scale] = (1.0, 1.0)
    scale_axes_apart: bool = False
    shear: tuple[ShearDegrees, ShearDegrees] = (0.0, 0.0)
    mode: Mode = "zeros"
    example: ClassVar = {"degrees": 10, "translate": (0.1, 0.1), "scale": (0.9, 1.1), "shear": (10, 0)}

    @model_validator(mode="after")
    def _scale_in_order(self) -> Self:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale must be [lowest, highest], not {list(self.scale)}")
        return self

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        n, _, h, w = shape
        across, down = self.translate[0] * w, self.translate[1] * h
        scale_x = draw.uniform(*self.scale, n)
        return {
            "degrees": draw.uniform(-self.degrees, self.degrees, n),
            "dx": draw.uniform(-across, across, n),
            "dy": draw.uniform(-down, down, n),
            "scale_x": scale_x,
            "scale_y": draw.uniform(*self.scale, n) if self.scale_axes_apart else scale_x,
            "shear_x": draw.uniform(-self.shear[0], self.shear[0], n),
            "shear_y": draw.uniform(-self.shear[1], self.shear[1], n),
        }

    def to_matrices(self, parameters: Parameters, shape: torch.Size) -> Tensor:
        return affine_matrices(**{name: value for name, value in parameters.items() if name != "chosen"})


@AUGMENTATIONS.register("resized_crop")
class ResizedCrop(Geometric):
    """Cut out a part of the picture and enlarge it to the old size.

    area: lowest and highest share of the picture that is kept. ratio: lowest and highest width over height of the part,
    drawn on a logarithmic scale; where it does not fit into the picture, the part is as long as the picture and its
    area smaller.
    """

    description = "cut out a part and enlarge it"
    source = "Szegedy et al. 2015, arXiv:1409.4842; torchvision RandomResizedCrop"

    area: tuple[Share, Share] = (0.35, 1.0)
    ratio: tuple[Scale, Scale] = (3 / 4, 4 / 3)
    mode: Mode = "border"  # half a pixel beyond the outermost centres may be seen

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("area", "ratio"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be [lowest, highest], not {[low, high]}")
        return self

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        n, _, h, w = shape
        area = draw.uniform(*self.area, n)
        ratio = draw.uniform(math.log(self.ratio[0]), math.log(self.ratio[1]), n).exp() * (h / w)
        across, down = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
        return {"scale_x": across, "scale_y": down,
                "dx": draw.uniform(-0.5, 0.5, n) * (1 - across) * w, "dy": draw.uniform(-0.5, 0.5, n) * (1 - down) * h}

    def to_matrices(self, parameters: Parameters, shape: torch.Size) -> Tensor:
        zero = torch.zeros_like(parameters["dx"])
        return linear_matrices(parameters["scale_x"], zero, zero, parameters["scale_y"], parameters["dx"],
                               parameters["dy"])


@AUGMENTATIONS.register("perspective")
class Perspective(Geometric):
    """See the picture from another place: every corner moves inwards by up to `distortion` of half the size."""

    description = "move the four corners inwards, each by its own draw"
    source = "torchvision RandomPerspective"
    projective = True

    distortion: Fraction = 0.5
    probability: float = Field(default=0.5, ge=0, le=1)
    mode: Mode = "zeros"

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        n, _, h, w = shape
        across, down = (int(self.distortion * (size // 2)) for size in (w, h))
        x, y = draw.integers(0, across, n, 4), draw.integers(0, down, n, 4)
        # top left, top right, bottom right, bottom left
        x = torch.stack((x[:, 0], w - 1 - x[:, 1], w - 1 - x[:, 2], x[:, 3]), dim=1)
        y = torch.stack((y[:, 0], y[:, 1], h - 1 - y[:, 2], h - 1 - y[:, 3]), dim=1)
        return {"corners": torch.stack((x, y), dim=2).float()}

    def to_matrices(self, parameters: Parameters, shape: torch.Size) -> Tensor:
        return quadrilateral_matrices(parameters["corners"], *shape[-2:])
