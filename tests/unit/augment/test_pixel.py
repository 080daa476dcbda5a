"""Changes of values, boxes and noise against torchvision and PIL, picture by picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms import functional as tv

from fashionlab.augment import Draw, build, photometric
from fashionlab.augment.pixel import Blur, Cutout, Noise, RandomErasing
from fashionlab.common.errors import UsageError

channels = pytest.mark.parametrize("c", [1, 3])


def draw(seed: int = 0) -> Draw:
    return Draw(torch.Generator().manual_seed(seed))


def byte_pictures(c: int, n: int = 8, h: int = 21, w: int = 26) -> Tensor:
    """Multiples of 1/255; one flat, one dark and nearly empty (as clothes are), one that leaves out the extremes."""
    values = torch.randint(0, 256, (n, c, h, w), generator=torch.Generator().manual_seed(c))
    values[0] = 77
    values[1] = values[1] * (values[1] > 230)
    values[2] = values[2] // 4 + 90
    return values.float() / 255


def as_pil(image: Tensor) -> Image.Image:
    array = (image * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def from_pil(image: Image.Image) -> Tensor:
    array = np.asarray(image)
    return torch.from_numpy(array.copy()).view(*array.shape[:2], -1).permute(2, 0, 1).float() / 255


FACTORS = torch.tensor([0.0, 0.3, 0.5, 0.9, 1.0, 1.2, 1.5, 2.5])


@channels
@pytest.mark.parametrize(("ours", "theirs"), [
    (photometric.brightness, tv.adjust_brightness), (photometric.contrast, tv.adjust_contrast),
    (photometric.saturation, tv.adjust_saturation), (photometric.sharpness, tv.adjust_sharpness),
])
def test_blending_is_torchvisions(
    c: int, ours: Callable[[Tensor, Tensor], Tensor], theirs: Callable[[Tensor, float], Tensor]
) -> None:
    images = byte_pictures(c)
    for image, changed, factor in zip(images, ours(images, FACTORS), FACTORS.tolist(), strict=True):
        assert torch.allclose(changed, theirs(image, factor), atol=1e-5)


@channels
def test_hue_is_torchvisions(c: int) -> None:
    images = byte_pictures(c)
    turns = torch.tensor([-0.5, -0.3, -0.1, 0.0, 0.05, 0.2, 0.4, 0.5])
    for image, changed, turn in zip(images, photometric.hue(images, turns), turns.tolist(), strict=True):
        assert torch.allclose(changed, tv.adjust_hue(image, turn), atol=1e-5)


@channels
def test_values_only_are_torchvisions(c: int) -> None:
    images = byte_pictures(c)
    assert torch.allclose(photometric.invert(images), tv.invert(images), atol=1e-6)
    assert torch.allclose(photometric.autocontrast(images), tv.autocontrast(images), atol=1e-5)
    thresholds = torch.linspace(0, 1, len(images))
    solarized = photometric.solarize(images, thresholds)
    for image, changed, threshold in zip(images, solarized, thresholds.tolist(), strict=True):
        assert torch.allclose(changed, tv.solarize(image, threshold), atol=1e-6)


@channels
def test_posterize_and_equalize_are_pils(c: int) -> None:
    images = byte_pictures(c)
    bits = torch.arange(1, 9)
    posterized, equalized = photometric.posterize(images, bits), photometric.equalize(images)
    for i, image in enumerate(images):
        assert torch.equal(posterized[i], from_pil(ImageOps.posterize(as_pil(image), int(bits[i]))))
        assert torch.equal(equalized[i], from_pil(ImageOps.equalize(as_pil(image))))


@channels
@pytest.mark.parametrize("size", [1, 3, 5, 9])
def test_blur_is_torchvisions(c: int, size: int) -> None:
    images = byte_pictures(c)
    blur = Blur(size=size, sigma=(0.1, 3.0))
    parameters = blur.sample(images.shape, draw())
    blurred = blur.apply(images, parameters)
    for image, changed, sigma in zip(images, blurred, parameters["sigma"].tolist(), strict=True):
        assert 0.1 <= sigma <= 3.0
        assert torch.allclose(changed, tv.gaussian_blur(image, [size, size], [sigma, sigma]), atol=1e-5)


def test_a_blur_wider_than_the_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="too wide for pictures of 4x30"):
        Blur(size=9).apply(torch.rand(2, 1, 4, 30), {"sigma": torch.ones(2)})


def test_noise_has_its_deviation_and_is_clamped() -> None:
    images = torch.full((50, 1, 20, 20), 0.5)
    noise = Noise(std=0.1)
    difference = noise.apply(images, noise.sample(images.shape, draw())) - images
    assert abs(difference.std().item() - 0.1) < 0.002 and abs(difference.mean().item()) < 0.002
    bright = torch.ones(50, 1, 20, 20)
    assert noise.apply(bright, noise.sample(bright.shape, draw())).max() == 1


@pytest.mark.parametrize("value", [0.0, 0.4, "random"])
def test_erasing_is_torchvisions_erase(value: float | str) -> None:
    images = byte_pictures(3, n=60)
    erasing = RandomErasing(probability=1, value=value)
    parameters = erasing.sample(images.shape, draw())
    erased = erasing.apply(images, parameters)
    for i, (top, left, bottom, right) in enumerate(parameters["box"].tolist()):
        filling = parameters["noise"][i, :, top:bottom, left:right] if value == "random" else torch.tensor(value)
        assert torch.equal(erased[i], tv.erase(images[i], top, left, bottom - top, right - left, filling))


def test_erased_boxes_keep_to_scale_and_ratio() -> None:
    boxes = RandomErasing(scale=(0.05, 0.3), ratio=(0.5, 2)).sample(torch.Size((20000, 1, 100, 80)), draw())["box"]
    top, left, bottom, right = boxes.unbind(1)
    assert (top >= 0).all() and (left >= 0).all() and (bottom <= 100).all() and (right <= 80).all()
    height, width = (bottom - top).double(), (right - left).double()
    area, ratio = height * width / 8000, height / width
    assert 0.045 < area.min() < 0.06 and 0.29 < area.max() < 0.31
    assert 0.47 < ratio.min() < 0.53 and 1.9 < ratio.max() < 2.15
    assert abs(area.mean() - 0.175) < 0.003  # uniform
    assert abs(ratio.log().mean()) < 0.02  # log-uniform
    assert top.min() == 0 and left.min() == 0 and bottom.max() == 100 and right.max() == 80


def test_erasing_that_never_fits_leaves_the_picture() -> None:
    images = byte_pictures(1)
    erasing = RandomErasing(probability=1, scale=(1.0, 1.0), ratio=(0.9, 1.1))
    assert torch.equal(erasing.apply(images, erasing.sample(images.shape, draw())), images)


def test_cutout_blacks_out_what_a_slow_loop_does() -> None:
    images = byte_pictures(3, n=300)
    cutout = Cutout(size=7)
    parameters = cutout.sample(images.shape, draw())
    expected = images.clone()
    for image, (top, left, bottom, right) in zip(expected, parameters["box"].tolist(), strict=True):
        assert (bottom - top, right - left) == (7, 7)
        image[:, max(top, 0) : bottom, max(left, 0) : right] = 0
    assert torch.equal(cutout.apply(images, parameters), expected)
    middles = parameters["box"][:, :2] + 3
    assert middles.amin(0).tolist() == [0, 0] and middles.amax(0).tolist() == [20, 25]


@pytest.mark.parametrize(("operation", "message"), [
    ({"name": "blur", "size": 4}, "size must be odd, not 4"),
    ({"name": "blur", "sigma": [2, 1]}, r"sigma: .*must be \[lowest, highest\], not \[2.0, 1.0\]"),
    ({"name": "random_erasing", "scale": [0.2, 1.5]}, "scale.1: .*less than or equal to 1"),
    ({"name": "random_erasing", "value": "mean"}, "value"),
    ({"name": "cutout", "size": 0}, "size: .*greater than or equal to 1"),
    ({"name": "brightness", "strength": -1}, "strength: .*greater than or equal to 0"),
    ({"name": "posterize", "bits": 9}, "bits: .*less than or equal to 8"),
    ({"name": "noise", "std": float("inf")}, "std: .*finite"),
])
def test_wrong_values_are_named(operation: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build([operation])
