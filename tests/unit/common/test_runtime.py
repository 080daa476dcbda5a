"""Devices, number formats, seeds."""

from __future__ import annotations

import pytest
import torch

from fashionlab import models
from fashionlab.common import runtime
from fashionlab.common.errors import UsageError


def test_every_choice_has_a_reason():
    device_runtime = runtime.choose("cpu")
    assert device_runtime.reasons.keys() == {"device", "threads", "memory", "precision", "layout"}
    assert device_runtime.threads == torch.get_num_threads()


def test_unknown_devices_are_refused():
    for name in ("gpu", "cpu:x", "meta", "cuda:99"):
        with pytest.raises(UsageError, match=name):
            runtime.choose(name)


def test_seeds_are_a_pure_function_of_seed_and_names():
    assert runtime.derive_seed(1, "order", 2) == runtime.derive_seed(1, "order", 2)
    seeds = {runtime.derive_seed(seed, name, step) for seed in range(5) for name in ("a", "b") for step in range(100)}
    assert len(seeds) == 1000
    first, again = (torch.rand(4, generator=runtime.generator(3, "x")) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("name", ["fast", "deep-cnn", "resnet20"])
def test_bfloat16_agrees_with_float32_and_layouts_with_one_another(name):
    """Guards against releases in which bfloat16 or channels_last convolutions returned wrong values or sizes."""
    torch.manual_seed(0)
    model = models.build(name, classes=10, channels=1, image_size=28).eval()
    pictures = torch.rand(16, 1, 28, 28)
    with torch.inference_mode():
        plain = model(pictures)
        last = model.to(memory_format=torch.channels_last)(pictures.to(memory_format=torch.channels_last))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = model(pictures.to(memory_format=torch.channels_last)).float()
    scale = plain.abs().max()
    assert (last - plain).abs().max() < 1e-4 * scale
    assert (half - plain).abs().max() < 5e-2 * scale
