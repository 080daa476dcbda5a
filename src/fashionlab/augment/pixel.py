"""Augmentations that change brightness values where they are."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor

from fashionlab.augment import photometric
from fashionlab.augment.base import AUGMENTATIONS, Draw, Parameters, Pixel


def _in_order(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"must be [lowest, highest], not {list(pair)}")
    return pair


Positive = Annotated[float, Field(gt=0)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_in_order)]
Fraction = Annotated[float, Field(gt=0, le=1)]
FractionRange = Annotated[tuple[Fraction, Fraction], AfterValidator(_in_order)]


class _Factor(Pixel):
    """Blend by a factor drawn from [max(0, 1 - strength), 1 + strength]; 1 leaves the picture as it is."""

    strength: float = Field(default=0.2, ge=0)
    example: ClassVar = {"strength": 0.5}

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {"factor": draw.uniform(max(0.0, 1 - self.strength), 1 + self.strength, shape[0])}


@AUGMENTATIONS.register("brightness")
class Brightness(_Factor):
    description = "multiply by a factor around 1"
    source = "torchvision ColorJitter"

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.brightness(images, parameters["factor"])


@AUGMENTATIONS.register("contrast")
class Contrast(_Factor):
    description = "blend with the mean by a factor around 1"
    source = "torchvision ColorJitter"

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.contrast(images, parameters["factor"])


@AUGMENTATIONS.register("saturation")
class Saturation(_Factor):
    description = "blend with grey by a factor around 1; grey pictures stay"
    source = "torchvision ColorJitter"

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.saturation(images, parameters["factor"])


@AUGMENTATIONS.register("hue")
class Hue(Pixel):
    """Turn the colours about the colour circle by up to `strength` of a full turn either way."""

    description = "turn the colours about the colour circle; grey pictures stay"
    source = "torchvision ColorJitter"

    strength: float = Field(default=0.05, ge=0, le=0.5)
    example: ClassVar = {"strength": 0.5}

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {"turn": draw.uniform(-self.strength, self.strength, shape[0])}

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.hue(images, parameters["turn"])


@AUGMENTATIONS.register("sharpness")
class Sharpness(_Factor):
    description = "blend with a smoothed picture by a factor around 1"
    source = "torchvision RandomAdjustSharpness"

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.sharpness(images, parameters["factor"])


class _Fixed(Pixel):
    """One change without a strength of its own; only whether it happens is drawn."""

    probability: float = Field(default=0.5, ge=0, le=1)

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {}


@AUGMENTATIONS.register("invert")
class Invert(_Fixed):
    description = "negative"
    source = "torchvision RandomInvert"

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.invert(images)


@AUGMENTATIONS.register("autocontrast")
class Autocontrast(_Fixed):
    description = "stretch the values to the whole range"
    source = "torchvision RandomAutocontrast"

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.autocontrast(images)


@AUGMENTATIONS.register("equalize")
class Equalize(_Fixed):
    description = "even out the histogram"
    source = "torchvision RandomEqualize"

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.equalize(images)


@AUGMENTATIONS.register("solarize")
class Solarize(_Fixed):
    description = "invert what is at or above a threshold"
    source = "torchvision RandomSolarize"

    threshold: float = Field(default=0.5, ge=0, le=1)

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.solarize(images, images.new_full((len(images),), self.threshold))


@AUGMENTATIONS.register("posterize")
class Posterize(_Fixed):
    description = "keep the highest bits of every value"
    source = "torchvision RandomPosterize"

    bits: int = Field(default=4, ge=1, le=8)

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.posterize(images, torch.full((len(images),), self.bits, device=images.device))


@AUGMENTATIONS.register("blur")
class Blur(Pixel):
    """Gaussian blur, `size` x `size` pixels, of a deviation drawn from `sigma` (pixels)."""

    description = "Gaussian blur of random width"
    source = "torchvision GaussianBlur"

    size: int = Field(default=5, ge=1)
    sigma: PositiveRange = (0.1, 2.0)

    @model_validator(mode="after")
    def _odd_size(self) -> Self:
        if self.size % 2 == 0:
            raise ValueError(f"size must be odd, not {self.size}")
        return self

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {"sigma": draw.uniform(*self.sigma, shape[0])}

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return photometric.gaussian_blur(images, parameters["sigma"], self.size)


@AUGMENTATIONS.register("noise")
class Noise(Pixel):
    """Add Gaussian noise of deviation `std` (in a range of 0 to 1) to every value, and clamp."""

    description = "add Gaussian noise"
    source = "torchvision v2 GaussianNoise"

    std: float = Field(default=0.05, ge=0)

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        return {"noise": draw.normal(*shape)}

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return torch.add(images, parameters["noise"], alpha=self.std).clamp_(0, 1)


@AUGMENTATIONS.register("random_erasing")
class RandomErasing(Pixel):
    """Overwrite a rectangle with `value` (a brightness, or "random": uniform noise).

    scale: its area as a part of the picture's. ratio: its height to its width. As in torchvision, sizes that do not fit
    inside the picture are drawn again, up to ten times, after which the picture stays as it is.
    """

    description = "overwrite a random rectangle"
    source = "Zhong et al. 2020, arXiv:1708.04896; torchvision RandomErasing"

    probability: float = Field(default=0.5, ge=0, le=1)
    scale: FractionRange = (0.02, 0.33)
    ratio: PositiveRange = (0.3, 3.3)
    value: Annotated[float, Field(ge=0, le=1)] | Literal["random"] = 0.0

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        n, _, h, w = shape
        area = draw.uniform(*self.scale, n, 10) * (h * w)
        low, high = torch.tensor(self.ratio).log().tolist()
        ratio = draw.uniform(low, high, n, 10).exp()
        heights, widths = (area * ratio).sqrt().round().long(), (area / ratio).sqrt().round().long()
        fits = (heights < h) & (widths < w)
        first = fits.int().argmax(1, keepdim=True)  # the first that fits; the very first where none does
        height, width = ((sizes * fits).gather(1, first)[:, 0] for sizes in (heights, widths))
        top = (draw.uniform(0, 1, n) * (h - height + 1)).long().clamp_(max=h - 1)
        left = (draw.uniform(0, 1, n) * (w - width + 1)).long().clamp_(max=w - 1)
        parameters = {"box": torch.stack((top, left, top + height, left + width), dim=1)}
        if self.value == "random":
            parameters["noise"] = draw.uniform(0, 1, *shape)
        return parameters

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        inside = box_mask(parameters["box"], images.shape)
        if self.value == "random":
            return torch.where(inside, parameters["noise"], images)
        return images.masked_fill(inside, self.value)


@AUGMENTATIONS.register("cutout")
class Cutout(Pixel):
    """Black out a square of `size` pixels whose middle may be anywhere, so that it may stick out."""

    description = "black out a random square"
    source = "DeVries and Taylor 2017, arXiv:1708.04552"

    lengths: ClassVar = ("size",)
    size: int = Field(default=8, ge=1)

    def draw_parameters(self, shape: torch.Size, draw: Draw) -> Parameters:
        n, _, h, w = shape
        top = draw.integers(0, h - 1, n) - self.size // 2
        left = draw.integers(0, w - 1, n) - self.size // 2
        return {"box": torch.stack((top, left, top + self.size, left + self.size), dim=1)}

    def change(self, images: Tensor, parameters: Parameters) -> Tensor:
        return images.masked_fill(box_mask(parameters["box"], images.shape), 0.0)


def box_mask(box: Tensor, shape: torch.Size) -> Tensor:
    """bool [B, 1, H, W]: inside `box` (int64 [B, 4]: top, left, bottom, right; the last two excluded)."""
    h, w = shape[-2:]
    y, x = torch.arange(h, device=box.device), torch.arange(w, device=box.device)
    top, left, bottom, right = box[:, :, None].unbind(1)
    return ((y >= top) & (y < bottom)).view(-1, 1, h, 1) & ((x >= left) & (x < right)).view(-1, 1, 1, w)
