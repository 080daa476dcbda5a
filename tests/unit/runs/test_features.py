"""Penultimate features of networks made for the purpose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fashionlab.common import runtime
from fashionlab.common.records import PictureSet
from fashionlab.data import ResidentPictures
from fashionlab.runs.features import features
from fashionlab.runs.folder import ModelSpec

SPEC = ModelSpec("test", {}, ("a", "b", "c"), 1, 4, (0.5,), (0.25,), 1)


def resident(n: int) -> ResidentPictures:
    images = np.random.default_rng(n).integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
    return ResidentPictures.from_set(PictureSet(images, np.zeros(n, np.int64), SPEC.classes, "test"), np.arange(n),
                                     "cpu")


class Backwards(nn.Module):
    """Registers its last layer first."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(5, 3)
        self.body = nn.Linear(16, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images.flatten(1)).tanh())


def test_of_a_single_linear_layer_they_are_the_normalised_pixels() -> None:
    pictures = resident(2300)  # more than two batches
    computed = features(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), pictures, SPEC, runtime.choose("cpu", "float32"))
    torch.testing.assert_close(computed, (pictures.images.float() / 255 - 0.5).flatten(1) / 0.25)


def test_the_last_layer_is_the_one_that_runs_last() -> None:
    pictures = resident(3)
    model = Backwards()
    computed = features(model, pictures, SPEC, runtime.choose("cpu", "float32"))
    with torch.no_grad():
        wanted = model.body((pictures.images.float() / 255 - 0.5).flatten(1) / 0.25).tanh()
    torch.testing.assert_close(computed, wanted)


def test_of_no_pictures_there_are_none() -> None:
    computed = features(Backwards(), resident(3), SPEC, runtime.choose("cpu", "float32"), torch.arange(0))
    assert computed.shape == (0, 5)


def test_hooks_are_removed_when_the_network_fails() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 3))
    with pytest.raises(RuntimeError):
        features(model, resident(1), SPEC, runtime.choose("cpu", "float32"))
    assert not model[1]._forward_pre_hooks
