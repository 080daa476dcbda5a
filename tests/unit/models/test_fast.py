"""The fast network: whitening against its definition, number formats, its start."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fashionlab.models import build
from fashionlab.models.fast import FastNetwork, Whitening


def network(channels: int = 1, **arguments: object) -> FastNetwork:
    torch.manual_seed(0)
    model = build("fast", classes=10, channels=channels, image_size=28, widths=(16, 32, 32), **arguments)
    assert isinstance(model, FastNetwork)
    return model


def smooth_pictures(n: int, channels: int) -> Tensor:
    """float32 [n, channels, 28, 28] whose neighbouring pixels resemble one another, as in photographs, and noise."""
    draw = torch.Generator().manual_seed(3)
    coarse = torch.randn(n, channels, 10, 10, generator=draw)
    return F.interpolate(coarse, (28, 28), mode="bilinear") + 0.1 * torch.randn(n, channels, 28, 28, generator=draw)


@pytest.mark.parametrize(("channels", "kernel"), [(1, 2), (1, 3), (3, 2), (3, 3)])
def test_whitened_patches_have_unit_covariance(channels: int, kernel: int) -> None:
    model = network(channels, whitening_kernel=kernel, whitening_epsilon=1e-9)
    images = smooth_pictures(1200, channels)
    model.initialise_from(images)
    half = channels * kernel**2
    answers = model.whitening(images)[:, :half].movedim(1, 0).reshape(half, -1).detach().double().numpy()
    np.testing.assert_allclose(answers @ answers.T / answers.shape[1], np.eye(half), atol=0.02)


def test_filters_equal_a_slow_computation() -> None:
    images = smooth_pictures(20, 3)
    model = network(3)
    model.initialise_from(images)
    patches = np.array([
        image[:, y : y + 2, x : x + 2].ravel() for image in images.numpy() for y in range(27) for x in range(27)
    ], dtype=np.float64)
    values, vectors = np.linalg.eigh(patches.T @ patches / len(patches))
    expected = (vectors / np.sqrt(values + 5e-4)).T[::-1]
    weight = model.whitening.weight.flatten(1).numpy()
    signs = np.sign((expected * weight[:12]).sum(1, keepdims=True))  # an eigenvector's sign is arbitrary
    np.testing.assert_allclose(weight[:12], signs * expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(weight[12:], -weight[:12])


def test_a_smaller_width_keeps_the_strongest_directions() -> None:
    images = smooth_pictures(50, 1)
    full, small = network(whitening_kernel=3), network(whitening_kernel=3, whitening_width=8)
    full.initialise_from(images)
    small.initialise_from(images)
    assert torch.equal(small.whitening.weight[:4], full.whitening.weight[:4])


def test_the_filters_are_frozen_and_their_bias_is_not() -> None:
    whitening = network().whitening
    assert not whitening.weight.requires_grad
    assert whitening.bias.requires_grad


@pytest.mark.parametrize("kernel", [2, 3])
def test_whitening_stays_float32_under_bfloat16(kernel: int) -> None:
    model = network(whitening_kernel=kernel).to(memory_format=torch.channels_last)
    images = smooth_pictures(8, 1)
    model.initialise_from(images)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        answers = model.whitening(images)
        logits = model(images)
    assert answers.dtype == torch.float32
    assert answers.shape == (8, 2 * kernel**2, 29 - kernel, 29 - kernel)
    assert answers.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(answers, F.conv2d(images, model.whitening.weight, model.whitening.bias))
    torch.testing.assert_close(logits.float(), model(images), rtol=0.1, atol=0.05)


def test_convolutions_start_by_passing_their_input_on() -> None:
    first = network().groups[0].convolutions[0]
    picture = torch.randn(1, 8, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(first(picture)[:, :8], picture)


def test_a_residual_group_has_a_third_convolution() -> None:
    assert len(network(depth=3).groups[0].convolutions) == 3
    assert network(depth=3)(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_logits_are_scaled() -> None:
    images = smooth_pictures(4, 1)
    with torch.no_grad():
        plain, scaled = network(logit_scale=1.0).eval()(images), network(logit_scale=0.5).eval()(images)
    torch.testing.assert_close(scaled, plain / 2)


def test_whitening_of_many_pictures_equals_that_of_few_at_a_time() -> None:
    images = smooth_pictures(1100, 1)  # more than a chunk
    once, chunked = Whitening(1, 2, 8), Whitening(1, 2, 8)
    chunked.initialise_from(images, 5e-4)
    once.initialise_from(images[torch.randperm(1100, generator=torch.Generator().manual_seed(0))], 5e-4)
    torch.testing.assert_close(once.weight.abs(), chunked.weight.abs(), rtol=1e-4, atol=1e-4)
